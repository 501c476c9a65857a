"""What a table says for combining, read in one pass: every verifier's votes or scores, prompts, labels.

Held are one byte a row and vote, eight a score, the prompt as a number, and the labels. Bad rows are refused or set
aside. Ids are watched for repetition where verdicts will be kept by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import format_value
from winnow.stages.combine.vote_columns import (
    ColumnVotes,
    VerifierColumns,
    VerifierVotes,
    choose_votes,
    columns_to_read,
    parse_votes,
)
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import MAX_KEY_LENGTH, read_grades, read_scores, shorten_key
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VoteTable:
    """Row numbers, voices, the prompt of each row as a number, and labels (NaN where there is none)."""

    rows: Integers
    verifiers: list[VerifierVotes]
    prompt: Integers | None
    label: Floats | None
    drawn: Floats | None

    def names(self) -> list[str]:
        """How the verifiers are called."""
        return [verifier.name for verifier in self.verifiers]

    def votes(self) -> npt.NDArray[np.int8]:
        """One row per candidate, one column per verifier."""
        return np.stack([verifier.votes() for verifier in self.verifiers], axis=1)

    def numbers(self) -> Floats:
        """The same, scores left as they are."""
        return np.stack([verifier.numbers() for verifier in self.verifiers], axis=1)

    def label_hash(self) -> str | None:
        """sha256 of which rows are labeled, and how."""
        if self.label is None:
            return None
        known = np.flatnonzero(~np.isnan(self.label))
        return hashlib.sha256(self.rows[known].tobytes() + self.label[known].tobytes()).hexdigest()


@dataclass
class _VoteBuffer:
    """What was read so far."""

    column_votes: dict[str, ColumnVotes]
    rows: list[Integers] = field(default_factory=list)
    prompt: list[pa.Array] = field(default_factory=list)
    label: list[Floats] = field(default_factory=list)
    drawn: list[Floats] = field(default_factory=list)


def read_votes(table: Table, verifiers: Sequence[VerifierColumns], label: str | None, keyed_by_id: bool) -> VoteTable:
    """One pass over the table; `keyed` where verdicts will be kept by candidate id."""
    vote_columns = columns_to_read(verifiers)
    has_draw_chances = label is not None and "drawn" in table.names()
    extra_columns = [*vote_columns, *([label] if label else []), *(["drawn"] if has_draw_chances else [])]
    buffer = _VoteBuffer({column: ColumnVotes() for column in vote_columns})
    check_ids = keyed_by_id and table.columns.id is not None
    parts_to_read = [*(["prompt"] if table.has_role("prompt") else []), *(["id"] if check_ids else [])]
    with UniqueIdChecker(table) if check_ids else nullcontext() as ids:
        for chunk, parts in table.read_roles(parts_to_read, extra_columns):
            good = _add_chunk(table, chunk, label, has_draw_chances, buffer)
            if "prompt" in parts:
                buffer.prompt.append(_prompt_keys(parts["prompt"].take(good)))
            if ids is not None:
                ids.add(chunk.row_numbers[good.to_numpy()], {"id": parts["id"].take(good)})
        if ids is not None:
            ids.check()
    return VoteTable(
        rows=np.concatenate(buffer.rows) if buffer.rows else np.zeros(0, np.int64),
        verifiers=[choose_votes(verifier, buffer.column_votes, has_labels=label is not None) for verifier in verifiers],
        prompt=_encode_prompts(buffer.prompt) if table.has_role("prompt") else None,
        label=None if label is None else np.concatenate([np.zeros(0), *buffer.label]),
        drawn=np.concatenate([np.zeros(0), *buffer.drawn]) if has_draw_chances else None,
    )


def _add_chunk(table: Table, chunk: Chunk, label: str | None, has_draw_chances: bool, buffer: _VoteBuffer) -> pa.Array:
    """Keep what the good rows of a chunk say; returns their positions."""
    parsed = {column: parse_votes(chunk, column) for column in buffer.column_votes}
    label_values = None if label is None else read_grades(chunk, label)
    draw_chances = read_scores(chunk, "drawn") if has_draw_chances else None
    checked = [one.problems for one in (*parsed.values(), label_values, draw_chances) if one is not None]
    problems = {position: message for found in checked for position, message in found.items()}
    _quarantine_rows(table, chunk, problems)
    good = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
    buffer.rows.append(chunk.row_numbers[good])
    for column, one in parsed.items():
        buffer.column_votes[column].add(one.values[good], one.has_words)
    if label_values is not None:
        buffer.label.append(label_values.array.to_numpy(zero_copy_only=False)[good])
    if draw_chances is not None:
        buffer.drawn.append(draw_chances.array.to_numpy(zero_copy_only=False)[good])
    return pa.array(good)


def _quarantine_rows(table: Table, chunk: Chunk, problems: Mapping[int, str]) -> None:
    for position, problem in sorted(problems.items()):
        table.bad_rows.add(
            chunk.locate(position), problem, format_value(chunk.take(np.array([position])).to_dicts()[0])
        )


def _prompt_keys(prompts: pa.Array) -> pa.Array:
    """The prompts, long ones shortened."""
    if (pc.max(pc.utf8_length(prompts)).as_py() or 0) <= MAX_KEY_LENGTH:
        return prompts
    return pa.array([shorten_key(key) for key in prompts.to_pylist()], pa.string())


def _encode_prompts(prompts: list[pa.Array]) -> Integers:
    """A number for each prompt."""
    encoded = pa.chunked_array(prompts, pa.string()).dictionary_encode().unify_dictionaries()
    parts = [chunk.indices.to_numpy().astype(np.int64) for chunk in encoded.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
