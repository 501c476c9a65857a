"""Rows that are Python dictionaries, and rows that hold a list of candidates each.

Dictionaries are passed on unchanged. Unfolding makes one row of each entry of a list: the members of an entry that is
a dictionary are added to the row, any other entry replaces the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from winnow.errors import BadTable, UsageError, format_value, suggest_name
from winnow.storage.locations.location import Location
from winnow.tables.chunks import Chunk, JsonChunk, Row
from winnow.tables.quarantine import BadRows
from winnow.tables.readers.source import Source

CHUNK_ROWS = 1 << 13


class DictionarySource(Source):
    """A list of dictionaries."""

    format = "memory"

    def __init__(self, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        self.rows = rows
        self.name = name
        for number, row in enumerate(rows):
            if not isinstance(row, Mapping):
                problem = f"is {format_value(row)}, not a dictionary"
                raise BadTable(f"{name}[{number}]", problem, "Pass a list of dictionaries")
            for key in row:
                if not isinstance(key, str):
                    problem = f"has the key {format_value(key)}; the name of a column is text"
                    raise BadTable(f"{name}[{number}]", problem, "Make every key a string")

    def names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows[:CHUNK_ROWS] for name in row))

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        for first in range(0, len(self.rows), CHUNK_ROWS):
            rows = [dict(row) for row in self.rows[first : first + CHUNK_ROWS]]
            numbers = np.arange(first, first + len(rows), dtype=np.int64)
            yield JsonChunk(rows, numbers, lambda row: f"{self.name}[{row}]")


class UnfoldedSource(Source):
    """One row per candidate, from rows that hold lists of candidates; several lists must have the same length."""

    def __init__(self, source: Source, lists: Sequence[str]) -> None:
        self.source = source
        self.lists = list(lists)
        self.name = source.name
        self.format = source.format
        for name in self.lists:
            if name not in source.names():
                problem = f"'{name}' is not a column of {source.name}"
                raise UsageError("--candidates", problem, suggest_name(name, source.names()))

    def paths(self) -> list[Location]:
        return self.source.paths()

    def names(self) -> list[str]:
        first = next(self.chunks(BadRows(limit=1 << 30)), None)
        return first.names() if first else self.source.names()

    def receipt(self) -> dict[str, Any]:
        return {**self.source.receipt(), "unfolded": self.lists}

    def chunks(self, bad: BadRows, names: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 0
        for chunk in self.source.chunks(bad):
            rows: list[Row] = []
            locations: list[str] = []
            for position, row in enumerate(chunk.to_dicts()):
                try:
                    entries = self._unfold_row(row)
                except ValueError as error:
                    bad.add(chunk.locate(position), str(error), format_value(row))
                    continue
                rows += entries
                locations += [f"{chunk.locate(position)}[{i}]" for i in range(len(entries))]
            if rows:
                numbers = np.arange(first, first + len(rows), dtype=np.int64)
                yield JsonChunk(rows, numbers, lambda row, f=first, p=locations: p[row - f])  # type: ignore[misc]
            first += len(rows)

    def _unfold_row(self, row: Row) -> list[Row]:
        lists: list[Any] = [row.get(name) for name in self.lists]
        for name, entries in zip(self.lists, lists, strict=True):
            if not isinstance(entries, list):
                raise ValueError(f"{name} is {format_value(entries)}, not a list of candidates")
            if len(entries) != len(lists[0]):
                raise ValueError(f"{name} has {len(entries)} entries and {self.lists[0]} has {len(lists[0])}")
        candidates: list[Row] = []
        for candidate_entries in zip(*lists, strict=True):
            candidate = {name: value for name, value in row.items() if name not in self.lists}
            for name, entry in zip(self.lists, candidate_entries, strict=True):
                new = entry if isinstance(entry, dict) else {name: entry}
                if clashes := candidate.keys() & new.keys():
                    raise ValueError(f"a candidate and its row both have {format_value(min(clashes))}")
                candidate.update(new)
            candidates.append(candidate)
        return candidates
