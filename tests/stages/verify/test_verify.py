"""verify: one verdict per candidate and verifier, whatever the table looks like and wherever the verdicts go."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import winnow
from winnow.stages.verify.stage import BATCH_ROWS
from winnow.storage.receipts import read_receipt
from winnow.tables.table import Table

ROWS: list[dict[str, Any]] = [
    {
        "no": f"c{n}",
        "task": f"What is {n} + 1?",
        "answer": str(n + (n % 3 == 0)),
        "gold": str(n + 1),
        "extra": [n, None],
    }
    for n in range(12)
]
FOREIGN: dict[str, Any] = {"id": "no", "prompt": "task", "text": "answer", "reference": "gold"}
RIGHT = [n for n in range(12) if n % 3 == 0]
OUTS = [None, "v", "v.jsonl", "v.csv", "v.parquet"]


def even(completions: list[str], **columns: list[Any]) -> list[bool]:
    """Passes even numbers."""
    return [int(text) % 2 == 0 for text in completions]


def length(completions: list[str]) -> list[float]:
    """Scores the length."""
    return [float(len(text)) for text in completions]


def raises(completions: list[str]) -> list[bool]:
    """Cannot stand the answer 4."""
    if "4" in completions:
        raise RuntimeError("no fours, please")
    return [True] * len(completions)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("name", OUTS)
def test_every_row_gets_the_verdict_score_and_reason_of_each_verifier_in_its_order(
    table: Path, name: str | None, tmp_path: Path
) -> None:
    checked = winnow.verify(table, "exact", even, length, out=tmp_path / name if name else None, **FOREIGN)
    rows = checked.to_list()
    assert [row["no"] for row in rows] == [row["no"] for row in ROWS]
    assert list(rows[0]) == [
        *ROWS[0],
        *(f"{v}.{p}" for v in ("exact", "even", "length") for p in ("verdict", "score", "reason")),
    ]
    assert [n for n, row in enumerate(rows) if row["exact.verdict"] == "pass"] == RIGHT
    assert [row["even.verdict"] == "pass" for row in rows] == [int(row["answer"]) % 2 == 0 for row in ROWS]
    assert [float(row["length.score"]) for row in rows] == [len(row["answer"]) for row in ROWS]
    assert {row["length.verdict"] for row in rows} == {None}
    assert rows[1]["exact.reason"] == "got '1', want '2'"
    assert len(checked) == checked.summary["rows"] == 12


def test_the_summary_counts_the_verdicts_of_the_rows(table: Path) -> None:
    checked = winnow.verify(table, "exact", raises, length, **FOREIGN)
    for tally in checked.summary["verifiers"]:
        words = Counter(row[f"{tally['name']}.verdict"] or "scored" for row in checked)
        assert {word: tally[word] for word in words} == words
        assert tally["decided"] == words["pass"] + words["fail"]
        assert tally["keep_rate"] == (words["pass"] / tally["decided"] if tally["decided"] else None)
    assert "exact: pass 4, fail 8; keeps 33.3% of the decided rows" in repr(checked)
    assert "length: scored 12" in repr(checked)


def test_a_crash_is_an_error_and_never_a_fail(table: Path) -> None:
    rows = winnow.verify(table, raises, **FOREIGN).to_list()
    fours = [row for row in rows if row["answer"] == "4"]
    assert fours
    assert {row["raises.verdict"] for row in fours} == {"error"}
    assert fours[0]["raises.reason"] == "RuntimeError: no fours, please"
    assert {row["raises.verdict"] for row in rows if row["answer"] != "4"} == {"pass"}
    chosen = winnow.select(winnow.verify(table, raises, **FOREIGN))
    assert (len(chosen), chosen.summary["undecided"]) == (12 - len(fours), len(fours))


@pytest.mark.parametrize("name", ["v", "v.jsonl"])
def test_the_receipt_counts_every_row(table: Path, name: str, tmp_path: Path) -> None:
    table.write_text(table.read_text() + "nonsense\n")
    checked = winnow.verify(table, raises, "exact", out=tmp_path / name, bad_rows="quarantine:1", **FOREIGN)
    books = read_receipt(tmp_path / ("v/receipt.json" if name == "v" else "v.jsonl.receipt.json")).books
    assert books.to_dict() == {"in": 13, "keep": 12, "drop": 0, "reject": 1, "reasons": {"bad row": 1}}
    assert (len(checked), checked.summary["quarantined"]) == (12, 1)


def test_a_finished_store_is_found_and_not_computed_again(table: Path, tmp_path: Path) -> None:
    first = winnow.verify(table, "exact", length, out=tmp_path / "v", **FOREIGN)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "v").iterdir()}
    again = winnow.verify(table, "exact", length, out=tmp_path / "v", **FOREIGN)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "v").iterdir()} == before
    assert again.summary == {**first.summary, "already_done": True}
    assert again.to_list() == first.to_list()
    with pytest.raises(winnow.UsageError, match="finished store of other work"):
        winnow.verify(table, "exact", out=tmp_path / "v", **FOREIGN)


def test_a_flat_file_written_again_has_the_same_bytes(table: Path, tmp_path: Path) -> None:
    for ending in ("jsonl", "csv", "parquet"):
        out = tmp_path / f"v.{ending}"
        both = [winnow.verify(table, "exact", out=out, **FOREIGN) and out.read_bytes() for _ in range(2)]
        assert both[0] == both[1]


def test_verifying_a_store_adds_verdicts_to_the_existing_ones(table: Path, tmp_path: Path) -> None:
    winnow.verify(table, "exact", out=tmp_path / "v", **FOREIGN)
    both = winnow.verify(tmp_path / "v", even, out=tmp_path / "w")
    assert both.table.names() == [
        *ROWS[0],
        *(f"{name}.{part}" for name in ("exact", "even") for part in ("verdict", "score", "reason")),
    ]
    assert both.to_list() == winnow.verify(table, "exact", even, **FOREIGN).to_list()
    with pytest.raises(winnow.UsageError, match=r"already has verdicts of 'exact'"):
        winnow.verify(tmp_path / "w", "exact")


def test_two_verifiers_of_one_name_are_refused(table: Path) -> None:
    with pytest.raises(winnow.UsageError, match="two verifiers are called 'even'"):
        winnow.verify(table, even, even, **FOREIGN)
    with pytest.raises(winnow.UsageError, match="verifiers: names no verifier"):
        winnow.verify(table)


def test_a_verifier_that_needs_a_reference_is_refused_before_a_row_is_read(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "text": "t"}]
    with pytest.raises(winnow.UsageError, match=r"no column is known as the reference.*Name it: reference COLUMN"):
        winnow.verify(rows, "exact", out=tmp_path / "v")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", OUTS)
def test_a_repeated_id_is_refused_naming_both_places(table: Path, name: str | None, tmp_path: Path) -> None:
    table.write_text(table.read_text() + json.dumps(ROWS[4]) + "\n")
    out = tmp_path / name if name else None
    with pytest.raises(winnow.BadTable) as refused:
        winnow.verify(table, "exact", out=out, **FOREIGN)
    assert str(refused.value).startswith(f"{table}:13: no is 'c4', as at {table}:5; an id names one candidate")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_messages_are_judged_by_the_last_answer_and_grouped_by_the_earlier_turns() -> None:
    def talk(question: str, answer: str, **more: str) -> dict[str, Any]:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return {"messages": turns, **more}

    rows = [talk("2+3?", "5", gold="5"), talk("2+3?", "6", gold="5"), talk("1+1?", "2", gold="2")]
    checked = winnow.verify(rows, "exact", length, reference="gold")
    assert [row["exact.verdict"] for row in checked] == ["pass", "fail", "pass"]
    assert [row["messages"] for row in checked] == [row["messages"] for row in rows]
    assert winnow.select(checked, passed=False, best_of="all", score="length.score").summary["shift"]["prompts"] == 2


def test_a_list_of_candidates_becomes_one_row_each(tmp_path: Path) -> None:
    rows = [
        {"question": "2+3?", "gold": "5", "samples": ["5", "6"]},
        {"question": "1+1?", "gold": "2", "samples": ["2"]},
    ]
    for out in (None, tmp_path / "v.jsonl", tmp_path / "v"):
        checked = winnow.verify(rows, "exact", candidates="samples", text="samples", reference="gold", out=out)
        assert [(row["question"], row["samples"], row["exact.verdict"]) for row in checked] == [
            ("2+3?", "5", "pass"),
            ("2+3?", "6", "fail"),
            ("1+1?", "2", "pass"),
        ]
        assert [row["samples"] for row in winnow.select(checked)] == ["5", "2"]


def test_many_rows_are_judged_in_batches_with_the_same_result(tmp_path: Path) -> None:
    sizes: list[int] = []

    def counted(completions: list[str], n: list[int]) -> list[bool | None]:
        sizes.append(len(completions))
        assert [int(text) for text in completions] == [3 * number for number in n]
        return [None if number % 7 == 0 else number % 2 == 0 for number in n]

    size = 2 * BATCH_ROWS + 100
    table = pa.table({"id": range(size), "n": range(size), "text": [str(3 * n) for n in range(size)]})
    pq.write_table(table, tmp_path / "t.parquet")
    said = winnow.verify(tmp_path / "t.parquet", counted).to_arrow()["counted.verdict"].to_pylist()
    assert max(sizes) <= BATCH_ROWS < sum(sizes) == size
    assert said == ["abstain" if n % 7 == 0 else "fail" if n % 2 else "pass" for n in range(size)]
    whole = winnow.verify(table, even).to_arrow()
    for rows in (tmp_path / "t.parquet", table.to_pylist()):
        stored = winnow.verify(rows, even, out=tmp_path / f"v{type(rows).__name__}")
        assert stored.to_arrow()["even.verdict"].to_pylist() == whole["even.verdict"].to_pylist()


def test_an_input_row_is_never_changed() -> None:
    rows = [dict(row) for row in ROWS]
    winnow.verify(rows, "exact", even, **FOREIGN)
    assert rows == ROWS


@pytest.mark.parametrize(("verifier", "columns"), [("exact", []), ("number", []), (length, None)])
def test_verifiers_of_answers_do_not_read_the_other_columns(
    table: Path, verifier: Any, columns: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_roles, columns_read = Table.read_roles, []

    def record_columns(self: Table, roles: Any, names: Any) -> Any:
        columns_read.append(names)
        return read_roles(self, roles, names)

    monkeypatch.setattr(Table, "read_roles", record_columns)
    winnow.verify(table, verifier, out=table.with_name("v"), **FOREIGN)
    assert columns_read[0] == columns
