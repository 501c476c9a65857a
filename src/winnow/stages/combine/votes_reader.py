"""Reads the votes and scores of all verifiers in one pass, with prompts and labels.

A vote takes one byte of memory, a score eight. Bad rows are refused or set aside. Ids are checked to be unique where
verdicts will be stored by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.stages.chunk_reading import quarantine_rows, shorten_keys
from winnow.stages.combine.vote_columns import (
    ColumnVotes,
    VerifierColumns,
    VerifierVotes,
    Votes,
    choose_votes,
    parse_votes,
)
from winnow.stages.labels import Floats
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import read_grades, read_scores
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VoteTable:
    """The votes of all verifiers; of each row a code of its prompt, its label, and the chance that a plan drew it."""

    rows: Integers
    verifiers: list[VerifierVotes]
    prompt: Integers | None
    label: Floats | None
    drawn: Floats | None

    def names(self) -> list[str]:
        """The names of the verifiers."""
        return [verifier.name for verifier in self.verifiers]

    def votes(self) -> Votes:
        """The votes, one row per candidate and one column per verifier."""
        return np.stack([verifier.votes() for verifier in self.verifiers], axis=1)

    def numbers(self) -> Floats:
        """The same with scores as they are, NaN for no vote."""
        return np.stack([verifier.numbers() for verifier in self.verifiers], axis=1)

    def label_hash(self) -> str | None:
        """The sha256 of which rows are labeled, and how."""
        if self.label is None:
            return None
        known = np.flatnonzero(~np.isnan(self.label))
        return hashlib.sha256(self.rows[known].tobytes() + self.label[known].tobytes()).hexdigest()


class _VoteReader:
    """One pass over a table, and what it has collected so far."""

    def __init__(self, table: Table, verifiers: Sequence[VerifierColumns], label: str | None) -> None:
        self._table = table
        self._label = label
        self._has_plan = label is not None and "drawn" in table.names()
        self.votes = {column: ColumnVotes() for verifier in verifiers for column in verifier.columns}
        self.rows: list[Integers] = [np.zeros(0, np.int64)]
        self.labels: list[Floats] = [np.zeros(0)]
        self.drawn: list[Floats] = [np.zeros(0)]

    def columns(self) -> list[str]:
        """The columns to read besides roles."""
        return [*self.votes, *([self._label] if self._label else []), *(["drawn"] if self._has_plan else [])]

    def add(self, chunk: Chunk) -> pa.Array:
        """Collect the good rows of a chunk, set the others aside, and return the positions of the good ones."""
        parsed = {column: parse_votes(chunk, column) for column in self.votes}
        label = None if self._label is None else read_grades(chunk, self._label)
        drawn = read_scores(chunk, "drawn") if self._has_plan else None
        problems: dict[int, str] = {}
        for checked in (*parsed.values(), label, drawn):
            problems |= {} if checked is None else checked.problems
        quarantine_rows(self._table, chunk, problems)
        good = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
        self.rows.append(chunk.row_numbers[good])
        for column, votes in parsed.items():
            self.votes[column].add(votes.values[good], votes.has_words)
        for values, collected in ((label, self.labels), (drawn, self.drawn)):
            if values is not None:
                collected.append(values.array.to_numpy(zero_copy_only=False)[good])
        return pa.array(good)

    def finish(self, verifiers: Sequence[VerifierColumns], prompts: list[pa.Array] | None) -> VoteTable:
        """All rows that were collected."""
        has_labels = self._label is not None
        return VoteTable(
            np.concatenate(self.rows),
            [choose_votes(verifier, self.votes, has_labels) for verifier in verifiers],
            None if prompts is None else _encode_prompts(prompts),
            np.concatenate(self.labels) if has_labels else None,
            np.concatenate(self.drawn) if self._has_plan else None,
        )


def read_votes(table: Table, verifiers: Sequence[VerifierColumns], label: str | None, keyed_by_id: bool) -> VoteTable:
    """Read the votes of a table; `keyed_by_id` if verdicts will be stored by id, which must then be unique."""
    reader = _VoteReader(table, verifiers, label)
    prompts: list[pa.Array] | None = [] if table.has_role("prompt") else None
    check_ids = keyed_by_id and table.columns.id is not None
    roles = [*([] if prompts is None else ["prompt"]), *(["id"] if check_ids else [])]
    with UniqueIdChecker(table) if check_ids else nullcontext() as ids:
        for chunk, parts in table.read_roles(roles, reader.columns()):
            good = reader.add(chunk)
            if prompts is not None:
                prompts.append(shorten_keys(parts["prompt"].take(good)))
            if ids is not None:
                ids.add(chunk.row_numbers[good.to_numpy()], {"id": parts["id"].take(good)})
        if ids is not None:
            ids.check()
    return reader.finish(verifiers, prompts)


def _encode_prompts(prompts: list[pa.Array]) -> Integers:
    encoded = pa.chunked_array(prompts, pa.string()).dictionary_encode().unify_dictionaries()
    parts = [chunk.indices.to_numpy().astype(np.int64) for chunk in encoded.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
