"""JSON Lines, plain or compressed; a line that would lose data on reading is refused.

Refused with file and line: a line that is not JSON, not an object or not UTF-8; a repeated key; NaN and Infinity; a
number too large for a float; half of a surrogate pair. Only newline bytes end a line. Blank lines are not rows. The
bytes of each line are kept.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from winnow.errors import EnvironmentFault, format_value, not_utf8_problem
from winnow.storage.file_bytes import open_decompressed, read_line_blocks
from winnow.storage.locations.location import Location
from winnow.tables.chunks import Chunk, JsonChunk, Row, RowNumbers
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source

SUSPECT_BYTES = re.compile(rb"\\u[dD][89a-fA-F]|[0-9][eE]\+?[0-9]{3}|[0-9]{200}")
"""Bytes that may be a lone surrogate or a number too large for a float; only such lines are checked value by value."""

Line = tuple[int, int, bytes]
"""A line that is not blank: the number of its row, its number in the file, and its bytes without the line end."""


class JsonLinesSource(Source):
    """One or more files of one JSON object per line."""

    format = "jsonl"

    def __init__(self, files: Sequence[Location], name: str, spool: IO[bytes] | None = None) -> None:
        self.files = list(files)
        self.name = name
        self._spool = spool

    def paths(self) -> list[Location]:
        return [] if self._spool else super().paths()

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        for path, lines in self._blocks():
            chunk = _parse_lines(lines, path, bad)
            if len(chunk):
                yield chunk

    def read_rows(self, rows: RowNumbers, bad: BadRows) -> Iterator[Chunk]:
        for path, lines in self._blocks():
            first = lines[0][0]
            low, high = np.searchsorted(rows, [first, first + len(lines)])
            if high > low:
                yield _parse_lines([lines[row - first] for row in rows[low:high]], path, bad)

    def _blocks(self) -> Iterator[tuple[str, list[Line]]]:
        """Yield blocks of lines with the name of their file; blank lines are left out."""
        row = 0
        for path in self.files:
            line_count = 0
            with open_decompressed(path) as stream:
                for block in read_line_blocks(stream, path):
                    if line_count == 0:
                        block[0] = block[0].removeprefix(b"\xef\xbb\xbf")
                    lines: list[Line] = []
                    for number, content in enumerate(block, line_count + 1):
                        if stripped := content.strip(b" \t\r"):
                            lines.append((row + len(lines), number, stripped))
                    if lines:
                        yield self.name if self._spool else str(path), lines
                    row += len(lines)
                    line_count += len(block)


def open_standard_input() -> JsonLinesSource:
    """Read JSON Lines from standard input into a temporary file, because rows are read more than once."""
    spool = tempfile.NamedTemporaryFile(prefix="winnow-", suffix=".jsonl")  # noqa: SIM115  # lives as long as the source
    try:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
    except OSError as error:
        problem = f"could not be stored in {tempfile.gettempdir()} ({error.strerror or error})"
        raise EnvironmentFault("standard input", problem, "Free some space, or set TMPDIR to a larger disk") from error
    return JsonLinesSource([Path(spool.name)], "standard input", spool)


def _parse_lines(lines: Sequence[Line], path: str, bad: BadRows) -> JsonChunk:
    """Parse lines; one that breaks a rule is refused or set aside."""
    objects: list[Row] = []
    good_lines: list[Line] = []
    for line in lines:
        try:
            objects.append(parse_line(line[2]))
            good_lines.append(line)
        except ValueError as error:
            bad.add(f"{path}:{line[1]}", str(error), line[2].decode("utf-8", "backslashreplace"))
    line_numbers = {row: number for row, number, _ in good_lines}
    rows = np.fromiter(line_numbers, np.int64, len(line_numbers))
    return JsonChunk(objects, rows, lambda row: f"{path}:{line_numbers[row]}", [line[2] for line in good_lines])


def parse_line(line: bytes) -> Row:
    """Parse one line; ValueError with a message for the user if it breaks a rule."""
    try:
        row = _DECODER.decode(line.decode())
        if isinstance(row, dict) and SUSPECT_BYTES.search(line):
            _check_value(row)
    except UnicodeDecodeError as error:
        raise ValueError(not_utf8_problem(error)) from error
    except json.JSONDecodeError as error:
        near = format_value(error.doc[max(error.pos - 10, 0) : error.pos + 20])
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}, near {near}") from error
    except RecursionError as error:
        raise ValueError("is nested too deep to be a row") from error
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError("holds a whole number with more digits than Python can read") from error
        raise
    if not isinstance(row, dict):
        raise ValueError(f"is {_KIND_NAMES.get(type(row), 'null')}; each line is one JSON object {{...}}")
    return row


_KIND_NAMES = {bool: "true or false", int: "a number", float: "a number", list: "a list", str: "a text"}


def _build_row(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        name_counts = Counter(name for name, _ in pairs)
        repeated_name = next(name for name, count in name_counts.items() if count > 1)
        raise ValueError(f"has the key {format_value(repeated_name)} twice")
    return row


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is not JSON; a missing number is null")


def _check_value(value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_value(name)
            _check_value(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number too large for a float")
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            code = f"\\u{ord(value[error.start]):04x}"
            raise ValueError(f"holds half of a surrogate pair ({code}), which is not a character") from error


_DECODER = json.JSONDecoder(object_pairs_hook=_build_row, parse_constant=_refuse_constant)
