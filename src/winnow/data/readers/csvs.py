"""CSV: every cell is text, exactly as it stands; an empty cell is null, a quoted empty cell is empty text.

Refused with file and line: a row with another number of cells than the header, a quote that never ends or ends
inside a cell, bytes that are not UTF-8, a header with a name missing or given twice. Numbers are read by whoever
asks for a score. How the bytes of a file fall into records and lines is told by `records`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from winnow.data.chunks import ArrowChunk, Chunk
from winnow.data.errors import BadTable, shown
from winnow.data.places.place import Place
from winnow.data.quarantine import BadRows
from winnow.data.readers.files import blocks_of_lines, opened, sha256_of
from winnow.data.readers.jsonl import file_receipt
from winnow.data.readers.records import Places, Quotes, records, refuse_broken_quote
from winnow.data.readers.source import Source

BLOCK = 1 << 24


class Csv(Source):
    """One or more CSV files with the same header."""

    format = "csv"
    regular = True

    def __init__(self, files: Sequence[Place], name: str) -> None:
        self.files = list(files)
        self.name = name
        self._names = header(self.files[0])
        for other in self.files[1:]:
            if header(other) != self._names:
                raise BadTable(f"{other}:1", f"its header is not that of {self.files[0]}", "Read the files one by one")

    def paths(self) -> list[Place]:
        return self.files

    def names(self) -> list[str]:
        return self._names

    def receipt(self) -> dict[str, Any]:
        return {"format": self.format, "files": [file_receipt(p, sha256_of(p)) for p in self.files]}

    def schema(self, bad: BadRows) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self._names])

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for path in self.files:
            places = Places(path, len(self._names), first)
            wrong = WrongRows(path, len(self._names), bad)
            for batch in self._batches(path, wrong):
                rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
                first += batch.num_rows
                if batch.num_rows:
                    yield ArrowChunk(batch, rows, places.of)

    def _batches(self, path: Place, wrong: WrongRows) -> Iterator[pa.RecordBatch]:
        try:
            with opened(path) as stream:
                quotes = Quotes(stream, path)
                for batch in self._parsed(quotes, wrong):
                    quotes.refuse_broken()
                    yield batch
                quotes.refuse_broken()
        except pa.ArrowException as error:
            wrong.refuse()
            if "Empty CSV" not in str(error):
                raise refusal(path, error) from error
            refuse_broken_quote(path)

    def _parsed(self, stream: Quotes, wrong: WrongRows) -> Iterator[pa.RecordBatch]:
        yield from pc.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pc.ReadOptions(use_threads=False, block_size=BLOCK),
            parse_options=pc.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=len(self._names) > 1, invalid_row_handler=wrong
            ),
            convert_options=pc.ConvertOptions(
                column_types={name: pa.string() for name in self._names},
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=False,
            ),
        )


class WrongRows:
    """Rows whose cells do not match the header: remembered by Arrow's callback, judged by the reader."""

    def __init__(self, path: Place, cells: int, bad: BadRows) -> None:
        self.bad = bad
        self.refused: BadTable | None = None
        self._path = path
        self._places = Places(path, cells, any_length=True)

    def __call__(self, row: pc.InvalidRow) -> str:
        # Arrow counts the header as 1.
        try:
            self.bad.add(
                self._places.of((row.number or 2) - 2),
                f"has {row.actual_columns} cells; the header has {row.expected_columns}",
                row.text,
                "Quote cells that hold commas",
            )
        except BadTable as refused:
            self.refused = refused
            self._quoted = '"' in row.text
            return "error"
        return "skip"

    def refuse(self) -> None:
        """Raise what the callback could not raise through Arrow; a quote left open is the reason for missing cells."""
        if self.refused is not None:
            if self._quoted:
                refuse_broken_quote(self._path)
            raise self.refused


def header(path: Place) -> list[str]:
    """The names in the first record, each present and different."""
    _, names = next(records(path), (1, []))
    if any("\ufffd" in name for name in names):
        refuse_not_utf8(path, lines=1)
    if not names:
        raise BadTable(f"{path}:1", "has no header", "The first line of a CSV file names its columns")
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise BadTable(f"{path}:1", f"column {position} of the header has no name", "Name every column")
        if names.index(name) != position - 1:
            raise BadTable(f"{path}:1", f"the header names {shown(name)} twice", "Rename one of the two")
    return names


def refusal(path: Place, error: Exception) -> BadTable:
    """Arrow's complaint in words with a line, where a line can be told."""
    said = str(error)
    if "UTF8" in said or "UTF-8" in said:
        refuse_not_utf8(path)
    if "straddl" in said:
        refuse_broken_quote(path)
        return BadTable(str(path), f"holds a row over {BLOCK >> 20} MB", "Write the file as .jsonl or .parquet")
    return BadTable(str(path), f"is not CSV ({shown(said)})", "Save it again as UTF-8 CSV with a header")


def refuse_not_utf8(path: Place, lines: int | None = None) -> None:
    """Refuse the first line that is not UTF-8, among the first `lines` or all."""
    number = 0
    with opened(path) as stream:
        for block in blocks_of_lines(stream, path):
            for line in block:
                number += 1
                if lines is not None and number > lines:
                    return
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    problem = f"is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})"
                    raise BadTable(f"{path}:{number}", problem, "Save the file as UTF-8") from error
