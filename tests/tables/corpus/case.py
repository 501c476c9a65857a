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
    """A table: accepted with a number of rows, or refused with a place, a rule and an exit code."""

    name: str
    make: Callable[[Path], str]
    """Makes the files in a folder and gives what a user would type to read them."""
    rows: int | None = None
    where: str = ""
    """How the place ends: `rows.jsonl:2`."""
    says: str = ""
    """A part of the rule."""
    exit_code: int = 2
    columns: Mapping[str, str] = field(default_factory=dict)
    part: str = ""
    """The part that meets the fault when it is read; without one, any reading meets it."""

    def accepted(self, rows: int) -> Case:
        """The same table, expected to be read."""
        return replace(self, rows=rows)

    def refused(self, where: str, says: str) -> Case:
        """The same table, expected to be refused at a place by a rule."""
        return replace(self, where=where, says=says)

    def breaking_a_promise(self) -> Case:
        """Refused because what winnow wrote is not as it was."""
        return replace(self, exit_code=4)

    def on(self, part: str) -> Case:
        """Only who reads this part is refused."""
        return replace(self, part=part)

    def naming(self, **columns: str) -> Case:
        """With columns named by the user."""
        return replace(self, columns=columns)


def file(name: str, called: str, content: bytes | Callable[[], bytes]) -> Case:
    """One file."""

    def make(folder: Path) -> str:
        path = folder / called
        path.write_bytes(content if isinstance(content, bytes) else content())
        return str(path)

    return Case(name, make)


def lines(name: str, *second: bytes) -> Case:
    """JSON Lines whose first row is good."""
    return file(name, "rows.jsonl", b"\n".join([GOOD, *second]) + b"\n")


def bad_line(name: str, line: bytes, says: str) -> Case:
    """A bad second line."""
    return lines(name, line).refused("rows.jsonl:2", says)


def good_with(name: bytes, value: bytes) -> bytes:
    """The good row with another id and one member replaced, in JSON."""
    members = {b"id": b'"c2"', b"prompt_id": b'"p1"', b"prompt": b'"2+3?"', b"text": b'"5"', b"reference": b'"5"'}
    members |= {b"score": b"0.5", b"correct": b"true", name: value}
    return b"{" + b", ".join(b'"' + key + b'": ' + inner for key, inner in members.items()) + b"}"


def bad_value(name: str, part: str, column: bytes, value: bytes, says: str) -> Case:
    """A second row in which one value cannot play its part."""
    return lines(name, good_with(column, value)).refused("rows.jsonl:2", says).on(part)


def table(name: str, *records: bytes) -> Case:
    """CSV with a good header and a good first record."""
    return file(name, "rows.csv", b"\n".join([HEADER, CELLS, *records]) + b"\n")
