"""Which columns vote, and what they say of every row: a vote, a number, or nothing.

A column says pass or fail (also true, false, 1, 0), or a number; abstain, error and null say nothing. Numbers that
take two values are votes, the higher one a pass. Other numbers are scores, which a majority and the label-free model
need cut: at the median, so that half pass, which says nothing about how many are right. What is neither is a bad row.

One pass; votes are held as one byte a row, scores as eight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value, suggest_name
from winnow.statistics.combine import threshold_scores
from winnow.tables.chunks import ArrowChunk, Chunk
from winnow.tables.column_values import read_texts
from winnow.tables.table import Table

Floats = npt.NDArray[np.float64]
VotesArray = npt.NDArray[np.int8]

VOTE_WORDS = {"pass": 1.0, "fail": 0.0}
NO_VOTE_WORDS = ("", "abstain", "error")
NO_VOTE = -1


@dataclass(frozen=True)
class VerifierColumns:
    """A verifier by name: the column of its verdicts or of its numbers, and of its scores beside the verdicts."""

    name: str
    columns: tuple[str, ...]


class ParsedVotes(NamedTuple):
    """1 pass, 0 fail, another number, or NaN for nothing; whether pass or fail was said in words; bad rows."""

    values: Floats
    has_words: bool
    problems: dict[int, str]


@dataclass
class ColumnVotes:
    """What one column said so far."""

    parts: list[npt.NDArray[Any]] = field(default_factory=list)
    has_words: bool = False

    def add(self, values: Floats, has_words: bool) -> None:
        """More rows."""
        no_vote = np.isnan(values)
        votes_only = bool((no_vote | (values == 0) | (values == 1)).all())
        self.parts.append(np.where(no_vote, NO_VOTE, values).astype(np.int8) if votes_only else values)
        self.has_words |= has_words

    def concatenate(self) -> VotesArray | Floats:
        """Votes if nothing else was said, else numbers with NaN for nothing."""
        if all(part.dtype == np.int8 for part in self.parts):
            return np.concatenate(self.parts) if self.parts else np.zeros(0, np.int8)
        return np.concatenate([votes_to_numbers(part) for part in self.parts])


@dataclass(frozen=True, eq=False)
class VerifierVotes:
    """One verifier over all rows: votes, or scores with the threshold that makes votes of them and why that one."""

    name: str
    column: str
    values: VotesArray | Floats
    threshold: float | None = None
    threshold_reason: str | None = None

    def votes(self) -> VotesArray:
        """1, 0, or -1 for nothing."""
        if self.threshold is None:
            return self.values.astype(np.int8, copy=False)
        return threshold_scores(self.values[:, None], [self.threshold])[:, 0]

    def numbers(self) -> Floats:
        """What was said, NaN for nothing."""
        return votes_to_numbers(self.values)

    def to_dict(self) -> dict[str, Any]:
        """Where the votes come from."""
        kind = "votes" if self.threshold is None else "scores"
        return {
            "name": self.name,
            "column": self.column,
            "kind": kind,
            "threshold": self.threshold,
            "because": self.threshold_reason,
        }


def votes_to_numbers(values: npt.NDArray[Any]) -> Floats:
    """Votes as numbers, NaN for nothing; numbers as they are."""
    if values.dtype != np.int8:
        return values
    numbers: Floats = np.where(values == NO_VOTE, np.nan, values.astype(np.float64))
    return numbers


def resolve_verifiers(table: Table, requested: Sequence[str]) -> list[VerifierColumns]:
    """The verifiers named, or everyone with a column of verdicts."""
    known = table.names()
    if not requested:
        requested = [column.removesuffix(".verdict") for column in known if column.endswith(".verdict")]
        if len(requested) < 2:
            problem = f"{table.name} has {len(requested)} columns of verdicts, and several are needed"
            raise UsageError("combine", problem, "Name columns of verdicts or scores: --scores a,b,c")
    verifiers = [_resolve_verifier(name, table, known) for name in requested]
    if len(verifiers) < 2:
        raise UsageError(
            "--scores", f"{format_value(','.join(requested))} names one verifier", "Name several: --scores a,b,c"
        )
    names = [verifier.name for verifier in verifiers]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("--scores", f"{format_value(name)} is named twice", "Name each verifier once")
    return verifiers


def _resolve_verifier(name: str, table: Table, known: Sequence[str]) -> VerifierColumns:
    if name in known:
        return VerifierColumns(name.removesuffix(".verdict"), (name,))
    columns = tuple(one for one in (f"{name}.verdict", f"{name}.score") if one in known)
    if not columns:
        raise UsageError("--scores", f"{format_value(name)} is no column of {table.name}", suggest_name(name, known))
    return VerifierColumns(name, columns)


def choose_votes(verifier: VerifierColumns, column_votes: dict[str, ColumnVotes], has_labels: bool) -> VerifierVotes:
    """What stands for a verifier: with labels its scores if every row it decides has one, else its verdicts."""
    values_by_column = {column: column_votes[column].concatenate() for column in verifier.columns}
    chosen = verifier.columns[0]
    if len(verifier.columns) > 1:
        verdicts, scores = (~np.isnan(votes_to_numbers(column_values)) for column_values in values_by_column.values())
        if not verdicts.any() or (has_labels and bool(scores[verdicts].all())):
            chosen = verifier.columns[1]
    values = values_by_column[chosen]
    if values.dtype == np.int8:
        return VerifierVotes(verifier.name, chosen, values)
    if column_votes[chosen].has_words:
        not_a_vote = values[~np.isnan(values) & (values != 0) & (values != 1)][0]
        problem = f"{chosen} holds verdicts in words and numbers such as {not_a_vote:g}"
        raise UsageError("--scores", problem, "Keep verdicts and scores in columns of their own")
    return VerifierVotes(verifier.name, chosen, values, *_choose_threshold(votes_to_numbers(values)))


def _choose_threshold(scores: Floats) -> tuple[float, str]:
    """Where a score is cut without labels."""
    present = scores[~np.isnan(scores)]
    low, high, middle = float(present.min()), float(present.max()), float(np.median(present))
    if bool(((present == low) | (present == high)).all()):
        return high, "the higher of its two values"
    if middle == low:
        return float(present[present > low].min()), "the lowest value but one, since most rows have the lowest"
    return middle, "its median"


def parse_votes(chunk: Chunk, name: str) -> ParsedVotes:
    """What a column says of these rows."""
    is_arrow = isinstance(chunk, ArrowChunk) and name in chunk.names()
    array = chunk.batch.column(name) if is_arrow and isinstance(chunk, ArrowChunk) else _to_array(chunk.values(name))
    if array is None:
        return _parse_values(name, chunk.values(name), is_text_column=False)
    value_type = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_null(value_type):
        return ParsedVotes(np.full(len(chunk), np.nan), False, {})
    if pa.types.is_boolean(value_type):
        return ParsedVotes(_to_floats(array.cast(pa.int8())), True, {})
    if pa.types.is_integer(value_type) or pa.types.is_floating(value_type) or pa.types.is_decimal(value_type):
        values = _to_floats(array.cast(pa.float64(), safe=False))
        not_finite = np.flatnonzero(
            np.isinf(values) | (np.isnan(values) & ~array.is_null().to_numpy(zero_copy_only=False))
        )
        return ParsedVotes(values, False, {int(i): _describe_problem(name, float(values[i])) for i in not_finite})
    if pa.types.is_string(value_type) or pa.types.is_large_string(value_type) or pa.types.is_string_view(value_type):
        return _parse_texts(chunk, name, array, is_arrow)
    return _parse_values(name, chunk.values(name), is_text_column=False)


def _to_array(values: list[Any]) -> pa.Array | None:
    """Python values as an array, where all are of one kind."""
    try:
        return pa.array(values)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return None


def _to_floats(array: pa.Array) -> Floats:
    values: Floats = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _parse_texts(chunk: Chunk, name: str, array: pa.Array, is_text_column: bool) -> ParsedVotes:
    """Each distinct text read once."""
    checked = read_texts(chunk, name)
    encoded = checked.array.dictionary_encode()
    parsed = _parse_values(name, encoded.dictionary.to_pylist(), is_text_column=is_text_column)
    codes = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    invalid = np.flatnonzero(np.isin(codes, list(parsed.problems)))
    problems = {int(i): parsed.problems[int(codes[i])] for i in invalid}
    return ParsedVotes(np.append(parsed.values, np.nan)[codes], parsed.has_words, {**problems, **checked.problems})


def _parse_values(name: str, values: Sequence[Any], is_text_column: bool) -> ParsedVotes:
    numbers, problems, has_words = np.full(len(values), np.nan), {}, False
    for position, value in enumerate(values):
        python_value = value.item() if isinstance(value, np.generic) else value
        number = _parse_value(python_value, is_text_column)
        if number is None:
            problems[position] = _describe_problem(name, python_value)
            continue
        numbers[position] = number
        has_words |= not math.isnan(number) and isinstance(python_value, bool | str) and not _is_number(python_value)
    return ParsedVotes(numbers, has_words, problems)


def _parse_value(value: Any, is_text_column: bool) -> float | None:
    """A number, NaN for nothing said, None for what is neither; `written` where a file holds nothing but text."""
    if value is None or (isinstance(value, str) and value.strip() in NO_VOTE_WORDS):
        return math.nan
    if isinstance(value, str) and (word := value.strip()) in VOTE_WORDS:
        return VOTE_WORDS[word]
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return float(value.strip().lower() == "true")
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float) or (is_text_column and isinstance(value, str) and _is_number(value)):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def _is_number(value: bool | str) -> bool:
    """Whether a text is a number; true and false are none."""
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _describe_problem(name: str, value: Any) -> str:
    return (
        f"{name} is {format_value(value)}; it must be pass, fail, abstain, error, true, false, a finite number or null"
    )


def columns_to_read(verifiers: Sequence[VerifierColumns]) -> list[str]:
    """Every column to read."""
    return list(dict.fromkeys(column for verifier in verifiers for column in verifier.columns))
