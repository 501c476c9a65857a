"""Parquet files, Arrow files and saved datasets: damaged, expanding, contradictory, and valid."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.tables.corpus.case import Case, file

ROW: dict[str, Any] = {"id": "c1", "prompt": "2+3?", "text": "5", "reference": "5", "score": 0.5, "correct": True}
TABLE = pa.Table.from_pylist([ROW, {**ROW, "id": "c2", "text": "6", "correct": False}])
NOT_UTF8 = pa.array([b"caf\xe9", b"5"]).view(pa.string())


def with_column(name: str, array: Any) -> pa.Table:
    """Return the table with one column replaced or added."""
    index = TABLE.schema.get_field_index(name)
    return TABLE.append_column(name, array) if index < 0 else TABLE.set_column(index, name, array)


def parquet(table: pa.Table, **options: Any) -> bytes:
    """Return the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def arrow(table: pa.Table, stream: bool = False) -> bytes:
    """Return the bytes of an Arrow IPC file or stream."""
    buffer = io.BytesIO()
    open_writer = pa.ipc.new_stream if stream else pa.ipc.new_file
    with open_writer(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def with_offset_outside() -> bytes:
    """Return an Arrow stream in which the end of the last text is far outside its buffer."""
    whole = arrow(TABLE.select(["id", "reference", "prompt", "text"]), stream=True)
    ends = (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
    position = whole.rindex(ends) + 8
    return whole[:position] + (1 << 30).to_bytes(4, "little") + whole[position + 4 :]


@cache
def expanding() -> bytes:
    """Return 100 MB of one letter, which Parquet stores in a few kilobytes."""
    many = pa.table({"text": ["x" * (1 << 20)] * 100, "prompt": ["p"] * 100})
    return parquet(many, use_dictionary=False, compression="zstd")


def bad_column(name: str, column: str, array: Any, rule: str, row: int = 1) -> Case:
    """Make a case of Parquet with a column that is not allowed in its role."""
    case = file(name, "rows.parquet", lambda: parquet(with_column(column, array)))
    return case.refused(f"rows.parquet: row {row}", rule).when_reading(
        {"correct": "label", "prompt": "prompt_text"}.get(column, column)
    )


def dataset(name: str, state: object, *files: str, read: str = "") -> Case:
    """Make a case of a folder as `datasets.save_to_disk` writes it."""

    def make(folder: Path) -> str:
        saved = folder / "saved"
        saved.mkdir()
        (folder / "outside.arrow").write_bytes(arrow(TABLE, stream=True))
        (saved / "state.json").write_text(state if isinstance(state, str) else json.dumps(state), encoding="utf-8")
        for file_name in files:
            (saved / file_name).write_bytes(arrow(TABLE, stream=True))
        return str(saved) + read

    return Case(name, make)


def two_files(name: str, first: Callable[[], bytes], second: Callable[[], bytes], pattern: str = "*.parquet") -> Case:
    """Make a case of two files that a pattern matches."""

    def make(folder: Path) -> str:
        (folder / "a.parquet").write_bytes(first())
        (folder / "b.parquet").write_bytes(second())
        return str(folder / pattern)

    return Case(name, make)


def dataset_state(*names: object) -> dict[str, list[dict[str, object]]]:
    """Return the content of `state.json` for a dataset of these files."""
    return {"_data_files": [{"filename": name} for name in names]}


WHOLE = "is not whole Parquet"
REFUSED = [
    file("an empty Parquet file", "rows.parquet", b"").refused("rows.parquet", "ends in .parquet but is empty"),
    file("Parquet that is only its signature", "rows.parquet", b"PAR1").refused("rows.parquet", WHOLE),
    file("Parquet cut in half", "rows.parquet", lambda: parquet(TABLE)[:600]).refused("rows.parquet", WHOLE),
    file("Parquet without its last byte", "rows.parquet", lambda: parquet(TABLE)[:-1]).refused("rows.parquet", WHOLE),
    file(
        "Parquet with a torn footer", "rows.parquet", lambda: parquet(TABLE)[:-40] + b"\0" * 32 + b"\0\0\0\1PAR1"
    ).refused("rows.parquet", WHOLE),
    file("Parquet with torn pages", "rows.parquet", lambda: b"PAR1" + b"\xff" * 200 + parquet(TABLE)[204:]).refused(
        "rows.parquet", WHOLE
    ),
    file("Parquet that expands", "rows.parquet", expanding).refused(
        "rows.parquet", "expands to 100 MB, over 200 times"
    ),
    file(
        "two columns of one name",
        "rows.parquet",
        lambda: parquet(TABLE.rename_columns([*TABLE.column_names[:-1], "id"])),
    ).refused("rows.parquet", "has two columns named 'id'"),
    two_files(
        "two schemas under one pattern", lambda: parquet(TABLE), lambda: parquet(TABLE.drop_columns("score"))
    ).refused("b.parquet", "its columns or types are not those of"),
    two_files(
        "one type that differs", lambda: parquet(TABLE), lambda: parquet(with_column("score", pa.array([1, 2])))
    ).refused("b.parquet", "its columns or types are not those of"),
    two_files("two formats under one pattern", lambda: parquet(TABLE), lambda: b"{}", "?.parquet").refused(
        "b.parquet", "ends in .parquet but is JSON"
    ),
    two_files("a pattern that matches nothing", lambda: b"", lambda: b"", "*.jsonl").refused(
        "*.jsonl", "matches no file"
    ),
    bad_column("a score that is NaN", "score", pa.array([0.5, float("nan")]), "score is NaN; a score is a finite", 2),
    bad_column("a score that is infinite", "score", pa.array([float("-inf"), 0.5]), "score is -Infinity; a score is"),
    bad_column("scores that are true", "score", pa.array([True, False]), "score is true; a score is a finite number"),
    bad_column("a score that is text", "score", pa.array(["0.5", "good"]), "score is 'good'; a score is", 2),
    bad_column("a label that is 3", "correct", pa.array([1, 3]), "correct is 3; a label is true or false", 2),
    bad_column("an id that is null", "id", pa.array(["c1", None]), "id is null; every row needs one", 2),
    bad_column("an id that is empty", "id", pa.array(["c1", ""]), "id is ''; an empty key identifies nothing", 2),
    bad_column("ids that are fractions", "id", pa.array([1.0, 2.0]), "id is 1.0; a key is text or a whole number"),
    bad_column("an id that appears twice", "id", pa.array([7, 7]), "id is '7', as at", 2),
    bad_column("texts that are lists", "text", pa.array([["5"], ["6"]]), "the text of a candidate is text"),
    bad_column("references that are objects", "reference", pa.array([{"a": 1}] * 2), "a reference is text, a number"),
    bad_column("text that is not UTF-8", "text", NOT_UTF8, "is not UTF-8"),
    bad_column("an id that is not UTF-8", "id", NOT_UTF8, "is not UTF-8"),
    file("Arrow cut in half", "rows.arrow", lambda: arrow(TABLE)[:700]).refused("rows.arrow", "is not whole Arrow"),
    file("an Arrow stream cut in half", "rows.arrow", lambda: arrow(TABLE, True)[:900]).refused(
        "rows.arrow", "is not whole Arrow"
    ),
    file("Arrow with an offset outside its buffer", "rows.arrow", with_offset_outside)
    .refused("", "Write or fetch")
    .when_reading("text"),
    dataset("a dataset that names a file outside", dataset_state("../outside.arrow")).refused(
        "state.json", "names '../outside"
    ),
    dataset("a dataset that names a root path", dataset_state("/etc/passwd")).refused(
        "state.json", "names '/etc/passwd'"
    ),
    dataset("a dataset that names a number", dataset_state(5), "a.arrow").refused(
        "state.json", "names 5, which is not a file"
    ),
    dataset("a dataset without one of its files", dataset_state("a.arrow", "b.arrow"), "a.arrow").refused(
        "state.json", "names 'b.arrow', which is not a file of this folder"
    ),
    dataset("a dataset whose state is no JSON", "{", "a.arrow").refused(
        "state.json", "does not list the dataset's files"
    ),
    dataset("a dataset whose state is a list", [], "a.arrow").refused(
        "state.json", "does not list the dataset's files"
    ),
]

ACCEPTED = [
    file("Parquet", "rows.parquet", lambda: parquet(TABLE)).accepted(2),
    file("Parquet without rows", "rows.parquet", lambda: parquet(TABLE.slice(0, 0))).accepted(0),
    file(
        "Parquet of dictionaries and large text",
        "rows.parquet",
        lambda: parquet(
            with_column("text", TABLE["text"].dictionary_encode()).set_column(
                1, "prompt", TABLE["prompt"].cast(pa.large_string())
            )
        ),
    ).accepted(2),
    file(
        "scores that are decimals",
        "rows.parquet",
        lambda: parquet(with_column("score", TABLE["score"].cast(pa.decimal128(9, 2)))),
    ).accepted(2),
    file(
        "whole numbers as ids and labels",
        "rows.parquet",
        lambda: parquet(
            with_column("id", pa.array([2**63, 1], pa.uint64())).set_column(5, "correct", pa.array([1, None]))
        ),
    ).accepted(2),
    two_files(
        "two files of one schema", lambda: parquet(TABLE), lambda: parquet(with_column("id", pa.array(["c3", "c4"])))
    ).accepted(4),
    file("an Arrow file", "rows.arrow", lambda: arrow(TABLE)).accepted(2),
    file("an Arrow stream", "rows.arrow", lambda: arrow(TABLE, stream=True)).accepted(2),
    dataset("a saved dataset", dataset_state("a.arrow"), "a.arrow", "indices.arrow").accepted(2),
]

CASES = [*REFUSED, *ACCEPTED]
