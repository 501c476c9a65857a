"""The row counts of a selection: every row is counted once, and every reported number can be recounted.

Rows in = keep + drop + reject in the receipt; the summary agrees with the receipt, and both with the rows themselves.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow.parquet as pq
import pytest

import winnow
from tests.stages.select.tables import FORMS, arrow, jsonl, numbers, parquet
from winnow.storage.receipts import Receipt, read_receipt

ROWS: list[dict[str, Any]] = [
    {
        "n": n,
        "id": f"c{n}",
        "prompt_id": f"p{n % 7}",
        "question": f"q{n % 7}",
        "text": "ä" * (n % 5),
        "score": None if n % 11 == 0 else n % 13 / 13,
        "a.verdict": ["pass", "pass", "fail", "abstain", None][n % 5],
        "b.verdict": ["pass", "error"][n % 17 == 0],
    }
    for n in range(200)
]
RULES: list[dict[str, Any]] = [
    {"passed": True},
    {"passed": False, "threshold": 0.4},
    {"passed": True, "best_of": 3, "keep": 2, "distinct": True, "max_rows": 9, "exclude": [{"question": "Q3"}]},
    {"passed": False, "best_of": "all", "top_share": 0.5},
    {"passed": True, "threshold": 99.0},
    {"passed": False, "max_rows": 1000},
]
NAMES = ["s.jsonl", "s.csv", "s.parquet", "s"]


def receipt(out: Path) -> Receipt:
    return read_receipt(out / "receipt.json" if out.is_dir() else out.with_name(out.name + ".receipt.json"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rules", RULES, ids=[" ".join(rules) for rules in RULES])
def test_every_row_is_kept_dropped_or_rejected_for_a_reason(rules: dict[str, Any], name: str, tmp_path: Path) -> None:
    chosen = winnow.select(jsonl(ROWS, tmp_path), out=tmp_path / name, **rules)
    written, summary = receipt(tmp_path / name), chosen.summary
    books = written.books
    assert books.rows_in == books.keep + books.drop + books.reject == len(ROWS) == summary["rows_in"]
    assert sum(books.reasons.values()) == books.drop
    assert books.keep == summary["selected"] == len(list(chosen)) == sum(shard.rows for shard in written.shards)
    gone: Counter[str] = Counter()
    for step in summary["steps"]:
        gone[step["rule"]] += step["in"] - step["out"]
    assert +gone == books.reasons
    assert (summary["undecided"], summary["without_score"]) == (gone["undecided"], gone["without score"])
    for before, after in zip(summary["steps"], summary["steps"][1:], strict=False):
        assert before["out"] == after["in"]


@pytest.mark.parametrize("form", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("rules", RULES, ids=[" ".join(rules) for rules in RULES])
def test_the_reported_shift_is_what_a_recount_finds(rules: dict[str, Any], form: str, tmp_path: Path) -> None:
    chosen = winnow.select(FORMS[form](ROWS, tmp_path), **rules)
    kept = [ROWS[n] for n in numbers(chosen)]
    shift = chosen.summary["shift"]
    raw_prompts, kept_prompts = ({row["prompt_id"] for row in rows} for rows in (ROWS, kept))
    assert shift["length"] == {
        "raw": pytest.approx(fmean(len(row["text"]) for row in ROWS)),
        "kept": pytest.approx(fmean(len(row["text"]) for row in kept)) if kept else None,
        "raw_rows_read": len(ROWS),
    }
    assert (shift["prompts"], shift["prompts_kept"]) == (len(raw_prompts), len(kept_prompts))
    assert shift["prompts_lost"] == len(raw_prompts - kept_prompts)
    assert shift["answers_per_prompt"]["raw"] == pytest.approx(len(ROWS) / len(raw_prompts))
    per = shift["answers_per_prompt"]["kept"]
    assert per == (pytest.approx(len(kept) / len(kept_prompts)) if kept else None)


@pytest.mark.parametrize("name", NAMES)
def test_the_reported_shift_is_the_same_for_every_output(name: str, tmp_path: Path) -> None:
    table = parquet(ROWS, tmp_path)
    held = winnow.select(table, passed=True, best_of=2)
    assert winnow.select(table, passed=True, best_of=2, out=tmp_path / name).summary["shift"] == held.summary["shift"]


def test_the_raw_length_of_a_long_parquet_file_is_sampled_and_the_report_says_so(
    tmp_path: Path,
) -> None:
    rows: list[dict[str, Any]] = [{"n": n, "text": "x" * (n // 10)} for n in range(400)]
    pq.write_table(arrow(rows), tmp_path / "rows.parquet", row_group_size=10)
    chosen = winnow.select(tmp_path / "rows.parquet", max_rows=100)
    length = chosen.summary["shift"]["length"]
    assert length["raw_rows_read"] == 80
    assert length["raw"] == pytest.approx(fmean(len(row["text"]) for row in rows), rel=0.05)
    assert "raw from 80 rows" in repr(chosen)


def test_undecided_and_unscored_rows_are_counted() -> None:
    undecided = [r["n"] for r in ROWS if "fail" not in (r["a.verdict"], r["b.verdict"]) and not passes(r)]
    unscored = [r for r in ROWS if passes(r) and r["score"] is None]
    summary = winnow.select(ROWS, passed=True, top_share=0.5).summary
    assert undecided and unscored
    assert (summary["undecided"], summary["without_score"]) == (len(undecided), len(unscored))
    assert "undecided: " in repr(winnow.select(ROWS, passed=True))


def passes(row: dict[str, Any]) -> bool:
    return (row["a.verdict"], row["b.verdict"]) == ("pass", "pass")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_cannot_be_read_is_rejected_once_and_set_aside(name: str, tmp_path: Path) -> None:
    path = Path(jsonl(ROWS, tmp_path))
    path.write_text(path.read_text() + '{"n": 200, "id": "", "prompt_id": "p1"}\nnonsense\n')
    rules: dict[str, Any] = {"passed": False, "best_of": 2, "control": True, "bad_rows": "quarantine:5"}
    chosen = winnow.select(path, out=tmp_path / name, **rules)
    books = receipt(tmp_path / name).books
    assert (books.rows_in, books.reject, books.reasons["bad row"]) == (202, 2, 2)
    assert (chosen.summary["rows_in"], chosen.summary["quarantined"]) == (200, 2)
    aside = [json.loads(line) for line in (tmp_path / f"{name}.quarantine.jsonl").read_text().splitlines()]
    assert [row["place"] for row in aside] == [f"{path}:202", f"{path}:201"]
    with pytest.raises(winnow.BadTable, match="rows.jsonl:20"):
        winnow.select(path, out=tmp_path / f"other-{name}", **{**rules, "bad_rows": "refuse"})
    assert not (tmp_path / f"other-{name}").exists()


def test_a_store_refuses_a_repeated_id_and_names_both_rows(tmp_path: Path) -> None:
    path = jsonl([*ROWS[:5], ROWS[2]], tmp_path)
    with pytest.raises(winnow.BadTable) as refused:
        winnow.select(path, passed=False, max_rows=99, out=tmp_path / "s")
    assert str(refused.value).startswith(f"{path}:6: id is 'c2', as at {path}:3; an id names one candidate")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("name", [None, *NAMES])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_empty_table_gives_an_empty_result(form: str, name: str | None, tmp_path: Path) -> None:
    if form == "csv":
        (tmp_path / "rows.csv").write_text(",".join(ROWS[0]) + "\n")
    else:
        whole = pq.read_table(parquet(ROWS, tmp_path))
        pq.write_table(whole.slice(0, 0), tmp_path / "rows.parquet")
    out = tmp_path / name if name else None
    rules: dict[str, Any] = {"best_of": 2, "top_share": 0.5, "distinct": True, "control": True}
    chosen = winnow.select(tmp_path / f"rows.{form}", out=out, **rules)
    assert chosen.control is not None
    assert (len(chosen), list(chosen), len(chosen.control), list(chosen.control)) == (0, [], 0, [])
    assert repr(chosen) == "nothing to select from: the table has no rows"
    assert chosen.summary["shift"]["answers_per_prompt"] == {"raw": None, "kept": None}
    assert out is None or receipt(out).books.to_dict() == {"in": 0, "keep": 0, "drop": 0, "reject": 0, "reasons": {}}


@pytest.mark.parametrize("name", [None, *NAMES])
def test_an_empty_selection_has_all_columns(name: str | None, tmp_path: Path) -> None:
    out = tmp_path / name if name else None
    chosen = winnow.select(jsonl(ROWS, tmp_path), passed=False, threshold=99, out=out)
    assert (len(chosen), list(chosen)) == (0, [])
    assert chosen.to_arrow().schema.names[: len(ROWS[0])] == list(ROWS[0])
    assert list(chosen.to_pandas().columns)[-2:] == ["winnow_rule", "winnow_weight"]
    assert chosen.summary["shift"]["prompts_lost"] == 7
    assert repr(chosen).startswith("selected 0 of 200 rows (0.0%) by: score >= 99\n")
    again = winnow.select(chosen, passed=False, max_rows=3)
    assert (len(again), list(again)) == (0, [])


def test_with_a_constant_score_all_rows_tie(tmp_path: Path) -> None:
    rows = [{"n": n, "prompt_id": f"p{n % 4}", "text": "t", "score": 0.5} for n in range(40)]
    assert len(winnow.select(rows, best_of=3, keep=2)) == 8
    assert len(winnow.select(rows, top_share=0.33)) == 13
    assert len(winnow.select(rows, threshold=0.5)) == 40


def test_a_table_where_every_row_is_the_same_keeps_one_of_each_prompt() -> None:
    rows = [{"n": n, "prompt_id": f"p{n % 4}", "text": "t", "score": 0.5} for n in range(40)]
    assert numbers(winnow.select(rows, distinct=True)) == [0, 1, 2, 3]
