"""Tables: the rows of a source with the roles of its columns; and opening sources other than stores.

`Table.read_roles` yields chunks with their checked columns by role (text, prompt, id ...). `Table.read_rows` yields
chosen rows whole. A row that breaks a rule is refused or set aside with its location; it is never skipped silently.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

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
    parse_location,
)
from winnow.tables import column_values
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.column_values import ColumnReader
from winnow.tables.columns import Columns, guess_columns
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.arrow import ArrowSource, ArrowTableSource, list_dataset_files
from winnow.tables.readers.csv_source import CsvSource
from winnow.tables.readers.json_lines import JsonLinesSource, open_standard_input
from winnow.tables.readers.parquet import ParquetSource
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
MESSAGE_READERS = {
    "text": column_values.read_last_answers,
    "prompt": column_values.read_earlier_turns,
    "prompt_text": column_values.read_earlier_turns,
}
"""How roles are read from a column of message lists."""


class Table:
    """A source, the roles of its columns, and the rows set aside while reading it."""

    def __init__(self, source: Source, columns: Columns, bad: BadRows) -> None:
        self.source = source
        self.bad_rows = bad
        names = source.names()
        if not names:
            # A table with bad rows only is refused for the first of them, not for being empty.
            next(iter(source.chunks(bad)), None)
            raise BadTable(source.name, "holds no row with a column", "Check that it is the file you mean")
        self.columns = guess_columns(columns, names, source.name)

    @property
    def name(self) -> str:
        """The name of the table in messages."""
        return self.source.name

    def names(self) -> list[str]:
        """Return the columns of the table."""
        return self.source.names()

    def sample_role(self, role: str) -> Iterator[pa.Array]:
        """Yield one role of a sample of rows; see `Source.sample_chunks`."""
        for chunk in self.source.sample_chunks(self.bad_rows, [self._find_column(role)]):
            yield self.role_array(chunk, role)

    def read_roles(
        self, roles: Sequence[str], extra_columns: Sequence[str] | None = ()
    ) -> Iterator[tuple[Chunk, RoleArrays]]:
        """Yield chunks with their arrays of these roles; rows that break a rule are refused or set aside.

        Args:
            roles: The roles to read and check. Ids are generated if no column has the role "id".
            extra_columns: Further columns that the chunks must have; None for all columns.
        """
        id_generator = CandidateIds() if "id" in roles and self.columns.id is None else None
        stored_roles = [role for role in roles if role != "id" or id_generator is None]
        if id_generator is not None and "prompt" not in stored_roles:
            stored_roles.append("prompt")
        role_columns = [self._find_column(role) for role in stored_roles]
        columns = None if extra_columns is None else sorted({*extra_columns, *role_columns})
        for chunk in self.source.chunks(self.bad_rows, columns):
            checked = {role: self._read_role(chunk, role) for role in stored_roles}
            problems = {p: text for values in checked.values() for p, text in values.problems.items()}
            arrays = {role: values.array for role, values in checked.items()}
            if problems:
                chunk, arrays = self._set_aside(chunk, arrays, problems)
            if id_generator is not None:
                arrays["id"] = id_generator.generate(arrays["prompt"])
            if len(chunk):
                yield chunk, arrays

    def role_array(self, chunk: Chunk, role: str) -> pa.Array:
        """Return one role of a chunk that was checked before."""
        return self._read_role(chunk, role).array

    def read_checked(self, chunk: Chunk, readers: Sequence[tuple[str, ColumnReader]]) -> list[pa.Array]:
        """Read columns of a chunk; a row that breaks a rule is refused or counted as set aside."""
        checked = [read_column(chunk, name) for name, read_column in readers]
        for values in checked:
            for position, problem in values.problems.items():
                self.bad_rows.add(chunk.locate(position), problem)
        return [values.array for values in checked]

    def base_source(self) -> Source:
        """Return the source whose rows `read_rows` yields, without joined columns."""
        return self.source.base_source()

    def read_rows(self, rows: RowNumbers) -> Iterator[Chunk]:
        """Yield the whole rows with these ascending numbers, as the source has them."""
        return self.source.read_rows(rows, self.bad_rows)

    def require_roles(self, *roles: str) -> None:
        """Raise UsageError if the table has no column for one of these roles; ids can be generated."""
        for role in roles:
            if role != "id":
                self._find_column(role)

    def has_role(self, role: str) -> bool:
        """Whether a column has this role."""
        known_roles = self.columns.to_dict()
        return role in known_roles or (role in MESSAGE_READERS and "messages" in known_roles)

    def locate_row(self, row: int) -> str:
        """Read a row again to return its location."""
        return self.source.locate_row(row, self.bad_rows)

    def _find_column(self, role: str) -> str:
        if role in MESSAGE_READERS and getattr(self.columns, role) is None and self.columns.messages:
            return self.columns.messages
        return self.columns.require_column(role, self.name)

    def _read_role(self, chunk: Chunk, role: str) -> column_values.ColumnValues:
        name = self._find_column(role)
        if name == self.columns.messages and role in MESSAGE_READERS:
            return MESSAGE_READERS[role](chunk, name)
        is_prompt_id = role == "prompt_text" and name == self.columns.prompt
        return ROLE_READERS["prompt" if is_prompt_id else role](chunk, name)

    def _set_aside(self, chunk: Chunk, arrays: RoleArrays, problems: Mapping[int, str]) -> tuple[Chunk, RoleArrays]:
        for position, problem in sorted(problems.items()):
            row = chunk.take(np.array([position])).to_dicts()[0]
            self.bad_rows.add(chunk.locate(position), problem, format_value(row))
        remaining = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
        return chunk.take(remaining), {role: array.take(pa.array(remaining)) for role, array in arrays.items()}


class CandidateIds:
    """Generates candidate ids `<prompt>#<n>`, where n counts the candidates of a prompt from 0."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def generate(self, prompts: pa.Array) -> pa.Array:
        """Generate the ids of the next rows of the table, in order."""
        ids = []
        for prompt in prompts.to_pylist():
            key = column_values.shorten_key(prompt)
            number = self._counts.get(key, 0)
            self._counts[key] = number + 1
            ids.append(f"{key}#{number}")
        return pa.array(ids, pa.string())


def open_source_table(data: object, columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """Open anything but a store as a table, by its type, its suffix and its first bytes.

    Args:
        data: A path, a glob, "-" for standard input, a list of dictionaries or a data frame.
        columns: The columns the user named, among them a list of candidates to unfold; the others are guessed.
        bad: What happens to rows that break a rule; they are refused by default.
    """
    known_columns = columns or Columns()
    source = _open_source(data)
    if known_columns.candidates:
        source = UnfoldedSource(source, known_columns.candidates.split(","))
        known_columns = replace(known_columns, candidates=None)
    return Table(source, known_columns, BadRows() if bad is None else bad)


def _open_source(data: object) -> Source:
    if isinstance(data, Source):
        return data
    if isinstance(data, str | Location):
        return open_standard_input() if str(data) == "-" else _open_path(data)
    if hasattr(data, "__arrow_c_stream__"):
        return ArrowTableSource(pa.table(data), "frame")
    if isinstance(data, Sequence):
        return DictionarySource(data, "rows")
    problem = f"{format_value(data)} is not a table"
    raise UsageError("table", problem, "Pass a path, a list of dictionaries or a data frame")


def _open_path(path_or_pattern: str | Location) -> Source:
    path, text = parse_location(path_or_pattern), str(path_or_pattern)
    if is_dir(path):
        if (path / "state.json").is_file():
            return ArrowSource(list_dataset_files(path), str(path))
        if (path / "dataset_dict.json").is_file():
            raise UsageError(str(path), "holds several splits", f"Name one: {path}/train")
        problem = "is a folder without a receipt or a saved dataset"
        raise UsageError(str(path), problem, f"Name its files: '{path}/*.parquet'")
    if is_file(path):
        return open_files([path], text)
    if exists(path):
        raise UsageError(text, "is a pipe or a device, which cannot be read twice", "Pipe it in and name it -")
    if glob.has_magic(text):
        if matches := find_matching_files(text):
            return open_files(matches, text)
        raise UsageError(text, "matches no file", "Check the pattern; quote it so that the shell leaves it alone")
    raise UsageError(text, "does not exist", "Check the path") if isinstance(path, Path) else path.missing_error()


JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
FORMATS_BY_SUFFIX = {**dict.fromkeys(JSON_SUFFIXES, "json"), ".csv": "csv", ".parquet": "parquet", ".arrow": "arrow"}
SOURCE_CLASSES: Mapping[str, Callable[[Sequence[Location], str], Source]] = {
    **{"json": JsonLinesSource, "csv": CsvSource, "parquet": ParquetSource, "arrow": ArrowSource}
}
FORMAT_NAMES = {"text": "plain text", "json": "JSON", "parquet": "Parquet", "arrow": "Arrow"}


def open_files(files: Sequence[Location], name: str) -> Source:
    """Open files of one format as a source."""
    formats = {_resolve_format(path) for path in files}
    if len(formats) > 1:
        raise UsageError(name, f"matches files of several formats ({', '.join(sorted(formats))})", "Name one format")
    return SOURCE_CLASSES[formats.pop()](files, name)


def _resolve_format(path: Location) -> str:
    """Return the format that the suffix names and the first bytes confirm; without a known suffix, the bytes decide."""
    expected = FORMATS_BY_SUFFIX.get(format_suffix(path))
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
        step = f"Known: {', '.join(FORMATS_BY_SUFFIX)}, also with .gz or .zst"
        raise UsageError(str(path), "does not end in a suffix that winnow knows", step)
    name = FORMAT_NAMES.get(detected, detected)
    step = FORMAT_HINTS.get(detected, "Rename it to the suffix of its format, or write it again")
    problem = f"ends in {path.suffix} but is {name}" if expected else f"is {name}, which winnow does not read"
    raise BadTable(str(path), problem, step)
