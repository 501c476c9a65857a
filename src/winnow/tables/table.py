"""A table: any rows people have, with the columns that play a part, read as often as needed.

`open_table` takes a path, a glob, `-` for standard input, a store, a list of dictionaries or a data frame.
`Table.parts` gives chunks beside their checked parts (text, prompt, id ...); `Table.pick` gives chosen rows
whole, as they came. A row that breaks a rule is refused or set aside by place; it is never skipped.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import BadTable, UsageError, format_value
from winnow.storage.file_bytes import FORMAT_HINTS, detect_format, format_suffix
from winnow.storage.locations.location import (
    Location,
    exists,
    find_matching_files,
    is_dir,
    is_file,
    missing_location_error,
    parse_location,
)
from winnow.tables import column_values
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.columns import Columns, guess_columns
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.columnar import ArrowSource, ArrowTableSource, ParquetSource, list_dataset_files
from winnow.tables.readers.csv_source import CsvSource
from winnow.tables.readers.json_lines import JsonLinesSource, open_standard_input
from winnow.tables.readers.python_rows import DictionarySource, UnfoldedSource
from winnow.tables.readers.source import Source

RoleArrays = dict[str, pa.Array]

ROLE_READERS = {
    "text": column_values.read_texts,
    "prompt": column_values.read_keys,
    "prompt_text": column_values.read_prompts,
    "reference": column_values.read_references,
    "score": column_values.read_scores,
    "id": column_values.read_keys,
    "label": column_values.read_labels,
}


class Table:
    """A source, the parts its columns play, and the rows set aside while reading it."""

    def __init__(self, source: Source, columns: Columns, bad: BadRows) -> None:
        self.source = source
        self.bad_rows = bad
        names = source.names()
        if not names:
            # A table whose every row is bad is refused for the first of them, not for being empty.
            next(iter(source.chunks(bad)), None)
            raise BadTable(source.name, "holds no row with a column", "Check that it is the file you mean")
        self.columns = guess_columns(columns, names, source.name)

    @property
    def name(self) -> str:
        """What to call the table in messages."""
        return self.source.name

    def names(self) -> list[str]:
        """Its columns."""
        return self.source.names()

    def sample_role(self, role: str) -> Iterator[pa.Array]:
        """One part of rows from all over the table; see `Source.glimpse`."""
        for chunk in self.source.sample_chunks(self.bad_rows, [self._column_for(role)]):
            yield self._read_role(chunk, role).array

    def read_roles(
        self, roles: Sequence[str], extra_columns: Sequence[str] | None = ()
    ) -> Iterator[tuple[Chunk, RoleArrays]]:
        """Chunks with these parts of them; `also` names further columns to read, None reads all."""
        id_generator = CandidateIds() if "id" in roles and self.columns.id is None else None
        stored_roles = [part for part in roles if part != "id" or id_generator is None]
        if id_generator is not None and "prompt" not in stored_roles:
            stored_roles.append("prompt")
        columns = (
            None
            if extra_columns is None
            else sorted({*extra_columns, *(self._column_for(part) for part in stored_roles)})
        )
        for chunk in self.source.chunks(self.bad_rows, columns):
            checked = {part: self._read_role(chunk, part) for part in stored_roles}
            problems = {p: text for one in checked.values() for p, text in one.problems.items()}
            arrays = {part: one.array for part, one in checked.items()}
            if problems:
                chunk, arrays = self._set_aside(chunk, arrays, problems)
            if id_generator is not None:
                arrays["id"] = id_generator.generate(arrays["prompt"])
            if len(chunk):
                yield chunk, arrays

    def role_array(self, chunk: Chunk, role: str) -> pa.Array:
        """One part of a chunk that was read before."""
        return self._read_role(chunk, role).array

    def base_source(self) -> Source:
        """The source whose rows `pick` gives: without what was attached to it."""
        return self.source.base_source()

    def read_rows(self, rows: RowNumbers) -> Iterator[Chunk]:
        """The whole rows with these numbers (ascending), as they came."""
        return self.source.read_rows(rows, self.bad_rows)

    def require_roles(self, *roles: str) -> None:
        """Refuse now what reading these parts would refuse later."""
        for role in roles:
            if role != "id":
                self._column_for(role)

    def has_role(self, role: str) -> bool:
        """Whether a part can be read."""
        known_columns = self.columns.to_dict()
        return role in known_columns or (role in ("text", "prompt", "prompt_text") and "messages" in known_columns)

    def locate_row(self, row: int) -> str:
        """Where a row stands, found by reading again."""
        chunk = next(iter(self.source.read_rows(np.array([row], np.int64), self.bad_rows)), None)
        return chunk.locate(0) if chunk is not None else self.name

    def _column_for(self, role: str) -> str:
        if role in ("text", "prompt", "prompt_text") and getattr(self.columns, role) is None and self.columns.messages:
            return self.columns.messages
        return self.columns.require_column(role, self.name)

    def _read_role(self, chunk: Chunk, role: str) -> column_values.ColumnValues:
        name = self._column_for(role)
        if name == self.columns.messages and role in ("text", "prompt", "prompt_text"):
            return column_values.read_last_turns(chunk, name)[0 if role == "text" else 1]
        if role == "prompt" and name == self.columns.prompt_text:
            return column_values.read_keys(chunk, name)
        if role == "prompt_text" and name == self.columns.prompt:
            return column_values.read_keys(chunk, name)
        return ROLE_READERS[role](chunk, name)

    def _set_aside(self, chunk: Chunk, arrays: RoleArrays, problems: Mapping[int, str]) -> tuple[Chunk, RoleArrays]:
        for position, problem in sorted(problems.items()):
            self.bad_rows.add(
                chunk.locate(position), problem, format_value(chunk.take(np.array([position])).to_dicts()[0])
            )
        remaining = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
        return chunk.take(remaining), {part: array.take(pa.array(remaining)) for part, array in arrays.items()}


class CandidateIds:
    """Candidate ids for a table without any: `<prompt>#<n>`, n counting the prompt's candidates from 0."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def generate(self, prompts: pa.Array) -> pa.Array:
        """Ids for the next rows of the table, in order."""
        ids = []
        for prompt in prompts.to_pylist():
            key = column_values.shorten_key(prompt)
            number = self._counts.get(key, 0)
            self._counts[key] = number + 1
            ids.append(f"{key}#{number}")
        return pa.array(ids, pa.string())


def open_source(data: object, name: str | None = None) -> Source:
    """A source for whatever was given, by its type, its ending and its first bytes; stores are opened by `stores`."""
    if isinstance(data, Source):
        return data
    if isinstance(data, str | Location):
        return open_standard_input() if str(data) == "-" else _open_path(data)
    if hasattr(data, "__arrow_c_stream__"):
        return ArrowTableSource(pa.table(data), name or "frame")
    if isinstance(data, Sequence):
        return DictionarySource(data, name or "rows")
    raise UsageError(
        "table", f"{format_value(data)} is not a table", "Give a path, a list of dictionaries or a data frame"
    )


def _open_path(path_or_pattern: str | Location) -> Source:
    path, text = parse_location(path_or_pattern), str(path_or_pattern)
    if is_dir(path):
        return _open_folder(path)
    if is_file(path):
        return open_files([path], text)
    if exists(path):
        raise UsageError(text, "is a pipe or a device, which cannot be read twice", "Pipe it in and name it -")
    if glob.has_magic(text):
        if matches := find_matching_files(text):
            return open_files(matches, text)
        raise UsageError(text, "matches no file", "Check the pattern; quote it so that the shell leaves it alone")
    raise missing_location_error(path, text)


def _open_folder(path: Location) -> Source:
    if (path / "state.json").is_file():
        return ArrowSource(list_dataset_files(path), str(path))
    if (path / "dataset_dict.json").is_file():
        raise UsageError(str(path), "holds several splits", f"Name one: {path}/train")
    raise UsageError(
        str(path), "is a folder without a receipt or a saved dataset", f"Name its files: '{path}/*.parquet'"
    )


FORMATS_BY_ENDING = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
}


FORMAT_NAMES = {"text": "plain text", "json": "JSON", "parquet": "Parquet", "arrow": "Arrow"}


def open_files(files: Sequence[Location], name: str) -> Source:
    """A source over files of one format."""
    formats = {_resolve_format(path) for path in files}
    if len(formats) > 1:
        raise UsageError(name, f"matches files of several formats ({', '.join(sorted(formats))})", "Name one format")
    match formats.pop():
        case "json":
            return JsonLinesSource(files, name)
        case "csv":
            return CsvSource(files, name)
        case "parquet":
            return ParquetSource(files, name)
        case _:
            return ArrowSource(files, name)


def _resolve_format(path: Location) -> str:
    """The format by ending, confirmed by the first bytes; without a known ending, by the first bytes alone."""
    expected = FORMATS_BY_ENDING.get(format_suffix(path))
    detected = detect_format(path)
    if detected == "array" and expected != "csv":
        step = "Write one object per line (jq -c '.[]' FILE > rows.jsonl)"
        raise BadTable(f"{path}:1", "is one JSON list, not JSON Lines", step)
    if detected in ("text", "empty") and expected in ("json", "csv"):
        return expected
    if detected in ("json", "parquet", "arrow") and expected in (detected, None):
        return detected
    if expected == "csv" and detected in ("json", "array"):
        # A column may be called { or [.
        return expected
    if expected is None and detected in ("text", "empty"):
        raise UsageError(
            str(path), "has no ending winnow knows", f"Known: {', '.join(FORMATS_BY_ENDING)}, also with .gz or .zst"
        )
    format_name = FORMAT_NAMES.get(detected, detected)
    step = FORMAT_HINTS.get(detected, "Give it the ending of what it is, or write it again")
    problem = (
        f"ends in {path.suffix} but is {format_name}" if expected else f"is {format_name}, which winnow does not read"
    )
    raise BadTable(str(path), problem, step)


def open_source_table(data: object, columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """A table over a source that is no store."""
    known_columns = columns or Columns()
    source = open_source(data)
    if known_columns.candidates:
        source = UnfoldedSource(source, known_columns.candidates.split(","))
        known_columns = replace(known_columns, candidates=None)
    return Table(source, known_columns, BadRows() if bad is None else bad)


def describe_table(table: Table) -> dict[str, Any]:
    """The table as `--json` shows it."""
    return {"name": table.name, "columns": table.columns.to_dict(), "guessed": sorted(table.columns.guessed)}
