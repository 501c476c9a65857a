"""JSON Lines, plain or compressed: strict where silence would change the data.

Refused with file and line: what is not JSON, not an object, not UTF-8; a key given twice; NaN and Infinity;
a number too large for a float; half of a surrogate pair. Lines end at newline bytes only. Blank lines are no
rows. The bytes of each line are kept, so a row passed on is the row that came in.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from winnow.data.chunks import Chunk, JsonChunk, Row, Rows
from winnow.data.errors import EnvironmentFault, shown
from winnow.data.places.place import Place
from winnow.data.quarantine import BadRows
from winnow.data.readers.files import blocks_of_lines, opened, sha256_of
from winnow.data.readers.source import Source

SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]|[0-9][eE]\+?[0-9]{3}|[0-9]{200}")
"""Bytes that may hide a lone surrogate or a number beyond a float; only such lines are looked at twice."""


class JsonLines(Source):
    """One or more files of one JSON object per line."""

    format = "jsonl"

    def __init__(self, files: Sequence[Place], name: str, spool: IO[bytes] | None = None) -> None:
        self.files = list(files)
        self.name = name
        self._spool = spool

    def paths(self) -> list[Place]:
        return [] if self._spool else self.files

    def called(self, path: Place) -> str:
        """What a file is called in messages."""
        return self.name if self._spool else str(path)

    def names(self) -> list[str]:
        first = next(self.chunks(BadRows(limit=1 << 30)), None)
        return first.names() if first else []

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": [file_receipt(p, sha256_of(p)) for p in self.files]}

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        for path, numbered in self._numbered():
            chunk = parsed(numbered, path, bad)
            if len(chunk):
                yield chunk

    def pick(self, rows: Rows, bad: BadRows) -> Iterator[Chunk]:
        for path, numbered in self._numbered():
            first = numbered[0][0]
            low, high = np.searchsorted(rows, [first, first + len(numbered)])
            if high > low:
                yield parsed([numbered[row - first] for row in rows[low:high]], path, bad)

    def _numbered(self) -> Iterator[tuple[str, list[tuple[int, int, bytes]]]]:
        """Blocks of (row number, line number, bytes) of one file; blank lines are numbered as lines, not as rows."""
        row = 0
        for path in self.files:
            line = 0
            with opened(path) as stream:
                for block in blocks_of_lines(stream, path):
                    if line == 0:
                        block[0] = block[0].removeprefix(b"\xef\xbb\xbf")
                    stripped = (text.strip(b" \t\r") for text in block)
                    full = [(number, text) for number, text in enumerate(stripped, line + 1) if text]
                    if full:
                        yield self.called(path), [(row + i, number, text) for i, (number, text) in enumerate(full)]
                    row += len(full)
                    line += len(block)


def standard_input() -> JsonLines:
    """JSON Lines from a pipe, kept in a file of our own because rows are read more than once."""
    spool = tempfile.NamedTemporaryFile(prefix="winnow-", suffix=".jsonl")  # noqa: SIM115  # lives as long as the source
    try:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
    except OSError as error:
        problem = f"could not be kept in {tempfile.gettempdir()} ({error.strerror or error})"
        raise EnvironmentFault("standard input", problem, "Free some space, or set TMPDIR to a larger disk") from error
    return JsonLines([Path(spool.name)], "standard input", spool)


def file_receipt(path: Place, sha256: str) -> dict[str, Any]:
    """A file as a receipt names it; stores rewrite the path relative to themselves."""
    return {"path": str(path), "bytes": path.stat().st_size, "sha256": sha256}


def parsed(numbered: Sequence[tuple[int, int, bytes]], path: str, bad: BadRows) -> JsonChunk:
    """The rows of some lines; lines that break a rule go to `bad`."""
    objects: list[Row] = []
    kept: list[tuple[int, int, bytes]] = []
    for item in numbered:
        try:
            objects.append(parse(item[2]))
            kept.append(item)
        except ValueError as error:
            bad.add(f"{path}:{item[1]}", str(error), item[2].decode("utf-8", "backslashreplace"))
    lines = {row: number for row, number, _ in kept}
    numbers = np.fromiter(lines, np.int64, len(lines))
    return JsonChunk(objects, numbers, lambda row: f"{path}:{lines[row]}", [text for _, _, text in kept])


def parse(line: bytes) -> Row:
    """One line as a dictionary; ValueError with the rule it breaks, in words for the user."""
    try:
        row = _DECODER.decode(line.decode())
        if isinstance(row, dict) and SUSPECT.search(line):
            _look_twice(row)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})") from error
    except json.JSONDecodeError as error:
        near = shown(error.doc[max(error.pos - 10, 0) : error.pos + 20])
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}, near {near}") from error
    except RecursionError as error:
        raise ValueError("is nested too deep to be a row") from error
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError("holds a whole number with more digits than Python reads") from error
        raise
    if not isinstance(row, dict):
        raise ValueError(f"is {_KINDS.get(type(row), 'not an object')}; each line is one JSON object {{...}}")
    return row


_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null"}


def _pairs(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"gives the key {shown(twice)} twice")
    return row


def _constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is not JSON; a missing number is null")


def _look_twice(value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _look_twice(name)
            _look_twice(inner)
    elif isinstance(value, list):
        for inner in value:
            _look_twice(inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number too large for a float")
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"holds half of a surrogate pair (\\u{ord(value[error.start]):04x}), which is no character"
            ) from error


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
