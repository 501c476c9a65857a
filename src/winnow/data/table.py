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

from winnow.data import values
from winnow.data.chunks import Chunk, Rows
from winnow.data.columns import Columns, guess
from winnow.data.errors import BadTable, UsageError, shown
from winnow.data.places.place import Place, exists, is_dir, is_file, matching, missing, place
from winnow.data.quarantine import BadRows
from winnow.data.readers.columnar import ArrowFiles, Frame, Parquet, saved_dataset
from winnow.data.readers.csvs import Csv
from winnow.data.readers.files import NEXT_STEP, inner_suffix, recognized
from winnow.data.readers.jsonl import JsonLines, standard_input
from winnow.data.readers.memory import Dictionaries, Unfolded
from winnow.data.readers.source import Source

Parts = dict[str, pa.Array]

READ = {
    "text": values.texts,
    "prompt": values.keys,
    "prompt_text": values.prompts,
    "reference": values.references,
    "score": values.scores,
    "id": values.keys,
    "label": values.labels,
}


class Table:
    """A source, the parts its columns play, and the rows set aside while reading it."""

    def __init__(self, source: Source, columns: Columns, bad: BadRows) -> None:
        self.source = source
        self.bad = bad
        names = source.names()
        if not names:
            # A table whose every row is bad is refused for the first of them, not for being empty.
            next(iter(source.chunks(bad)), None)
            raise BadTable(source.name, "holds no row with a column", "Check that it is the file you mean")
        self.columns = guess(columns, names, source.name)

    @property
    def name(self) -> str:
        """What to call the table in messages."""
        return self.source.name

    def names(self) -> list[str]:
        """Its columns."""
        return self.source.names()

    def glimpse(self, part: str) -> Iterator[pa.Array]:
        """One part of rows from all over the table; see `Source.glimpse`."""
        for chunk in self.source.glimpse(self.bad, [self._column(part)]):
            yield self._read(chunk, part).array

    def parts(self, wanted: Sequence[str], also: Sequence[str] | None = ()) -> Iterator[tuple[Chunk, Parts]]:
        """Chunks with these parts of them; `also` names further columns to read, None reads all."""
        ids = MadeIds() if "id" in wanted and self.columns.id is None else None
        parts = [part for part in wanted if part != "id" or ids is None]
        if ids is not None and "prompt" not in parts:
            parts.append("prompt")
        columns = None if also is None else sorted({*also, *(self._column(part) for part in parts)})
        for chunk in self.source.chunks(self.bad, columns):
            checked = {part: self._read(chunk, part) for part in parts}
            problems = {p: text for one in checked.values() for p, text in one.problems.items()}
            read = {part: one.array for part, one in checked.items()}
            if problems:
                chunk, read = self._without(chunk, read, problems)
            if ids is not None:
                read["id"] = ids.made(read["prompt"])
            if len(chunk):
                yield chunk, read

    def part(self, chunk: Chunk, part: str) -> pa.Array:
        """One part of a chunk that was read before."""
        return self._read(chunk, part).array

    def original(self) -> Source:
        """The source whose rows `pick` gives: without what was attached to it."""
        return self.source.original()

    def pick(self, rows: Rows) -> Iterator[Chunk]:
        """The whole rows with these numbers (ascending), as they came."""
        return self.source.pick(rows, self.bad)

    def need(self, *parts: str) -> None:
        """Refuse now what reading these parts would refuse later."""
        for part in parts:
            if part != "id":
                self._column(part)

    def has(self, part: str) -> bool:
        """Whether a part can be read."""
        named = self.columns.named()
        return part in named or (part in ("text", "prompt", "prompt_text") and "messages" in named)

    def place(self, row: int) -> str:
        """Where a row stands, found by reading again."""
        found = next(iter(self.source.pick(np.array([row], np.int64), self.bad)), None)
        return found.place(0) if found is not None else self.name

    def _column(self, part: str) -> str:
        if part in ("text", "prompt", "prompt_text") and getattr(self.columns, part) is None and self.columns.messages:
            return self.columns.messages
        return self.columns.need(part, self.name)

    def _read(self, chunk: Chunk, part: str) -> values.Checked:
        name = self._column(part)
        if name == self.columns.messages and part in ("text", "prompt", "prompt_text"):
            return values.last_turns(chunk, name)[0 if part == "text" else 1]
        if part == "prompt" and name == self.columns.prompt_text:
            return values.keys(chunk, name)
        if part == "prompt_text" and name == self.columns.prompt:
            return values.keys(chunk, name)
        return READ[part](chunk, name)

    def _without(self, chunk: Chunk, parts: Parts, problems: Mapping[int, str]) -> tuple[Chunk, Parts]:
        for position, problem in sorted(problems.items()):
            self.bad.add(chunk.place(position), problem, shown(chunk.take(np.array([position])).dicts()[0]))
        good = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
        return chunk.take(good), {part: array.take(pa.array(good)) for part, array in parts.items()}


class MadeIds:
    """Candidate ids for a table without any: `<prompt>#<n>`, n counting the prompt's candidates from 0."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def made(self, prompts: pa.Array) -> pa.Array:
        """Ids for the next rows of the table, in order."""
        ids = []
        for prompt in prompts.to_pylist():
            key = values.short_key(prompt)
            number = self._seen.get(key, 0)
            self._seen[key] = number + 1
            ids.append(f"{key}#{number}")
        return pa.array(ids, pa.string())


def open_source(given: object, name: str | None = None) -> Source:
    """A source for whatever was given, by its type, its ending and its first bytes; stores are opened by `stores`."""
    if isinstance(given, Source):
        return given
    if isinstance(given, str | Place):
        return standard_input() if str(given) == "-" else _from_path(given)
    if hasattr(given, "__arrow_c_stream__"):
        return Frame(pa.table(given), name or "frame")
    if isinstance(given, Sequence):
        return Dictionaries(given, name or "rows")
    raise UsageError("table", f"{shown(given)} is not a table", "Give a path, a list of dictionaries or a data frame")


def _from_path(given: str | Place) -> Source:
    path, text = place(given), str(given)
    if is_dir(path):
        return _from_folder(path)
    if is_file(path):
        return files_source([path], text)
    if exists(path):
        raise UsageError(text, "is a pipe or a device, which cannot be read twice", "Pipe it in and name it -")
    if glob.has_magic(text):
        if found := matching(text):
            return files_source(found, text)
        raise UsageError(text, "matches no file", "Check the pattern; quote it so that the shell leaves it alone")
    raise missing(path, text)


def _from_folder(path: Place) -> Source:
    if (path / "state.json").is_file():
        return ArrowFiles(saved_dataset(path), str(path))
    if (path / "dataset_dict.json").is_file():
        raise UsageError(str(path), "holds several splits", f"Name one: {path}/train")
    raise UsageError(
        str(path), "is a folder without a receipt or a saved dataset", f"Name its files: '{path}/*.parquet'"
    )


ENDINGS = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
}


NAMED = {"text": "plain text", "json": "JSON", "parquet": "Parquet", "arrow": "Arrow"}


def files_source(files: Sequence[Place], name: str) -> Source:
    """A source over files of one format."""
    formats = {_format(path) for path in files}
    if len(formats) > 1:
        raise UsageError(name, f"matches files of several formats ({', '.join(sorted(formats))})", "Name one format")
    match formats.pop():
        case "json":
            return JsonLines(files, name)
        case "csv":
            return Csv(files, name)
        case "parquet":
            return Parquet(files, name)
        case _:
            return ArrowFiles(files, name)


def _format(path: Place) -> str:
    """The format by ending, confirmed by the first bytes; without a known ending, by the first bytes alone."""
    expected = ENDINGS.get(inner_suffix(path))
    found = recognized(path)
    if found == "array" and expected != "csv":
        step = "Write one object per line (jq -c '.[]' FILE > rows.jsonl)"
        raise BadTable(f"{path}:1", "is one JSON list, not JSON Lines", step)
    if found in ("text", "empty") and expected in ("json", "csv"):
        return expected
    if found in ("json", "parquet", "arrow") and expected in (found, None):
        return found
    if expected == "csv" and found in ("json", "array"):
        # A column may be called { or [.
        return expected
    if expected is None and found in ("text", "empty"):
        raise UsageError(str(path), "has no ending winnow knows", f"Known: {', '.join(ENDINGS)}, also with .gz or .zst")
    known = NAMED.get(found, found)
    step = NEXT_STEP.get(found, "Give it the ending of what it is, or write it again")
    problem = f"ends in {path.suffix} but is {known}" if expected else f"is {known}, which winnow does not read"
    raise BadTable(str(path), problem, step)


def open_table(given: object, columns: Columns | None = None, bad: BadRows | None = None) -> Table:
    """A table over a source that is no store."""
    given_columns = columns or Columns()
    source = open_source(given)
    if given_columns.candidates:
        source = Unfolded(source, given_columns.candidates.split(","))
        given_columns = replace(given_columns, candidates=None)
    return Table(source, given_columns, BadRows() if bad is None else bad)


def describe(table: Table) -> dict[str, Any]:
    """The table as `--json` shows it."""
    return {"name": table.name, "columns": table.columns.named(), "guessed": sorted(table.columns.guessed)}
