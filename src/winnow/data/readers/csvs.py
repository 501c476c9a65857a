"""CSV: every cell is text, exactly as it stands; an empty cell is null, a quoted empty cell is empty text.

Refused with file and line: a row with another number of cells than the header, a quote that never ends, bytes
that are not UTF-8, a header with a name missing or given twice. Numbers are read by whoever asks for a score.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from winnow.data.chunks import ArrowChunk, Chunk
from winnow.data.errors import BadTable, shown
from winnow.data.quarantine import BadRows
from winnow.data.readers.files import blocks_of_lines, opened, sha256_of
from winnow.data.readers.jsonl import file_receipt
from winnow.data.readers.source import Source

BLOCK = 1 << 24


class Csv(Source):
    """One or more CSV files with the same header."""

    format = "csv"
    regular = True

    def __init__(self, files: Sequence[Path], name: str) -> None:
        self.files = list(files)
        self.name = name
        self._names = header(self.files[0])
        for other in self.files[1:]:
            if header(other) != self._names:
                raise BadTable(f"{other}:1", f"its header is not that of {self.files[0]}", "Read the files one by one")

    def paths(self) -> list[Path]:
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
            start = first
            wrong = WrongRows(path, bad)
            for batch in self._batches(path, wrong):
                rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
                first += batch.num_rows
                if batch.num_rows:
                    yield ArrowChunk(batch, rows, lambda row, p=path, s=start: place(p, row - s, len(self._names)))  # type: ignore[misc]

    def _batches(self, path: Path, wrong: WrongRows) -> Iterator[pa.RecordBatch]:
        try:
            with opened(path) as stream:
                reader = pc.open_csv(
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
                yield from reader
        except pa.ArrowException as error:
            wrong.refuse()
            raise refusal(path, error) from error


class WrongRows:
    """Rows whose cells do not match the header: remembered by Arrow's callback, judged by the reader."""

    def __init__(self, path: Path, bad: BadRows) -> None:
        self.path = path
        self.bad = bad
        self.refused: BadTable | None = None

    def __call__(self, row: pc.InvalidRow) -> str:
        line = place(self.path, (row.number or 2) - 2, None)
        try:
            self.bad.add(
                line,
                f"has {row.actual_columns} cells; the header has {row.expected_columns}",
                row.text,
                "Quote cells that hold commas",
            )
        except BadTable as refused:
            self.refused = refused
            return "error"
        return "skip"

    def refuse(self) -> None:
        """Raise what the callback could not raise through Arrow."""
        if self.refused is not None:
            raise self.refused


def header(path: Path) -> list[str]:
    """The names in the first record, each present and different."""
    with opened(path) as stream:
        first = next(blocks_of_lines(stream, path), [])
    try:
        text = "\n".join(line.decode("utf-8-sig") for line in first[:100])
    except UnicodeDecodeError:
        text = ""
    names = next(csv.reader(text.splitlines(keepends=True)), []) if text or not first else None
    if names is None:
        raise not_utf8(path)
    if not names:
        raise BadTable(f"{path}:1", "has no header", "The first line of a CSV file names its columns")
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise BadTable(f"{path}:1", f"column {position} of the header has no name", "Name every column")
        if names.index(name) != position - 1:
            raise BadTable(f"{path}:1", f"the header names {shown(name)} twice", "Rename one of the two")
    return names


def place(path: Path, record: int, cells: int | None) -> str:
    """`file:line` of a data record, found by reading again: a quoted cell may hold line ends.

    With `cells`, only records of that many cells count, as they do in the chunks.
    """
    with opened(path) as stream:
        text = (line.decode("utf-8", "replace") + "\n" for block in blocks_of_lines(stream, path) for line in block)
        records = csv.reader(text)
        next(records, None)
        while True:
            line = records.line_num + 1
            cell = next(records, None)
            if cell is None:
                return str(path)
            if cells is None or len(cell) == cells:
                if record == 0:
                    return f"{path}:{line}"
                record -= 1


def refusal(path: Path, error: Exception) -> BadTable:
    """Arrow's complaint in words with a line, where a line can be told."""
    said = str(error)
    if "UTF8" in said or "UTF-8" in said:
        return not_utf8(path)
    if "straddl" in said or "quote" in said.lower():
        return BadTable(
            place_of_open_quote(path),
            "opens a quote that is never closed, or holds a row over 16 MB",
            "Close the quote",
        )
    return BadTable(str(path), f"is not CSV ({shown(said)})", "Save it again as UTF-8 CSV with a header")


def not_utf8(path: Path) -> BadTable:
    """The first line that is not UTF-8."""
    number = 0
    with opened(path) as stream:
        for block in blocks_of_lines(stream, path):
            for line in block:
                number += 1
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    problem = f"is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})"
                    return BadTable(f"{path}:{number}", problem, "Save the file as UTF-8")
    return BadTable(str(path), "is not UTF-8", "Save the file as UTF-8")


def place_of_open_quote(path: Path) -> str:
    """The line on which the last record begins, which is where an unclosed quote swallowed the rest."""
    start = 1
    with opened(path) as stream:
        text = (line.decode("utf-8", "replace") + "\n" for block in blocks_of_lines(stream, path) for line in block)
        records = csv.reader(text)
        csv.field_size_limit(1 << 30)
        for _ in records:
            start, last = records.line_num + 1, start
    return f"{path}:{last}"
