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

from winnow.data.chunks import Chunk
from winnow.data.errors import shown
from winnow.data.stores.unique import UniqueIds
from winnow.data.table import Table
from winnow.data.values import LONGEST_KEY, grades, scores, short_key
from winnow.stages.decide.combine.voters import Heard, Voice, Voter, asked_columns, heard_in, voice

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Hearing:
    """Row numbers, voices, the prompt of each row as a number, and labels (NaN where there is none)."""

    rows: Integers
    voices: list[Voice]
    prompt: Integers | None
    label: Floats | None
    drawn: Floats | None

    def names(self) -> list[str]:
        """How the verifiers are called."""
        return [voice.name for voice in self.voices]

    def votes(self) -> npt.NDArray[np.int8]:
        """One row per candidate, one column per verifier."""
        return np.stack([voice.votes() for voice in self.voices], axis=1)

    def numbers(self) -> Floats:
        """The same, scores left as they are."""
        return np.stack([voice.numbers() for voice in self.voices], axis=1)

    def label_hash(self) -> str | None:
        """sha256 of which rows are labeled, and how."""
        if self.label is None:
            return None
        known = np.flatnonzero(~np.isnan(self.label))
        return hashlib.sha256(self.rows[known].tobytes() + self.label[known].tobytes()).hexdigest()


@dataclass
class _Rows:
    """What was read so far."""

    heard: dict[str, Heard]
    rows: list[Integers] = field(default_factory=list)
    prompt: list[pa.Array] = field(default_factory=list)
    label: list[Floats] = field(default_factory=list)
    drawn: list[Floats] = field(default_factory=list)


def hear(table: Table, voters: Sequence[Voter], label: str | None, keyed: bool) -> Hearing:
    """One pass over the table; `keyed` where verdicts will be kept by candidate id."""
    columns = asked_columns(voters)
    planned = label is not None and "drawn" in table.names()
    also = [*columns, *([label] if label else []), *(["drawn"] if planned else [])]
    into = _Rows({column: Heard() for column in columns})
    watched = keyed and table.columns.id is not None
    wanted = [*(["prompt"] if table.has("prompt") else []), *(["id"] if watched else [])]
    with UniqueIds(table) if watched else nullcontext() as ids:
        for chunk, parts in table.parts(wanted, also):
            good = _add(table, chunk, label, planned, into)
            if "prompt" in parts:
                into.prompt.append(_keys(parts["prompt"].take(good)))
            if ids is not None:
                ids.add(chunk.rows[good.to_numpy()], {"id": parts["id"].take(good)})
        if ids is not None:
            ids.check()
    return Hearing(
        rows=np.concatenate(into.rows) if into.rows else np.zeros(0, np.int64),
        voices=[voice(one, into.heard, labeled=label is not None) for one in voters],
        prompt=_codes(into.prompt) if table.has("prompt") else None,
        label=None if label is None else np.concatenate([np.zeros(0), *into.label]),
        drawn=np.concatenate([np.zeros(0), *into.drawn]) if planned else None,
    )


def _add(table: Table, chunk: Chunk, label: str | None, planned: bool, into: _Rows) -> pa.Array:
    """Keep what the good rows of a chunk say; returns their positions."""
    said = {column: heard_in(chunk, column) for column in into.heard}
    marks = None if label is None else grades(chunk, label)
    chances = scores(chunk, "drawn") if planned else None
    checked = [one.problems for one in (*said.values(), marks, chances) if one is not None]
    problems = {position: words for found in checked for position, words in found.items()}
    _set_aside(table, chunk, problems)
    good = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
    into.rows.append(chunk.rows[good])
    for column, one in said.items():
        into.heard[column].add(one.values[good], one.worded)
    if marks is not None:
        into.label.append(marks.array.to_numpy(zero_copy_only=False)[good])
    if chances is not None:
        into.drawn.append(chances.array.to_numpy(zero_copy_only=False)[good])
    return pa.array(good)


def _set_aside(table: Table, chunk: Chunk, problems: Mapping[int, str]) -> None:
    for position, problem in sorted(problems.items()):
        table.bad.add(chunk.place(position), problem, shown(chunk.take(np.array([position])).dicts()[0]))


def _keys(prompts: pa.Array) -> pa.Array:
    """The prompts, long ones shortened."""
    if (pc.max(pc.utf8_length(prompts)).as_py() or 0) <= LONGEST_KEY:
        return prompts
    return pa.array([short_key(key) for key in prompts.to_pylist()], pa.string())


def _codes(prompts: list[pa.Array]) -> Integers:
    """A number for each prompt."""
    encoded = pa.chunked_array(prompts, pa.string()).dictionary_encode().unify_dictionaries()
    parts = [chunk.indices.to_numpy().astype(np.int64) for chunk in encoded.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
