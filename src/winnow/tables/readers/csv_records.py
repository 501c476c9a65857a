"""Where the records of a CSV file stand, and whether its quotes are sound.

Arrow reads the cells; it tells neither the line of a record nor that a quote was left open, after which the rest
of the file is one cell. `records` reads the same bytes record by record, with lines; `Quotes` watches the bytes on
their way to Arrow, so that the slow look is taken only at a file whose quotes are not all in their places.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

import numpy as np

from winnow.errors import BadTable
from winnow.storage.file_bytes import open_decompressed, read_line_blocks
from winnow.storage.locations.location import Location

MAX_CELL_BYTES = 1 << 30


class QuoteMonitor(io.RawIOBase):
    """A stream that notices when a quote stands where no quoted cell begins or ends."""

    def __init__(self, stream: IO[bytes], path: Location) -> None:
        self._stream = stream
        self._path = path
        self._quote_count = 0
        self._last_bytes = b"\n"
        self._may_adjoin_quote = np.zeros(256, bool)
        self._may_adjoin_quote[list(b',\r\n"')] = True
        self._has_misplaced_quote = False

    def refuse_broken(self) -> None:
        """Refuse the file if its quotes are not sound, as far as it was read."""
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
        """Every quote between the first and the last byte; the last two bytes wait for the next block."""
        array = np.frombuffer(block, np.uint8)
        quote_positions = np.flatnonzero(array[1:-1] == ord('"')) + 1
        is_opening = (self._quote_count + np.arange(len(quote_positions))) % 2 == 0
        outer_bytes = np.where(is_opening, array[quote_positions - 1], array[quote_positions + 1])
        self._quote_count += len(quote_positions)
        self._last_bytes = block[-2:]
        if not self._may_adjoin_quote[outer_bytes].all():
            self._has_misplaced_quote = True


class RecordLocator:
    """`file:line` of data records by number, found by reading on from the last one asked for."""

    def __init__(self, path: Location, cells: int, first: int = 0, any_length: bool = False) -> None:
        """Records are counted from `first`: those of this many cells, or of any."""
        self._path = path
        self._cells = cells
        self._first = first
        self._any_length = any_length
        self._record_lines = self._iter_record_lines()
        self._records_read = 0
        self._last_location = ""

    def locate(self, row: int) -> str:
        """Where the record of this number begins."""
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
        """Lines of the records that count, after the header; a blank line is a record only of a single column."""
        numbered_records = read_records(self._path)
        next(numbered_records, None)
        for line, cells in numbered_records:
            width = len(cells) or (1 if self._cells == 1 else 0)
            if width == self._cells or (self._any_length and width):
                yield line


def read_records(path: Location) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line it begins on; bytes that are no UTF-8 stand replaced."""
    csv.field_size_limit(MAX_CELL_BYTES)
    reader = csv.reader(read_lines(path))
    while True:
        line = reader.line_num + 1
        cells = next(reader, None)
        if cells is None:
            return
        yield line, cells


def refuse_broken_quote(path: Location) -> None:
    """Refuse a file in which a quote is never closed, or is closed before its cell ends; rows were lost in it."""
    csv.field_size_limit(MAX_CELL_BYTES)
    reader = csv.reader(read_lines(path), strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error as error:
        is_unclosed = "end of data" in str(error)
        problem = "opens a quote that is never closed" if is_unclosed else "closes a quote before its cell ends"
        step = 'Close the quote, and write quotes inside a quoted cell twice ("")'
        raise BadTable(f"{path}:{line}", problem, step) from error


def read_lines(path: Location) -> Iterator[str]:
    """Lines with their ends, split where CSV ends a line: at newline and at a bare carriage return."""
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
