"""The line of each record of a CSV file, and the check of its quotes; the cells are read by Arrow.

Arrow tells neither the line of a record nor that a quote was left open, which makes the rest of the file one cell.
`read_records` reads the file record by record with Python's csv module. `QuoteMonitor` watches the bytes that Arrow
reads, so that only a file with a misplaced quote is checked by the slow reader.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from winnow.errors import BadTable
from winnow.storage.file_bytes import open_decompressed, read_line_blocks
from winnow.storage.locations.location import Location

MAX_CELL_BYTES = 1 << 30


class QuoteMonitor(io.RawIOBase):
    """A stream that notices a quote where no quoted cell begins or ends."""

    def __init__(self, stream: IO[bytes], path: Location) -> None:
        self._stream = stream
        self._path = path
        self._quote_count = 0
        self._last_bytes = b"\n"
        self._may_adjoin_quote = np.zeros(256, bool)
        self._may_adjoin_quote[list(b',\r\n"')] = True
        self._has_misplaced_quote = False

    def refuse_broken(self) -> None:
        """Raise BadTable if a quote read so far breaks a cell."""
        if self._has_misplaced_quote:
            refuse_broken_quote(self._path)
            self._may_adjoin_quote[:] = True
            self._has_misplaced_quote = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        # The end of the file ends a cell as the end of a line does.
        self._check_quotes(self._last_bytes + (block or b"\n"))
        if not block and self._quote_count % 2:
            self._has_misplaced_quote = True
        return block

    def _check_quotes(self, block: bytes) -> None:
        """Check every quote between the first and the last byte; the last two bytes are checked with the next block."""
        array = np.frombuffer(block, np.uint8)
        quote_positions = np.flatnonzero(array[1:-1] == ord('"')) + 1
        is_opening = (self._quote_count + np.arange(len(quote_positions))) % 2 == 0
        outer_bytes = np.where(is_opening, array[quote_positions - 1], array[quote_positions + 1])
        self._quote_count += len(quote_positions)
        self._last_bytes = block[-2:]
        if not self._may_adjoin_quote[outer_bytes].all():
            self._has_misplaced_quote = True


class RecordLocator:
    """Finds `file:line` of a data record by reading on from the record located last.

    Records with this many cells (with `any_length`, all records) are numbered from `first`.
    """

    def __init__(self, path: Location, cells: int, first: int = 0, any_length: bool = False) -> None:
        self._path = path
        self._cells = cells
        self._first = first
        self._any_length = any_length
        self._record_lines = self._iter_record_lines()
        self._records_read = 0
        self._last_location = ""

    def locate(self, row: int) -> str:
        """Return where the record of this number begins."""
        record = row - self._first
        if record == self._records_read - 1:
            return self._last_location
        if record < self._records_read:
            self._record_lines, self._records_read = self._iter_record_lines(), 0
        for line in self._record_lines:
            self._records_read += 1
            if self._records_read > record:
                self._last_location = f"{self._path}:{line}"
                return self._last_location
        return str(self._path)

    def _iter_record_lines(self) -> Iterator[int]:
        # A blank line is a record only in a file with a single column.
        numbered_records = read_records(self._path)
        next(numbered_records, None)
        for line, cells in numbered_records:
            width = len(cells) or (1 if self._cells == 1 else 0)
            if width == self._cells or (self._any_length and width):
                yield line


def read_records(path: Location) -> Iterator[tuple[int, list[str]]]:
    """Yield every record with the line it begins on; bytes that are not UTF-8 are replaced."""
    return _iterate_records(csv.reader(_read_lines(path)))


def _iterate_records(reader: Any) -> Iterator[tuple[int, list[str]]]:
    # The limit is a setting of the whole process; its default of 131,072 bytes refuses long texts.
    csv.field_size_limit(MAX_CELL_BYTES)
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def refuse_broken_quote(path: Location) -> None:
    """Raise BadTable if a quote is never closed or closed before its cell ends, because rows would be lost."""
    reader = csv.reader(_read_lines(path), strict=True)
    line = 1
    try:
        for _ in _iterate_records(reader):
            line = reader.line_num + 1
    except csv.Error as error:
        is_unclosed = "end of data" in str(error)
        problem = "opens a quote that is never closed" if is_unclosed else "closes a quote before its cell ends"
        step = 'Close the quote, and write quotes inside a quoted cell twice ("")'
        raise BadTable(f"{path}:{line}", problem, step) from error


def _read_lines(path: Location) -> Iterator[str]:
    """Yield lines with their ends; a newline and a bare carriage return end a line."""
    byte_order_mark = "\ufeff"
    with open_decompressed(path) as stream:
        for block in read_line_blocks(stream, path):
            for line in block:
                text = line.decode("utf-8", "replace").removeprefix(byte_order_mark)
                byte_order_mark = ""
                body, end = (text[:-1], "\r\n") if text.endswith("\r") else (text, "\n")
                *heads, last = body.split("\r")
                yield from (head + "\r" for head in heads)
                yield last + end
