"""A case of the corpus of tables: a name, the files, and the error or rows that reading must give.

Each case creates its files in a folder when a test runs, so the project contains no binary file. `columns` are named as
a user would name them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

GOOD = (
    b'{"id": "c1", "prompt_id": "p1", "prompt": "2+3?", "text": "5", "reference": "5", "score": 0.5, "correct": true}'
)
HEADER = b"id,prompt_id,prompt,text,reference,score,correct"
CELLS = b"c1,p1,2+3?,5,5,0.5,true"


@dataclass(frozen=True)
class Case:
    """A table: accepted with a number of rows, or refused with a location, a rule and an exit code."""

    name: str
    make: Callable[[Path], str]
    """Creates the files in a folder and returns what a user would type to read them."""
    rows: int | None = None
    where: str = ""
    """The end of the location: `rows.jsonl:2`."""
    rule: str = ""
    """A part of the message that states the rule."""
    exit_code: int = 2
    columns: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    """The role whose reading finds the error; without one, any reading finds it."""

    def accepted(self, rows: int) -> Case:
        """The same table, expected to be read."""
        return replace(self, rows=rows)

    def refused(self, where: str, rule: str) -> Case:
        """The same table, expected to be refused at a location by a rule."""
        return replace(self, where=where, rule=rule)

    def with_exit_code(self, exit_code: int) -> Case:
        """The same table, refused with another exit code."""
        return replace(self, exit_code=exit_code)

    def when_reading(self, role: str) -> Case:
        """The same table, refused only when this role is read."""
        return replace(self, role=role)

    def with_columns(self, **columns: str) -> Case:
        """The same table, read with columns that the user named."""
        return replace(self, columns=columns)


def file(name: str, file_name: str, content: bytes | Callable[[], bytes]) -> Case:
    """Make a case of one file."""

    def make(folder: Path) -> str:
        path = folder / file_name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return str(path)

    return Case(name, make)


def lines(name: str, *more_rows: bytes) -> Case:
    """Make a case of JSON Lines whose first row is good."""
    return file(name, "rows.jsonl", b"\n".join([GOOD, *more_rows]) + b"\n")


def bad_line(name: str, line: bytes, rule: str) -> Case:
    """Make a case of JSON Lines whose second line is bad."""
    return lines(name, line).refused("rows.jsonl:2", rule)


def good_row_with(name: bytes, value: bytes) -> bytes:
    """Return the good row with another id and one member replaced, in JSON."""
    members = {b"id": b'"c2"', b"prompt_id": b'"p1"', b"prompt": b'"2+3?"', b"text": b'"5"', b"reference": b'"5"'}
    members |= {b"score": b"0.5", b"correct": b"true", name: value}
    return b"{" + b", ".join(b'"' + key + b'": ' + inner for key, inner in members.items()) + b"}"


def bad_value(name: str, role: str, column: bytes, value: bytes, rule: str) -> Case:
    """Make a case whose second row has a value that is not allowed in its role."""
    return lines(name, good_row_with(column, value)).refused("rows.jsonl:2", rule).when_reading(role)


def table(name: str, *records: bytes) -> Case:
    """Make a case of CSV with a good header and a good first record."""
    return file(name, "rows.csv", b"\n".join([HEADER, CELLS, *records]) + b"\n")
