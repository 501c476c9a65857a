"""The votes and scores of verifiers, read from the columns of a table in one pass.

A column holds pass or fail (also true, false, 1, 0) or numbers; abstain, error and null are no vote. Numbers other than
0 and 1 are scores. Without labels a score becomes a vote: at the higher one of two values, else at its median, so that
half of the rows pass, whatever share is right. Any other value makes a bad row, which is refused or set aside.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.chunk_reading import quarantine_rows, shorten_keys
from winnow.stages.labels import Floats
from winnow.statistics.combine.vote_patterns import threshold_scores
from winnow.tables.chunks import ArrowChunk, Chunk
from winnow.tables.column_values import read_grades, read_scores, read_texts
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker

Integers = npt.NDArray[np.int64]
Votes = npt.NDArray[np.int8]
"""1 pass, 0 fail, -1 no vote."""

VOTE_WORDS = {"pass": 1.0, "fail": 0.0, "": math.nan, "abstain": math.nan, "error": math.nan}
BOOLEAN_WORDS = {"true": 1.0, "false": 0.0}
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


@dataclass(frozen=True, eq=False)
class VerifierVotes:
    """The votes of one verifier, or its scores (NaN for no vote) with the threshold that makes them votes."""

    name: str
    column: str
    values: Votes | Floats
    threshold: float | None = None
    threshold_reason: str | None = None

    def votes(self) -> Votes:
        """The votes; scores become votes at the threshold."""
        if self.threshold is None:
            return self.values.astype(np.int8, copy=False)
        return threshold_scores(self.values[:, None], [self.threshold])[:, 0]

    def numbers(self) -> Floats:
        """Votes and scores as numbers, NaN for no vote."""
        return _votes_to_numbers(self.values)

    def to_dict(self) -> dict[str, Any]:
        """Where the votes come from, for the document and the identity of the result."""
        return {
            "name": self.name,
            "column": self.column,
            "kind": "votes" if self.threshold is None else "scores",
            "threshold": self.threshold,
            "because": self.threshold_reason,
        }


@dataclass(frozen=True, eq=False)
class VoteTable:
    """The votes of all verifiers; for each row the code of its prompt, its label, and the chance that a plan drew it.

    A vote takes one byte of memory, a score eight.
    """

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


def read_votes(table: Table, verifiers: Sequence[VerifierColumns], label: str | None, keyed_by_id: bool) -> VoteTable:
    """Read the votes of a table.

    Args:
        table: The candidates.
        verifiers: The columns to read.
        label: The column of labels, if the votes are combined with labels.
        keyed_by_id: Whether verdicts will be stored by candidate id, which must then be unique.
    """
    votes: dict[str, list[Votes | Floats]] = {name: [] for verifier in verifiers for name in verifier.columns}
    has_words: set[str] = set()
    has_plan, has_prompts = label is not None and "drawn" in table.names(), table.has_role("prompt")
    check_ids = keyed_by_id and table.columns.id is not None
    rows, labels, drawn = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0)]
    prompts: list[pa.Array] = []
    roles = [*(["prompt"] if has_prompts else []), *(["id"] if check_ids else [])]
    columns = [*votes, *([label] if label else []), *(["drawn"] if has_plan else [])]
    with UniqueIdChecker(table) if check_ids else nullcontext() as ids:
        for chunk, parts in table.read_roles(roles, columns):
            parsed = {column: _parse_votes(chunk, column) for column in votes}
            numbers = [] if label is None else [(labels, read_grades(chunk, label))]
            numbers += [(drawn, read_scores(chunk, "drawn"))] if has_plan else []
            problems: dict[int, str] = {}
            for votes_of_column in parsed.values():
                problems |= votes_of_column.problems
            for _, values in numbers:
                problems |= values.problems
            quarantine_rows(table, chunk, problems)
            good = np.setdiff1d(np.arange(len(chunk)), np.fromiter(problems, np.int64, len(problems)))
            rows.append(chunk.row_numbers[good])
            for column, votes_of_column in parsed.items():
                votes[column].append(_compress_votes(votes_of_column.values[good]))
                has_words |= {column} if votes_of_column.has_words else set()
            for collected, values in numbers:
                collected.append(values.array.to_numpy(zero_copy_only=False)[good])
            if has_prompts:
                prompts.append(shorten_keys(parts["prompt"].take(pa.array(good))))
            if ids is not None:
                ids.add(chunk.row_numbers[good], {"id": parts["id"].take(pa.array(good))})
        if ids is not None:
            ids.check()
    return VoteTable(
        np.concatenate(rows),
        [_choose_votes(verifier, votes, has_words, label is not None) for verifier in verifiers],
        _encode_prompts(prompts) if has_prompts else None,
        None if label is None else np.concatenate(labels),
        np.concatenate(drawn) if has_plan else None,
    )


def _encode_prompts(prompts: list[pa.Array]) -> Integers:
    encoded = pa.chunked_array(prompts, pa.string()).dictionary_encode().unify_dictionaries()
    parts = [chunk.indices.to_numpy().astype(np.int64) for chunk in encoded.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _compress_votes(values: Floats) -> Votes | Floats:
    """Numbers as votes, which take one byte, if all of them are votes."""
    no_vote = np.isnan(values)
    is_votes = bool((no_vote | (values == 0) | (values == 1)).all())
    return np.where(no_vote, NO_VOTE, values).astype(np.int8) if is_votes else values


def _concatenate(parts: list[Votes | Floats]) -> Votes | Floats:
    """Votes if all parts are votes, otherwise numbers with NaN for no vote."""
    if all(part.dtype == np.int8 for part in parts):
        return np.concatenate([np.zeros(0, np.int8), *parts])
    return np.concatenate([_votes_to_numbers(part) for part in parts])


def _votes_to_numbers(values: npt.NDArray[Any]) -> Floats:
    if values.dtype != np.int8:
        return values
    numbers: Floats = np.where(values == NO_VOTE, np.nan, values.astype(np.float64))
    return numbers


def _choose_votes(
    verifier: VerifierColumns, parts: Mapping[str, list[Votes | Floats]], has_words: Set[str], has_labels: bool
) -> VerifierVotes:
    """Use the verdicts of a verifier, or with labels its scores if every row that it decides has one."""
    values_by_column = {column: _concatenate(parts[column]) for column in verifier.columns}
    chosen = verifier.columns[0]
    if len(verifier.columns) > 1:
        verdicts, scores = (~np.isnan(_votes_to_numbers(values)) for values in values_by_column.values())
        if not verdicts.any() or (has_labels and bool(scores[verdicts].all())):
            chosen = verifier.columns[1]
    values = values_by_column[chosen]
    if values.dtype == np.int8:
        return VerifierVotes(verifier.name, chosen, values)
    if chosen in has_words:
        number = values[~np.isnan(values) & (values != 0) & (values != 1)][0]
        problem = f"{chosen} holds verdicts as words and numbers such as {number:g}"
        raise UsageError("--scores", problem, "Put verdicts and scores into columns of their own")
    return VerifierVotes(verifier.name, chosen, values, *_choose_threshold(_votes_to_numbers(values)))


def _choose_threshold(scores: Floats) -> tuple[float, str]:
    """Choose where a score becomes a vote without labels, and say why."""
    scores = scores[~np.isnan(scores)]
    low, high, middle = float(scores.min()), float(scores.max()), float(np.median(scores))
    if bool(((scores == low) | (scores == high)).all()):
        return high, "the higher of its two values"
    if middle == low:
        return float(scores[scores > low].min()), "the lowest value but one, since most rows have the lowest"
    return middle, "its median"


class ParsedVotes(NamedTuple):
    """Numbers (1 pass, 0 fail, NaN no vote), whether any was a word, and what is wrong with bad rows."""

    values: Floats
    has_words: bool
    problems: dict[int, str]


def _parse_votes(chunk: Chunk, name: str) -> ParsedVotes:
    """Parse a column of votes or scores: typed numbers as an array, other typed columns once per distinct value."""
    if not isinstance(chunk, ArrowChunk) or name not in chunk.names():
        return _parse_values(name, chunk.values(name), numbers_as_text=False)
    array, text_problems = chunk.batch.column(name), dict[int, str]()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values: Floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        bad = np.flatnonzero(~np.isfinite(values) & ~array.is_null().to_numpy(zero_copy_only=False))
        return ParsedVotes(values, False, {int(i): _describe_bad_value(name, float(values[i])) for i in bad})
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        array, text_problems = read_texts(chunk, name)
    elif not pa.types.is_boolean(kind):
        return _parse_values(name, chunk.values(name), numbers_as_text=False)
    encoded = array.dictionary_encode()
    parsed = _parse_values(name, encoded.dictionary.to_pylist(), numbers_as_text=True)
    codes = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(np.isin(codes, list(parsed.problems)))
    problems = {int(i): parsed.problems[int(codes[i])] for i in bad}
    return ParsedVotes(np.append(parsed.values, np.nan)[codes], parsed.has_words, problems | text_problems)


def _parse_values(name: str, values: Sequence[Any], numbers_as_text: bool) -> ParsedVotes:
    numbers, problems, has_words = np.full(len(values), np.nan), {}, False
    for position, value in enumerate(values):
        number, is_word = _parse_value(value, numbers_as_text)
        has_words |= is_word
        if number is None:
            problems[position] = _describe_bad_value(name, value)
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
        vote = VOTE_WORDS.get(word, BOOLEAN_WORDS.get(word.lower()))
        if vote is not None or not numbers_as_text:
            return vote, vote in (0, 1)
    if isinstance(value, bool | np.bool_):
        return float(value), True
    if not isinstance(value, str | int | float | Decimal | np.number):
        return None, False
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None, False
    return (number if math.isfinite(number) else None), False


def _describe_bad_value(name: str, value: Any) -> str:
    return f"{name} is {format_value(value)}; it must be {EXPECTED}"
