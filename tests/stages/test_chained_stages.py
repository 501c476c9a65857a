"""verify, then select, then select again: through stores, flat files and memory, with unusual column names."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import winnow

COLUMNS: dict[str, Any] = {"prompt": "Aufgabe", "text": "Lösung", "reference": "gold", "score": "Richter"}
LINES = [
    '{"Aufgabe": "1+1", "Lösung": "2", "gold": "2", "Richter": 0.10, "x": 1.0}',
    '{"Aufgabe":"1+1","Lösung":"\\u0033","gold":"2","Richter":9e-1}',
    '{"Richter": 0.7, "gold": "2",   "Lösung": " 2 ", "Aufgabe": "1+1", "deep": {"b": [1, null], "a": "\\/"}} ',
    '{"Aufgabe": "2+2", "Lösung": "4", "gold": "4", "Richter": 1e0, "x": 100000000000000000000}',
    '{"Aufgabe": "2+2", "Lösung": "5", "gold": "4", "Richter": 0.5, "x": "\\u2028 \u2028"}',
    '{"Aufgabe": "3+3", "Lösung": "7", "gold": "6", "Richter": 2}',
]
PASSED = [0, 2, 3]
MARKS = b', "winnow_rule": "passed", "winnow_weight": 1.0}'


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "t.jsonl").write_text("\n".join(LINES) + "\n", "utf-8")
    return tmp_path / "t.jsonl"


@pytest.mark.parametrize("name", ["v", "v.jsonl", "v.csv", "v.parquet", None])
def test_chained_stages_give_the_same_rows_through_every_output(table: Path, name: str | None, tmp_path: Path) -> None:
    if name in ("v.csv", "v.parquet"):
        table.write_text("".join(line + "\n" for line in LINES if '"x"' not in line), "utf-8")
    out = tmp_path / name if name else None
    checked = winnow.verify(table, "exact", out=out, **COLUMNS)
    best = winnow.select(checked, best_of="all", out=tmp_path / "s.jsonl")
    reread = winnow.select(checked if out is None else out, best_of="all")
    texts = [row["Lösung"] for row in best]
    assert texts == [row["Lösung"] for row in reread]
    assert texts == ([" 2 "] if name in ("v.csv", "v.parquet") else [" 2 ", "4"])


def test_a_selected_row_of_json_lines_keeps_its_bytes_and_gets_two_more_columns(table: Path, tmp_path: Path) -> None:
    winnow.verify(table, "exact", out=tmp_path / "v", **COLUMNS)
    winnow.select(tmp_path / "v", out=tmp_path / "s.jsonl")
    lines = (tmp_path / "s.jsonl").read_bytes().splitlines(keepends=True)
    bodies = [LINES[n].strip().removesuffix("}").encode() for n in PASSED]
    assert b"".join(lines) == b"".join(body + MARKS + b"\n" for body in bodies)


def test_a_selected_row_of_parquet_keeps_its_types_and_of_csv_its_cells(tmp_path: Path) -> None:
    kinds = {"text": pa.large_string(), "n": pa.int8(), "t": pa.timestamp("ms", "UTC"), "d": pa.decimal128(9, 2)}
    kinds |= {"l": pa.list_(pa.struct([("a", pa.float32())])), "c": pa.dictionary(pa.int32(), pa.string())}
    values: dict[str, Any] = {"n": 3, "t": 86_400_000, "d": None, "l": [{"a": 0.5}, None], "c": "red"}
    rows = [{"text": f"t{n}", **values} for n in range(9)]
    whole = pa.Table.from_pylist(rows, pa.schema(list(kinds.items())))
    pq.write_table(whole, tmp_path / "t.parquet")
    winnow.select(tmp_path / "t.parquet", max_rows=4, out=tmp_path / "s.parquet")
    kept = pq.read_table(tmp_path / "s.parquet")
    assert kept.drop_columns(["winnow_rule", "winnow_weight"]).schema.equals(whole.schema)
    assert kept["l"].to_pylist() == [[{"a": 0.5}, None]] * 4
    (tmp_path / "t.csv").write_bytes(b'id,text,x\r\n1,"a, ""b""",\r\n2," c ",""\r\n3,"line\nbreak",007\r\n')
    winnow.select(tmp_path / "t.csv", distinct=True, out=tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == (
        "id,text,x,winnow_rule,winnow_weight\n"
        '1,"a, ""b""",,distinct,1\n2," c ","",distinct,1\n3,"line\nbreak",007,distinct,1\n'
    )


@pytest.mark.parametrize("group", [7, 1000, 60_000])
def test_chosen_rows_of_parquet_keep_their_order_across_row_groups(group: int, tmp_path: Path) -> None:
    size = 60_000
    pq.write_table(
        pa.table({"n": range(size), "text": ["t"] * size}).slice(0, group * 400),
        tmp_path / "t.parquet",
        row_group_size=group,
    )
    chosen = winnow.select(tmp_path / "t.parquet", max_rows=min(size, group * 400) // 3, out=tmp_path / "s.parquet")
    numbers = pq.read_table(tmp_path / "s.parquet")["n"].to_pylist()
    assert numbers == sorted(numbers)
    assert len(numbers) == len(chosen)


def test_a_selection_store_can_be_selected_from_again(table: Path, tmp_path: Path) -> None:
    winnow.verify(table, "exact", out=tmp_path / "v", **COLUMNS)
    first = winnow.select(tmp_path / "v", out=tmp_path / "s")
    assert [json.loads(LINES[n])["Lösung"] for n in PASSED] == [row["Lösung"] for row in first]
    assert {row["winnow_rule"] for row in first} == {"passed"}
    second = winnow.select(tmp_path / "s", best_of="all", passed=False, out=tmp_path / "s2")
    assert [row["Lösung"] for row in second] == [" 2 ", "4"]
    assert {row["winnow_rule"] for row in second} == {"best 1 of all"}
    third = winnow.select(tmp_path / "s2", passed=False, top_share=0.5, out=tmp_path / "s3.jsonl")
    assert [row["Lösung"] for row in third] == ["4"]
    checked = winnow.verify(tmp_path / "s2", "number")
    assert [row["number.verdict"] for row in checked] == ["pass", "pass"]


def test_a_finished_selection_is_not_repeated_and_other_work_is_refused(table: Path, tmp_path: Path) -> None:
    winnow.verify(table, "exact", out=tmp_path / "v", **COLUMNS)
    first = winnow.select(tmp_path / "v", out=tmp_path / "s")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "s").iterdir()}
    again = winnow.select(tmp_path / "v", out=tmp_path / "s")
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "s").iterdir()} == before
    assert again.summary == first.summary
    with pytest.raises(winnow.UsageError, match="finished store of other work"):
        winnow.select(tmp_path / "v", out=tmp_path / "s", seed=1)


def test_results_in_memory_can_be_chained(table: Path) -> None:
    rows = [json.loads(line) for line in LINES]
    held = winnow.select(winnow.select(winnow.verify(rows, "exact", **COLUMNS)), best_of="all")
    assert [row["Lösung"] for row in held] == [" 2 ", "4"]
    assert held.summary["columns"]["text"] == "Lösung"
    assert rows == [json.loads(line) for line in LINES]


def test_verdicts_of_a_store_are_joined_by_id_in_any_row_order(tmp_path: Path) -> None:
    rows = [{"id": f"c{n}", "prompt": f"p{n % 3}", "text": str(n), "gold": str(n - n % 2)} for n in range(40)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    winnow.verify(tmp_path / "t.jsonl", "exact", reference="gold", out=tmp_path / "v")
    shuffled = random.Random(5).sample(rows, len(rows))
    chosen = winnow.select(shuffled, verdicts=tmp_path / "v")
    assert list(chosen) == [
        {**row, "winnow_rule": "passed", "winnow_weight": 1.0} for row in shuffled if row["text"] == row["gold"]
    ]
    with pytest.raises(winnow.BadTable, match=r"the id 'c\d+' is not a candidate of rows"):
        winnow.select(shuffled[1:], verdicts=tmp_path / "v")
    more = [*shuffled, {**rows[0], "id": "new"}]
    assert winnow.select(more, verdicts=tmp_path / "v").summary["undecided"] == 1
    with pytest.raises(winnow.BadTable, match=r"rows\[40\]: the id 'c\d+' appears twice"):
        winnow.select([*shuffled, shuffled[3]], verdicts=tmp_path / "v")
