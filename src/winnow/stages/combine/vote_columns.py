"""Which columns vote, and what they say about every row: a vote, a score, or nothing.

A column holds pass or fail (also true, false, 1, 0) or numbers; abstain, error and null are no vote. Numbers that take
two values are votes, and the higher one is a pass. Other numbers are scores. Without labels a score becomes a vote at
its median, so that half of the rows pass, whatever share is right. Anything else is a bad row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.labels import Floats
from winnow.statistics.combine import threshold_scores
from winnow.tables.chunks import ArrowChunk, Chunk
from winnow.tables.column_values import ColumnValues, read_texts
from winnow.tables.table import Table

Votes = npt.NDArray[np.int8]
"""1 pass, 0 fail, -1 no vote."""

VOTE_WORDS = {"pass": 1.0, "fail": 0.0}
BOOLEAN_WORDS = {"true": 1.0, "false": 0.0}
NO_VOTE_WORDS = ("", "abstain", "error")
NO_VOTE = -1
EXPECTED = "pass, fail, abstain, error, true, false, a finite number or null"


@dataclass(frozen=True)
class VerifierColumns:
    """A verifier, and its column of verdicts or scores; or both columns, verdicts first."""

    name: str
    columns: tuple[str, ...]


def resolve_verifiers(table: Table, requested: Sequence[str]) -> list[VerifierColumns]:
    """The verifiers that are named, or all that have a column of verdicts."""
    known = table.names()
    if not requested:
        requested = [column.removesuffix(".verdict") for column in known if column.endswith(".verdict")]
        if len(requested) < 2:
            problem = f"{table.name} has {len(requested)} columns of verdicts, and several are needed"
            raise UsageError("combine", problem, "Name columns of verdicts or scores: --scores a,b,c")
    verifiers = [_resolve_verifier(name, table, known) for name in requested]
    names = [verifier.name for verifier in verifiers]
    if len(verifiers) < 2:
        problem = f"{format_value(','.join(requested))} names one verifier"
        raise UsageError("--scores", problem, "Name several: --scores a,b,c")
    for name in names:
        if names.count(name) > 1:
            raise UsageError("--scores", f"{format_value(name)} is named twice", "Name each verifier once")
    return verifiers


def _resolve_verifier(name: str, table: Table, known: Sequence[str]) -> VerifierColumns:
    if name in known:
        return VerifierColumns(name.removesuffix(".verdict"), (name,))
    columns = tuple(column for column in (f"{name}.verdict", f"{name}.score") if column in known)
    if not columns:
        problem = f"{format_value(name)} is not a column of {table.name}"
        raise UsageError("--scores", problem, suggest_name(name, known))
    return VerifierColumns(name, columns)


@dataclass
class ColumnVotes:
    """What the rows of one column say so far."""

    parts: list[npt.NDArray[Any]] = field(default_factory=list)
    has_words: bool = False

    def add(self, values: Floats, has_words: bool) -> None:
        """Add the values of more rows, NaN for no vote."""
        no_vote = np.isnan(values)
        votes_only = bool((no_vote | (values == 0) | (values == 1)).all())
        # Votes take one byte a row, scores eight.
        self.parts.append(np.where(no_vote, NO_VOTE, values).astype(np.int8) if votes_only else values)
        self.has_words |= has_words

    def concatenate(self) -> Votes | Floats:
        """Votes if there is nothing else, else numbers with NaN for no vote."""
        if all(part.dtype == np.int8 for part in self.parts):
            return np.concatenate(self.parts) if self.parts else np.zeros(0, np.int8)
        return np.concatenate([votes_to_numbers(part) for part in self.parts])


@dataclass(frozen=True, eq=False)
class VerifierVotes:
    """The votes of one verifier, or its scores (NaN for no vote) with the threshold that makes them votes."""

    name: str
    column: str
    values: Votes | Floats
    threshold: float | None = None
    threshold_reason: str | None = None

    def votes(self) -> Votes:
        """The votes, for scores by the threshold."""
        if self.threshold is None:
            return self.values.astype(np.int8, copy=False)
        return threshold_scores(self.values[:, None], [self.threshold])[:, 0]

    def numbers(self) -> Floats:
        """Votes and scores as numbers, NaN for no vote."""
        return votes_to_numbers(self.values)

    def to_dict(self) -> dict[str, Any]:
        """Where the votes come from, for the document and the identity of the result."""
        return {
            "name": self.name,
            "column": self.column,
            "kind": "votes" if self.threshold is None else "scores",
            "threshold": self.threshold,
            "because": self.threshold_reason,
        }


def votes_to_numbers(values: npt.NDArray[Any]) -> Floats:
    """Votes as numbers, NaN for no vote; numbers as they are."""
    if values.dtype != np.int8:
        return values
    numbers: Floats = np.where(values == NO_VOTE, np.nan, values.astype(np.float64))
    return numbers


def choose_votes(verifier: VerifierColumns, column_votes: Mapping[str, ColumnVotes], has_labels: bool) -> VerifierVotes:
    """Use the verdicts of a verifier, or with labels its scores if every row that it decides has one."""
    values_by_column = {column: column_votes[column].concatenate() for column in verifier.columns}
    chosen = verifier.columns[0]
    if len(verifier.columns) > 1:
        verdicts, scores = (~np.isnan(votes_to_numbers(values)) for values in values_by_column.values())
        if not verdicts.any() or (has_labels and bool(scores[verdicts].all())):
            chosen = verifier.columns[1]
    values = values_by_column[chosen]
    if values.dtype == np.int8:
        return VerifierVotes(verifier.name, chosen, values)
    if column_votes[chosen].has_words:
        number = values[~np.isnan(values) & (values != 0) & (values != 1)][0]
        problem = f"{chosen} holds verdicts as words and numbers such as {number:g}"
        raise UsageError("--scores", problem, "Put verdicts and scores into columns of their own")
    return VerifierVotes(verifier.name, chosen, values, *_choose_threshold(votes_to_numbers(values)))


def _choose_threshold(scores: Floats) -> tuple[float, str]:
    """Where a score becomes a vote without labels, and why."""
    present = scores[~np.isnan(scores)]
    low, high, middle = float(present.min()), float(present.max()), float(np.median(present))
    if bool(((present == low) | (present == high)).all()):
        return high, "the higher of its two values"
    if middle == low:
        return float(present[present > low].min()), "the lowest value but one, since most rows have the lowest"
    return middle, "its median"


class ParsedVotes(NamedTuple):
    """Numbers (1 pass, 0 fail, NaN no vote), whether any was a word, and what is wrong with bad rows."""

    values: Floats
    has_words: bool
    problems: dict[int, str]


def parse_votes(chunk: Chunk, name: str) -> ParsedVotes:
    """Parse a column of votes or scores."""
    values = None if isinstance(chunk, ArrowChunk) and name in chunk.names() else chunk.values(name)
    array = chunk.batch.column(name) if values is None and isinstance(chunk, ArrowChunk) else _to_array(values or [])
    if array is not None and pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = None if array is None else array.type
    if kind is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return _parse_numbers(name, array)
    is_text = kind is not None and (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
    if is_text or (kind is not None and (pa.types.is_boolean(kind) or pa.types.is_null(kind))):
        return _parse_distinct(name, read_texts(chunk, name) if is_text else ColumnValues(array, {}), values is None)
    return _parse_values(name, chunk.values(name), numbers_as_text=False)


def _to_array(values: list[Any]) -> pa.Array | None:
    """Python values as an array, where all are of one kind."""
    try:
        return pa.array(values)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return None


def _parse_numbers(name: str, array: pa.Array) -> ParsedVotes:
    values: Floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    is_null = array.is_null().to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(~np.isfinite(values) & ~is_null)
    return ParsedVotes(values, False, {int(i): _problem(name, float(values[i])) for i in bad})


def _parse_distinct(name: str, checked: ColumnValues, numbers_as_text: bool) -> ParsedVotes:
    """Parse each distinct value once."""
    encoded = checked.array.dictionary_encode()
    parsed = _parse_values(name, encoded.dictionary.to_pylist(), numbers_as_text)
    codes = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(np.isin(codes, list(parsed.problems)))
    problems = {int(i): parsed.problems[int(codes[i])] for i in bad}
    return ParsedVotes(np.append(parsed.values, np.nan)[codes], parsed.has_words, {**problems, **checked.problems})


def _parse_values(name: str, values: Sequence[Any], numbers_as_text: bool) -> ParsedVotes:
    numbers, problems, has_words = np.full(len(values), np.nan), {}, False
    for position, value in enumerate(values):
        number, is_word = _parse_value(value, numbers_as_text)
        has_words |= is_word
        if number is None:
            problems[position] = _problem(name, value)
        else:
            numbers[position] = number
    return ParsedVotes(numbers, has_words, problems)


def _parse_value(value: Any, numbers_as_text: bool) -> tuple[float | None, bool]:
    """The number of a value (NaN for no vote, None for a bad value), and whether it is a verdict as a word.

    A text counts as a number only in files such as CSV that hold nothing but text.
    """
    if value is None:
        return math.nan, False
    if isinstance(value, str):
        word = value.strip()
        if word in NO_VOTE_WORDS:
            return math.nan, False
        verdict = VOTE_WORDS.get(word, BOOLEAN_WORDS.get(word.lower()))
        if verdict is not None or not numbers_as_text:
            return verdict, verdict is not None
    if isinstance(value, bool | np.bool_):
        return float(value), True
    if not isinstance(value, str | int | float | np.number):
        return None, False
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None, False
    return (number if math.isfinite(number) else None), False


def _problem(name: str, value: Any) -> str:
    return f"{name} is {format_value(value)}; it must be {EXPECTED}"
