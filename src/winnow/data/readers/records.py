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

from winnow.data.errors import BadTable
from winnow.data.places.place import Place
from winnow.data.readers.files import blocks_of_lines, opened

LONGEST_CELL = 1 << 30


class Quotes(io.RawIOBase):
    """A stream that notices when a quote stands where no quoted cell begins or ends."""

    def __init__(self, stream: IO[bytes], path: Place) -> None:
        self._stream = stream
        self._path = path
        self._seen = 0
        self._held = b"\n"
        self._beside = np.zeros(256, bool)
        self._beside[list(b',\r\n"')] = True
        self._suspect = False

    def refuse_broken(self) -> None:
        """Refuse the file if its quotes are not sound, as far as it was read."""
        if self._suspect:
            refuse_broken_quote(self._path)
            self._beside[:] = True
            self._suspect = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        # The end of the file ends a cell as the end of a line does.
        self._look(self._held + (block or b"\n"))
        if not block and self._seen % 2:
            self._suspect = True
        return block

    def _look(self, around: bytes) -> None:
        """Every quote between the first and the last byte; the last two bytes wait for the next block."""
        array = np.frombuffer(around, np.uint8)
        at = np.flatnonzero(array[1:-1] == ord('"')) + 1
        opens = (self._seen + np.arange(len(at))) % 2 == 0
        outside = np.where(opens, array[at - 1], array[at + 1])
        self._seen += len(at)
        self._held = around[-2:]
        if not self._beside[outside].all():
            self._suspect = True


class Places:
    """`file:line` of data records by number, found by reading on from the last one asked for."""

    def __init__(self, path: Place, cells: int, first: int = 0, any_length: bool = False) -> None:
        """Records are counted from `first`: those of this many cells, or of any."""
        self._path = path
        self._cells = cells
        self._first = first
        self._any_length = any_length
        self._walk = self._counted()
        self._done = 0
        self._last = ""

    def of(self, row: int) -> str:
        """Where the record of this number begins."""
        record = row - self._first
        if record == self._done - 1:
            return self._last
        if record < self._done:
            self._walk, self._done = self._counted(), 0
        for line in self._walk:
            self._done += 1
            if self._done > record:
                self._last = f"{self._path}:{line}"
                return self._last
        return str(self._path)

    def _counted(self) -> Iterator[int]:
        """Lines of the records that count, after the header; a blank line is a record only of a single column."""
        walk = records(self._path)
        next(walk, None)
        for line, cells in walk:
            width = len(cells) or (1 if self._cells == 1 else 0)
            if width == self._cells or (self._any_length and width):
                yield line


def records(path: Place) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line it begins on; bytes that are no UTF-8 stand replaced."""
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines(path))
    while True:
        line = reader.line_num + 1
        cells = next(reader, None)
        if cells is None:
            return
        yield line, cells


def refuse_broken_quote(path: Place) -> None:
    """Refuse a file in which a quote is never closed, or is closed before its cell ends; rows were lost in it."""
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines(path), strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error as error:
        never = "end of data" in str(error)
        problem = "opens a quote that is never closed" if never else "closes a quote before its cell ends"
        step = 'Close the quote, and write quotes inside a quoted cell twice ("")'
        raise BadTable(f"{path}:{line}", problem, step) from error


def lines(path: Place) -> Iterator[str]:
    """Lines with their ends, split where CSV ends a line: at newline and at a bare carriage return."""
    mark = "\ufeff"
    with opened(path) as stream:
        for block in blocks_of_lines(stream, path):
            for line in block:
                text = line.decode("utf-8", "replace").removeprefix(mark)
                mark = ""
                body, end = (text[:-1], "\r\n") if text.endswith("\r") else (text, "\n")
                *heads, last = body.split("\r")
                yield from (head + "\r" for head in heads)
                yield last + end
