"""A bad row is refused, or set aside with its location up to the limit; it is never skipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import winnow
from tests.storage.sample_stores import read_dicts
from winnow.errors import BadTable, UsageError
from winnow.tables.open_table import open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.table import ROLE_READERS

GOOD = '{"id": "%s", "prompt": "p", "text": "t", "score": 1}\n'


def write_rows_and(folder: Path, *bad: str) -> Path:
    """Write JSON Lines in which every other line is one of these bad lines."""
    path = folder / "t.jsonl"
    path.write_text("".join(GOOD % i + line + "\n" for i, line in enumerate(bad)), encoding="utf-8")
    return path


def read_ids(rows: object, limit: int) -> tuple[list[str], BadRows]:
    """Read every role, and return the ids of the good rows and the rows that were set aside."""
    table = open_rows(rows, bad=BadRows(limit))
    roles = [role for role in ROLE_READERS if table.has_role(role)]
    return [value for _, arrays in table.read_roles(roles) for value in arrays["id"].to_pylist()], table.bad_rows


def test_by_default_a_bad_row_is_refused_with_a_hint_to_set_it_aside(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"t\.jsonl:2: is not JSON.*--bad-rows quarantine:N"):
        read_ids(write_rows_and(tmp_path, "{"), 0)


def test_bad_rows_are_set_aside_with_location_reason_and_text(tmp_path: Path) -> None:
    ids, bad = read_ids(
        write_rows_and(tmp_path, "{", '{"id": "", "prompt": "p"}', '{"id": "x", "prompt": "p", "score": "1"}'), 3
    )
    assert ids == ["0", "1", "2"]
    assert [bad_row.place.rpartition(":")[2] for bad_row in bad] == ["2", "4", "6"]
    assert [bad_row.reason.split(";")[0][:11] for bad_row in bad] == ["is not JSON", "id is ''", "score is '1"]
    assert next(iter(bad)).row == "{"


def test_one_row_over_the_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    path = write_rows_and(tmp_path, "{", "[", "}")
    with pytest.raises(BadTable, match=r":6: .*2 bad rows are already set aside, which is the limit") as caught:
        read_ids(path, 2)
    assert caught.value.exit_code == 2


def test_a_bad_row_that_is_read_several_times_counts_once(tmp_path: Path) -> None:
    table = open_rows(write_rows_and(tmp_path, "{", '{"id": null, "prompt": "p"}'), bad=BadRows(2))
    for _ in range(3):
        assert [len(chunk) for chunk, _ in table.read_roles(["id", "text"])] == [2]
    assert len(table.bad_rows) == 2


def test_bad_rows_do_not_change_the_numbers_of_good_rows(tmp_path: Path) -> None:
    table = open_rows(write_rows_and(tmp_path, "{", "{", "{"), bad=BadRows(9))
    (chunk,) = [chunk for chunk, _ in table.read_roles(["id"])]
    assert chunk.row_numbers.tolist() == [0, 2, 4]
    (chosen,) = table.read_rows(np.array([2]))
    assert [row["id"] for row in chosen.to_dicts()] == ["1"]


def test_ragged_records_of_csv_are_set_aside_by_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,prompt,text\na,p,"x\ny"\nb\nc,p,t,u\n\nd,p,t\ne\n', encoding="utf-8")
    ids, bad = read_ids(path, 5)
    assert ids == ["a", "d"]
    assert [bad_row.place for bad_row in bad] == [f"{path}:4", f"{path}:5", f"{path}:8"]


def test_many_ragged_records_are_located_in_one_reading_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,prompt,text\n" + "".join(f"c{i},p,t\nx{i}\n" for i in range(20_000)), encoding="utf-8")
    ids, bad = read_ids(path, 20_000)
    assert len(ids) == 20_000
    assert [int(bad_row.place.rpartition(":")[2]) for bad_row in bad] == list(range(3, 40_003, 2))


def test_a_table_with_bad_rows_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("{\n[1]\n")
    with pytest.raises(BadTable, match="holds no row with a column"):
        read_ids(tmp_path / "t.jsonl", 5)


LOCATIONS: dict[str, tuple[object, list[str]]] = {
    "dictionaries": ([{"id": "a", "prompt": "p", "text": "t"}] * 2, ["rows[0]", "rows[1]"]),
    "a frame": (
        pa.table({"id": ["a", "b"], "prompt": ["p", "p"], "text": ["t", "t"]}),
        ["frame: row 1", "frame: row 2"],
    ),
}


@pytest.mark.parametrize("kind", LOCATIONS)
def test_rows_in_memory_have_locations(kind: str) -> None:
    rows, locations = LOCATIONS[kind]
    (chunk,) = [chunk for chunk, _ in open_rows(rows).read_roles(["text"])]
    assert [chunk.locate(i) for i in range(2)] == locations


def test_lines_are_counted_separately_in_each_file_of_a_pattern(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,prompt,text\n" + '"1\n",p,t\n2,p,t\n')
        (tmp_path / name.replace("csv", "jsonl")).write_text(GOOD % 1 + "\n" + GOOD % 2)
    for suffix, lines in (("csv", ["2", "4"]), ("jsonl", ["1", "3"])):
        table = open_rows(str(tmp_path / f"*.{suffix}"))
        locations = [chunk.locate(i) for chunk, _ in table.read_roles(["text"]) for i in range(len(chunk))]
        assert locations == [f"{tmp_path}/{name}.{suffix}:{line}" for name in "ab" for line in lines]
        assert [table.locate_row(row) for row in range(4)] == locations


@pytest.mark.parametrize("text", [None, "refuse", "quarantine:0"])
def test_the_policy_without_a_limit_is_refuse(text: str | None) -> None:
    assert BadRows.parse(text).policy() == "refuse"


def test_the_policy_with_a_limit_is_written_as_its_option() -> None:
    assert BadRows.parse("quarantine:100").policy() == "quarantine:100"


@pytest.mark.parametrize(
    "text", ["", "skip", "quarantine", "quarantine:", "quarantine:-1", "quarantine:1.5", "quarantine:" + "9" * 5000]
)
def test_an_invalid_policy_is_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="is not 'refuse' or 'quarantine:N'"):
        BadRows.parse(text)


def test_a_bad_row_in_memory_is_set_aside_with_its_values() -> None:
    table = open_rows(
        [{"id": "a", "prompt": "p", "text": "t"}, {"id": "b", "prompt": "p", "text": [1]}], bad=BadRows(1)
    )
    assert [len(chunk) for chunk, _ in table.read_roles(["text"])] == [1]
    assert [(bad_row.place, bad_row.row[:10]) for bad_row in table.bad_rows] == [("rows[1]", "{'id': 'b'")]
    assert len(read_dicts(table)) == 2


@pytest.mark.parametrize("limit", [1, 2])
def test_a_bad_row_does_not_decide_the_types_of_a_parquet_file(limit: int, tmp_path: Path) -> None:
    rows = [{"id": f"{n}", "prompt": "p", "text": "t", "score": n / 2} for n in range(4)]
    rows[1]["score"] = "high"
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bad = f"quarantine:{limit}"
    winnow.select(tmp_path / "t.jsonl", score="score", top_share=1.0, bad_rows=bad, out=tmp_path / "s.parquet")
    written = pq.read_table(tmp_path / "s.parquet")
    assert written["score"].to_pylist() == [0.0, 1.0, 1.5]
    assert "t.jsonl:2" in (tmp_path / "s.parquet.quarantine.jsonl").read_text()


def test_a_bad_text_found_while_verifying_does_not_decide_types(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prompt": "p", "text": text, "reference": "t"} for text in ("t", {"a": 1}, "u")]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    winnow.verify(tmp_path / "t.jsonl", "exact", bad_rows="quarantine:1", out=tmp_path / "v.parquet")
    assert pq.read_table(tmp_path / "v.parquet")["exact.verdict"].to_pylist() == ["pass", "fail"]


def test_a_column_of_several_types_in_good_rows_is_refused_by_parquet(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "text": "t", "score": 1, "more": more} for more in (1, "one")]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(BadTable, match="column 'more' from here on has no single type"):
        winnow.select(
            tmp_path / "t.jsonl", score="score", top_share=1.0, bad_rows="quarantine:1", out=tmp_path / "s.parquet"
        )
