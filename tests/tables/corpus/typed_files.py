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


def put(name: str, array: Any) -> pa.Table:
    """The table with one column replaced or added."""
    at = TABLE.schema.get_field_index(name)
    return TABLE.append_column(name, array) if at < 0 else TABLE.set_column(at, name, array)


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A Parquet file."""
    held = io.BytesIO()
    pq.write_table(table, held, **options)
    return held.getvalue()


def arrow(table: pa.Table, stream: bool = False) -> bytes:
    """An Arrow IPC file or stream."""
    held = io.BytesIO()
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(held, table.schema) as writer:
        writer.write_table(table)
    return held.getvalue()


def led_outside() -> bytes:
    """An Arrow stream whose last text is said to end far outside its buffer."""
    whole = arrow(TABLE.select(["id", "reference", "prompt", "text"]), stream=True)
    ends = (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
    at = whole.rindex(ends) + 8
    return whole[:at] + (1 << 30).to_bytes(4, "little") + whole[at + 4 :]


@cache
def swollen() -> bytes:
    """100 MB of one letter, which Parquet holds in a few kilobytes."""
    many = pa.table({"text": ["x" * (1 << 20)] * 100, "prompt": ["p"] * 100})
    return parquet(many, use_dictionary=False, compression="zstd")


def column(name: str, called: str, array: Any, says: str, row: int = 1) -> Case:
    """A Parquet table in which one column cannot play its part."""
    made = file(name, "rows.parquet", lambda: parquet(put(called, array)))
    return made.refused(f"rows.parquet: row {row}", says).on(
        {"correct": "label", "prompt": "prompt_text"}.get(called, called)
    )


def dataset(name: str, state: object, *files: str, read: str = "") -> Case:
    """A folder as `datasets.save_to_disk` writes it."""

    def make(folder: Path) -> str:
        saved = folder / "saved"
        saved.mkdir()
        (folder / "outside.arrow").write_bytes(arrow(TABLE, stream=True))
        (saved / "state.json").write_text(state if isinstance(state, str) else json.dumps(state), encoding="utf-8")
        for called in files:
            (saved / called).write_bytes(arrow(TABLE, stream=True))
        return str(saved) + read

    return Case(name, make)


def two_files(name: str, first: Callable[[], bytes], second: Callable[[], bytes], pattern: str = "*.parquet") -> Case:
    """Two files under one pattern."""

    def make(folder: Path) -> str:
        (folder / "a.parquet").write_bytes(first())
        (folder / "b.parquet").write_bytes(second())
        return str(folder / pattern)

    return Case(name, make)


def named(*names: object) -> dict[str, list[dict[str, object]]]:
    """The state of a dataset of these files."""
    return {"_data_files": [{"filename": name} for name in names]}


WHOLE = "is not whole Parquet"
REFUSED = [
    file("an empty Parquet file", "rows.parquet", b"").refused("rows.parquet", "ends in .parquet but is empty"),
    file("Parquet that is only its first word", "rows.parquet", b"PAR1").refused("rows.parquet", WHOLE),
    file("Parquet cut in half", "rows.parquet", lambda: parquet(TABLE)[:600]).refused("rows.parquet", WHOLE),
    file("Parquet without its last byte", "rows.parquet", lambda: parquet(TABLE)[:-1]).refused("rows.parquet", WHOLE),
    file(
        "Parquet with a torn footer", "rows.parquet", lambda: parquet(TABLE)[:-40] + b"\0" * 32 + b"\0\0\0\1PAR1"
    ).refused("rows.parquet", WHOLE),
    file("Parquet with torn pages", "rows.parquet", lambda: b"PAR1" + b"\xff" * 200 + parquet(TABLE)[204:]).refused(
        "rows.parquet", WHOLE
    ),
    file("Parquet that swells", "rows.parquet", swollen).refused("rows.parquet", "expands to 100 MB, over 200 times"),
    file(
        "two columns of one name",
        "rows.parquet",
        lambda: parquet(TABLE.rename_columns([*TABLE.column_names[:-1], "id"])),
    ).refused("rows.parquet", "has two columns named 'id'"),
    two_files(
        "two schemas under one pattern", lambda: parquet(TABLE), lambda: parquet(TABLE.drop_columns("score"))
    ).refused("b.parquet", "its columns or types are not those of"),
    two_files("one type that differs", lambda: parquet(TABLE), lambda: parquet(put("score", pa.array([1, 2])))).refused(
        "b.parquet", "its columns or types are not those of"
    ),
    two_files("two formats under one pattern", lambda: parquet(TABLE), lambda: b"{}", "?.parquet").refused(
        "b.parquet", "ends in .parquet but is JSON"
    ),
    two_files("a pattern that matches nothing", lambda: b"", lambda: b"", "*.jsonl").refused(
        "*.jsonl", "matches no file"
    ),
    column("a score that is NaN", "score", pa.array([0.5, float("nan")]), "score is NaN; a score is a finite", 2),
    column("a score that is infinite", "score", pa.array([float("-inf"), 0.5]), "score is -Infinity; a score is"),
    column("scores that are true", "score", pa.array([True, False]), "score is true; a score is a finite number"),
    column("a score that is text", "score", pa.array(["0.5", "good"]), "score is 'good'; a score is", 2),
    column("a label that is 3", "correct", pa.array([1, 3]), "correct is 3; a label is true or false", 2),
    column("an id that is null", "id", pa.array(["c1", None]), "id is null; every row needs one", 2),
    column("an id that is empty", "id", pa.array(["c1", ""]), "id is ''; an empty key identifies nothing", 2),
    column("ids that are fractions", "id", pa.array([1.0, 2.0]), "id is 1.0; a key is text or a whole number"),
    column("an id that appears twice", "id", pa.array([7, 7]), "id is '7', as at", 2),
    column("texts that are lists", "text", pa.array([["5"], ["6"]]), "the text of a candidate is text"),
    column("references that are objects", "reference", pa.array([{"a": 1}] * 2), "a reference is text, a number"),
    column("text that is not UTF-8", "text", NOT_UTF8, "is not UTF-8"),
    column("an id that is not UTF-8", "id", NOT_UTF8, "is not UTF-8"),
    file("Arrow cut in half", "rows.arrow", lambda: arrow(TABLE)[:700]).refused("rows.arrow", "is not whole Arrow"),
    file("an Arrow stream cut in half", "rows.arrow", lambda: arrow(TABLE, True)[:900]).refused(
        "rows.arrow", "is not whole Arrow"
    ),
    file("Arrow that leads outside its buffers", "rows.arrow", led_outside).refused("", "Write or fetch").on("text"),
    dataset("a dataset that names a file outside", named("../outside.arrow")).refused(
        "state.json", "names '../outside"
    ),
    dataset("a dataset that names a root path", named("/etc/passwd")).refused("state.json", "names '/etc/passwd'"),
    dataset("a dataset that names a number", named(5), "a.arrow").refused("state.json", "names 5, which is not a file"),
    dataset("a dataset without one of its files", named("a.arrow", "b.arrow"), "a.arrow").refused(
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
            put("text", TABLE["text"].dictionary_encode()).set_column(
                1, "prompt", TABLE["prompt"].cast(pa.large_string())
            )
        ),
    ).accepted(2),
    file(
        "scores that are decimals",
        "rows.parquet",
        lambda: parquet(put("score", TABLE["score"].cast(pa.decimal128(9, 2)))),
    ).accepted(2),
    file(
        "whole numbers as ids and labels",
        "rows.parquet",
        lambda: parquet(put("id", pa.array([2**63, 1], pa.uint64())).set_column(5, "correct", pa.array([1, None]))),
    ).accepted(2),
    two_files(
        "two files of one schema", lambda: parquet(TABLE), lambda: parquet(put("id", pa.array(["c3", "c4"])))
    ).accepted(4),
    file("an Arrow file", "rows.arrow", lambda: arrow(TABLE)).accepted(2),
    file("an Arrow stream", "rows.arrow", lambda: arrow(TABLE, stream=True)).accepted(2),
    dataset("a saved dataset", named("a.arrow"), "a.arrow", "indices.arrow").accepted(2),
]

CASES = [*REFUSED, *ACCEPTED]
