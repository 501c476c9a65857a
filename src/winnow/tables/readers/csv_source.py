"""CSV: every cell is text as it is written; an empty cell is null, a quoted empty cell is empty text.

Refused with file and line: a row with another number of cells than the header, a quote that is never closed or closed
inside a cell, bytes that are not UTF-8, a header with a missing or repeated name. Arrow reads the cells, but tells
neither the line of a record nor that a quote was left open; Python's slower csv module finds these where needed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from winnow.errors import BadTable, format_value, not_utf8_problem
from winnow.storage.file_bytes import open_decompressed, read_line_blocks
from winnow.storage.locations.location import Location
from winnow.tables.chunks import Chunk
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import TypedSource, number_rows

BLOCK_BYTES = 1 << 24
MAX_CELL_BYTES = 1 << 30


class CsvSource(TypedSource):
    """One or more CSV files with the same header."""

    format = "csv"

    def __init__(self, files: Sequence[Location], name: str) -> None:
        self.files = list(files)
        self.name = name
        names = _read_header(self.files[0])
        for path in self.files[1:]:
            if _read_header(path) != names:
                raise BadTable(f"{path}:1", f"its header is not that of {self.files[0]}", "Read the files one by one")
        self.arrow_schema = pa.schema([(name, pa.string()) for name in names])

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for path in self.files:
            locator = RecordLocator(path, len(self.arrow_schema), first)
            first = yield from number_rows(self._batches(path, bad), first, locator.locate)

    def _batches(self, path: Location, bad: BadRows) -> Iterator[pa.RecordBatch]:
        invalid_rows = InvalidRowHandler(path, len(self.arrow_schema), bad)
        try:
            with open_decompressed(path) as stream:
                quote_monitor = QuoteMonitor(stream, path)
                for batch in self._parse_batches(quote_monitor, invalid_rows):
                    quote_monitor.refuse_broken()
                    yield batch
                quote_monitor.refuse_broken()
        except pa.ArrowException as error:
            invalid_rows.raise_error()
            if "Empty CSV" not in str(error):
                raise _explain_csv_error(path, error) from error
            refuse_broken_quote(path)

    def _parse_batches(self, stream: QuoteMonitor, invalid_rows: InvalidRowHandler) -> Iterator[pa.RecordBatch]:
        yield from pc.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pc.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pc.ParseOptions(
                newlines_in_values=True,
                ignore_empty_lines=len(self.arrow_schema) > 1,
                invalid_row_handler=invalid_rows,
            ),
            convert_options=pc.ConvertOptions(
                column_types=self.arrow_schema,
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=False,
            ),
        )


class QuoteMonitor(io.RawIOBase):
    """The stream that Arrow reads; it notices a quote where no quoted cell begins or ends.

    Only a file with such a quote is checked by the slow reader.
    """

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


class InvalidRowHandler:
    """Arrow's callback for rows whose cells do not match the header; it keeps the error for the reader to raise."""

    def __init__(self, path: Location, cells: int, bad: BadRows) -> None:
        self._path = path
        self._bad = bad
        self._error: BadTable | None = None
        self._has_quote = False
        self._locator = RecordLocator(path, cells, any_length=True)

    def __call__(self, row: pc.InvalidRow) -> str:
        # Arrow counts the header as row 1.
        try:
            self._bad.add(
                self._locator.locate((row.number or 2) - 2),
                f"has {row.actual_columns} cells; the header has {row.expected_columns}",
                row.text,
                "Quote cells that hold commas",
            )
        except BadTable as error:
            self._error = error
            self._has_quote = '"' in row.text
            return "error"
        return "skip"

    def raise_error(self) -> None:
        """Raise the error that the callback cannot raise through Arrow, or the open quote that caused it."""
        if self._error is not None:
            if self._has_quote:
                refuse_broken_quote(self._path)
            raise self._error


class RecordLocator:
    """Finds `file:line` of a data record by reading on from the record located last.

    Records with this many cells (with `any_length`, all records) are numbered from `first`.
    """

    def __init__(self, path: Location, cells: int, first: int = 0, any_length: bool = False) -> None:
        self._path = path
        self._cells = cells
        self._any_length = any_length
        self._first = first
        self._lines: Iterator[int] = iter(())
        self._row, self._line = first - 1, 0

    def locate(self, row: int) -> str:
        """Return where the record of this number begins."""
        if row < self._row or self._line == 0:
            self._lines, self._row = self._iterate_lines(), self._first - 1
        while self._row < row:
            line = next(self._lines, None)
            if line is None:
                return str(self._path)
            self._row, self._line = self._row + 1, line
        return f"{self._path}:{self._line}"

    def _iterate_lines(self) -> Iterator[int]:
        # A blank line is a record only in a file with a single column.
        for line, cells in islice(read_records(self._path), 1, None):
            width = len(cells) or (1 if self._cells == 1 else 0)
            if width == self._cells or (self._any_length and width):
                yield line


def read_records(path: Location, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield every record with the line it begins on; bytes that are not UTF-8 are replaced.

    Raises:
        BadTable: With `strict`: a quote is never closed, or closed before its cell ends.
    """
    # The limit is a setting of the whole process; its default of 131,072 bytes refuses long texts.
    csv.field_size_limit(MAX_CELL_BYTES)
    reader = csv.reader(_read_lines(path), strict=strict)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        is_unclosed = "end of data" in str(error)
        problem = "opens a quote that is never closed" if is_unclosed else "closes a quote before its cell ends"
        step = 'Close the quote, and write quotes inside a quoted cell twice ("")'
        raise BadTable(f"{path}:{line}", problem, step) from error


def refuse_broken_quote(path: Location) -> None:
    """Raise BadTable if a quote is never closed or closed before its cell ends, because rows would be lost."""
    for _ in read_records(path, strict=True):
        pass


def _read_lines(path: Location) -> Iterator[str]:
    """Yield lines with their ends; a newline and a bare carriage return end a line."""
    byte_order_mark = "\ufeff"
    with open_decompressed(path) as stream:
        for line in chain.from_iterable(read_line_blocks(stream, path)):
            text = line.decode("utf-8", "replace").removeprefix(byte_order_mark)
            byte_order_mark = ""
            body, end = (text[:-1], "\r\n") if text.endswith("\r") else (text, "\n")
            *heads, last = body.split("\r")
            yield from (head + "\r" for head in heads)
            yield last + end


def _read_header(path: Location) -> list[str]:
    """Read the column names, or raise BadTable if one is missing or repeated."""
    _, names = next(read_records(path), (1, []))
    if any("\ufffd" in name for name in names):
        _refuse_not_utf8(path, lines=1)
    if not names:
        raise BadTable(f"{path}:1", "has no header", "The first line of a CSV file names its columns")
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise BadTable(f"{path}:1", f"column {position} of the header has no name", "Name every column")
        if names.index(name) != position - 1:
            raise BadTable(f"{path}:1", f"the header names {format_value(name)} twice", "Rename one of the two")
    return names


def _explain_csv_error(path: Location, error: Exception) -> BadTable:
    """Explain an error of Arrow; the line is raised where it can be found."""
    message = str(error)
    if "UTF8" in message or "UTF-8" in message:
        _refuse_not_utf8(path)
    if "straddl" in message:
        refuse_broken_quote(path)
        return BadTable(str(path), f"holds a row over {BLOCK_BYTES >> 20} MB", "Write the file as .jsonl or .parquet")
    return BadTable(str(path), f"is not CSV ({format_value(message)})", "Save it again as UTF-8 CSV with a header")


def _refuse_not_utf8(path: Location, lines: int | None = None) -> None:
    """Raise BadTable for the first line that is not UTF-8, among the first `lines` or all."""
    with open_decompressed(path) as stream:
        all_lines = chain.from_iterable(read_line_blocks(stream, path))
        for number, line in enumerate(islice(all_lines, lines), 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise BadTable(f"{path}:{number}", not_utf8_problem(error), "Save the file as UTF-8") from error
