"""The control: as many rows of each prompt as were selected, drawn at random."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.stages.select.tables import FORMS, jsonl, numbers
from winnow.storage.receipts import read_receipt

ROWS: list[dict[str, Any]] = [
    {
        "n": n,
        "prompt_id": f"p{n % 4}",
        "text": f"t{n % 9}",
        "score": n / 40,
        "verdict": ["pass", "fail", "error"][n % 3],
    }
    for n in range(40)
]


def per_prompt(rows: Any) -> Counter[str]:
    return Counter(row["prompt_id"] for row in rows)


def test_no_control_is_drawn_by_default() -> None:
    chosen = winnow.select(ROWS, passed=True)
    assert chosen.control is None
    assert "control" not in chosen.summary


@pytest.mark.parametrize("rules", [{"passed": True}, {"threshold": 0.7}, {"best_of": 2}, {"top_share": 0.3}])
def test_the_control_has_as_many_rows_of_each_prompt_as_the_selection(rules: dict[str, Any]) -> None:
    chosen = winnow.select(ROWS, control=True, **rules)
    assert chosen.control is not None
    assert per_prompt(chosen.control) == per_prompt(chosen)
    assert numbers(chosen.control) != numbers(chosen)
    assert {row["winnow_rule"] for row in chosen.control} == {"control"}
    assert chosen.summary["control"] == {"rows": len(chosen), "out": None}


def test_failed_undecided_and_unscored_rows_can_be_in_the_control() -> None:
    drawn: Counter[str] = Counter()
    for seed in range(8):
        control = winnow.select(ROWS, passed=True, control=True, seed=seed).control
        assert control is not None
        drawn += Counter(row["verdict"] for row in control)
    assert drawn.keys() == {"pass", "fail", "error"}
    unscored = [{**row, "score": row["score"] if row["n"] < 4 else None} for row in ROWS]
    control = winnow.select(unscored, passed=False, threshold=0, control=True).control
    assert control is not None
    assert len(control) == 4
    assert numbers(control) != [0, 1, 2, 3]


def test_the_control_depends_on_the_seed() -> None:
    first, again, other = (winnow.select(ROWS, passed=True, control=True, seed=seed).control for seed in (1, 1, 2))
    assert numbers(first) == numbers(again) != numbers(other)


def test_without_prompts_the_control_is_drawn_from_the_whole_table() -> None:
    rows = [{name: value for name, value in row.items() if name != "prompt_id"} for row in ROWS]
    chosen = winnow.select(rows, passed=True, control=True)
    assert chosen.control is not None
    assert len(chosen.control) == len(chosen) == 14
    assert numbers(chosen.control) != numbers(chosen)


def test_distinct_and_exclude_hold_for_the_control_too() -> None:
    rows = [{**row, "question": "known" if row["n"] % 5 == 0 else "new"} for row in ROWS]
    chosen = winnow.select(rows, passed=True, distinct=True, exclude=[{"question": "Known?"}], control=True)
    assert chosen.control is not None
    texts = [(row["prompt_id"], row["text"]) for row in chosen.control]
    assert len(set(texts)) == len(texts)
    assert {row["question"] for row in chosen.control} == {"new"}


def test_the_second_row_of_a_text_can_be_drawn_if_the_first_is_excluded() -> None:
    """One prompt id over two questions, the first of them an evaluation prompt: the control is not smaller for it."""
    rows = [{"n": n, "prompt_id": "p", "question": q, "text": "t"} for n, q in enumerate(["known", "new"])]
    evaluation = [{"question": "known"}]
    chosen = winnow.select([*rows[::-1]], distinct=True, exclude=evaluation, control=True)
    assert (numbers(chosen), numbers(chosen.control)) == ([1], [1])
    judged = [{**row, "verdict": "pass" if row["n"] else "fail"} for row in rows]
    chosen = winnow.select(judged, distinct=True, exclude=evaluation, control=True)
    assert (numbers(chosen), numbers(chosen.control)) == ([1], [1])


@pytest.mark.parametrize("form", ["jsonl", "parquet files", "dictionaries"])
@pytest.mark.parametrize("name", ["c.jsonl", "c.csv", "c.parquet", "c"])
def test_the_receipt_of_a_control_has_balanced_row_counts(form: str, name: str, tmp_path: Path) -> None:
    chosen = winnow.select(FORMS[form](ROWS, tmp_path), passed=True, out=tmp_path / "s.jsonl", control=tmp_path / name)
    held = winnow.select(ROWS, passed=True, control=True).control
    assert numbers(chosen.control) == numbers(held)
    receipt = read_receipt(tmp_path / ("c/receipt.json" if name == "c" else f"{name}.receipt.json"))
    assert receipt.books.to_dict() == {"in": 40, "keep": 14, "drop": 26, "reject": 0, "reasons": {"not drawn": 26}}
    assert receipt.work.config["rules"]["said"] == "control"
    assert chosen.summary["control"] == {"rows": 14, "out": str(tmp_path / name)}


def test_the_control_of_an_empty_selection_is_empty(tmp_path: Path) -> None:
    for place in (True, tmp_path / "c.jsonl", tmp_path / "c.csv", tmp_path / "c.parquet"):
        chosen = winnow.select(jsonl(ROWS, tmp_path), threshold=99, control=place)
        assert chosen.control is not None
        assert (len(chosen), len(chosen.control), list(chosen.control)) == (0, 0, [])


@pytest.mark.parametrize("name", ["s.jsonl", "s"])
def test_a_control_is_never_written_over_the_selection_or_an_input(name: str, tmp_path: Path) -> None:
    rows, same = jsonl(ROWS, tmp_path), tmp_path / name
    with pytest.raises(winnow.UsageError, match=r"control: '.*' is also what out names"):
        winnow.select(rows, passed=True, out=same, control=tmp_path / "." / name)
    winnow.select(rows, passed=True, out=tmp_path / "real.jsonl")
    before = (tmp_path / "real.jsonl").read_bytes()
    for where in ("out", "control"):
        real = tmp_path / "real.jsonl"
        with pytest.raises(winnow.UsageError, match=rf"{where}: .* is also what mix_real names"):
            winnow.select(rows, passed=True, mix_real=real, real_share=0.1, **{where: real})  # type: ignore[arg-type]
    assert (tmp_path / "real.jsonl").read_bytes() == before
