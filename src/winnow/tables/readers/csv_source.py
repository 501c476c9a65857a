"""CSV: every cell is text as it is written; an empty cell is null, a quoted empty cell is empty text.

Refused with file and line: a row with another number of cells than the header, a quote that is never closed or closed
inside a cell, bytes that are not UTF-8, a header with a missing or repeated name. Numbers are parsed where a column is
read as a score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from winnow.errors import BadTable, format_value, not_utf8_problem
from winnow.storage.file_bytes import open_decompressed, read_line_blocks
from winnow.storage.locations.location import Location
from winnow.tables.chunks import ArrowChunk, Chunk
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.csv_records import QuoteMonitor, RecordLocator, read_records, refuse_broken_quote
from winnow.tables.readers.source import Source

CSV_BLOCK_BYTES = 1 << 24


class CsvSource(Source):
    """One or more CSV files with the same header."""

    format = "csv"
    has_uniform_columns = True

    def __init__(self, files: Sequence[Location], name: str) -> None:
        self.files = list(files)
        self.name = name
        self._names = read_header(self.files[0])
        for path in self.files[1:]:
            if read_header(path) != self._names:
                raise BadTable(f"{path}:1", f"its header is not that of {self.files[0]}", "Read the files one by one")

    def names(self) -> list[str]:
        return self._names

    def schema(self, bad: BadRows) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self._names])

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for path in self.files:
            locator = RecordLocator(path, len(self._names), first)
            invalid_rows = InvalidRowHandler(path, len(self._names), bad)
            for batch in self._batches(path, invalid_rows):
                rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
                first += batch.num_rows
                if batch.num_rows:
                    yield ArrowChunk(batch, rows, locator.locate)

    def _batches(self, path: Location, invalid_rows: InvalidRowHandler) -> Iterator[pa.RecordBatch]:
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
                raise_csv_error(path, error)
            refuse_broken_quote(path)

    def _parse_batches(self, stream: QuoteMonitor, invalid_rows: InvalidRowHandler) -> Iterator[pa.RecordBatch]:
        yield from pc.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pc.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES),
            parse_options=pc.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=len(self._names) > 1, invalid_row_handler=invalid_rows
            ),
            convert_options=pc.ConvertOptions(
                column_types={name: pa.string() for name in self._names},
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=False,
            ),
        )


class InvalidRowHandler:
    """Arrow's callback for rows whose cells do not match the header; it keeps the error for the reader to raise."""

    def __init__(self, path: Location, cells: int, bad: BadRows) -> None:
        self.bad = bad
        self.error: BadTable | None = None
        self._has_quote = False
        self._path = path
        self._locator = RecordLocator(path, cells, any_length=True)

    def __call__(self, row: pc.InvalidRow) -> str:
        # Arrow counts the header as row 1.
        try:
            self.bad.add(
                self._locator.locate((row.number or 2) - 2),
                f"has {row.actual_columns} cells; the header has {row.expected_columns}",
                row.text,
                "Quote cells that hold commas",
            )
        except BadTable as error:
            self.error = error
            self._has_quote = '"' in row.text
            return "error"
        return "skip"

    def raise_error(self) -> None:
        """Raise the error that the callback cannot raise through Arrow, or the open quote that caused it."""
        if self.error is not None:
            if self._has_quote:
                refuse_broken_quote(self._path)
            raise self.error


def read_header(path: Location) -> list[str]:
    """Read the column names, or raise BadTable if one is missing or repeated."""
    _, names = next(read_records(path), (1, []))
    if any("\ufffd" in name for name in names):
        refuse_not_utf8(path, lines=1)
    if not names:
        raise BadTable(f"{path}:1", "has no header", "The first line of a CSV file names its columns")
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise BadTable(f"{path}:1", f"column {position} of the header has no name", "Name every column")
        if names.index(name) != position - 1:
            raise BadTable(f"{path}:1", f"the header names {format_value(name)} twice", "Rename one of the two")
    return names


def raise_csv_error(path: Location, error: Exception) -> NoReturn:
    """Raise an error of Arrow as a BadTable, with the line where it can be found."""
    message = str(error)
    if "UTF8" in message or "UTF-8" in message:
        refuse_not_utf8(path)
    if "straddl" in message:
        refuse_broken_quote(path)
        problem = f"holds a row over {CSV_BLOCK_BYTES >> 20} MB"
        raise BadTable(str(path), problem, "Write the file as .jsonl or .parquet") from error
    problem = f"is not CSV ({format_value(message)})"
    raise BadTable(str(path), problem, "Save it again as UTF-8 CSV with a header") from error


def refuse_not_utf8(path: Location, lines: int | None = None) -> None:
    """Raise BadTable for the first line that is not UTF-8, among the first `lines` or all."""
    with open_decompressed(path) as stream:
        all_lines = chain.from_iterable(read_line_blocks(stream, path))
        for number, line in enumerate(islice(all_lines, lines), 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise BadTable(f"{path}:{number}", not_utf8_problem(error), "Save the file as UTF-8") from error
