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

from winnow.data.chunks import ArrowChunk, Chunk
from winnow.data.errors import UsageError, nearest, shown
from winnow.data.table import Table
from winnow.data.values import texts
from winnow.stats.combine import cut

Floats = npt.NDArray[np.float64]
VotesArray = npt.NDArray[np.int8]

WORDS = {"pass": 1.0, "fail": 0.0}
SILENT = ("", "abstain", "error")
NO_VOTE = -1


@dataclass(frozen=True)
class Voter:
    """A verifier by name: the column of its verdicts or of its numbers, and of its scores beside the verdicts."""

    name: str
    columns: tuple[str, ...]


class Opinions(NamedTuple):
    """1 pass, 0 fail, another number, or NaN for nothing; whether pass or fail was said in words; bad rows."""

    values: Floats
    worded: bool
    problems: dict[int, str]


@dataclass
class Heard:
    """What one column said so far."""

    parts: list[npt.NDArray[Any]] = field(default_factory=list)
    worded: bool = False

    def add(self, values: Floats, worded: bool) -> None:
        """More rows."""
        silent = np.isnan(values)
        votes_only = bool((silent | (values == 0) | (values == 1)).all())
        self.parts.append(np.where(silent, NO_VOTE, values).astype(np.int8) if votes_only else values)
        self.worded |= worded

    def whole(self) -> VotesArray | Floats:
        """Votes if nothing else was said, else numbers with NaN for nothing."""
        if all(part.dtype == np.int8 for part in self.parts):
            return np.concatenate(self.parts) if self.parts else np.zeros(0, np.int8)
        return np.concatenate([numbers_of(part) for part in self.parts])


@dataclass(frozen=True, eq=False)
class Voice:
    """One verifier over all rows: votes, or scores with the threshold that makes votes of them and why that one."""

    name: str
    column: str
    values: VotesArray | Floats
    threshold: float | None = None
    because: str | None = None

    def votes(self) -> VotesArray:
        """1, 0, or -1 for nothing."""
        if self.threshold is None:
            return self.values.astype(np.int8, copy=False)
        return cut(self.values[:, None], [self.threshold])[:, 0]

    def numbers(self) -> Floats:
        """What was said, NaN for nothing."""
        return numbers_of(self.values)

    def plain(self) -> dict[str, Any]:
        """Where the votes come from."""
        kind = "votes" if self.threshold is None else "scores"
        return {
            "name": self.name,
            "column": self.column,
            "kind": kind,
            "threshold": self.threshold,
            "because": self.because,
        }


def numbers_of(values: npt.NDArray[Any]) -> Floats:
    """Votes as numbers, NaN for nothing; numbers as they are."""
    if values.dtype != np.int8:
        return values
    numbers: Floats = np.where(values == NO_VOTE, np.nan, values.astype(np.float64))
    return numbers


def voters(table: Table, named: Sequence[str]) -> list[Voter]:
    """The verifiers named, or everyone with a column of verdicts."""
    known = table.names()
    if not named:
        named = [one.removesuffix(".verdict") for one in known if one.endswith(".verdict")]
        if len(named) < 2:
            problem = f"{table.name} has {len(named)} columns of verdicts, and several are needed"
            raise UsageError("combine", problem, "Name columns of verdicts or scores: --scores a,b,c")
    found = [_voter(name, table, known) for name in named]
    if len(found) < 2:
        raise UsageError("--scores", f"{shown(','.join(named))} names one verifier", "Name several: --scores a,b,c")
    names = [voter.name for voter in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("--scores", f"{shown(name)} is named twice", "Name each verifier once")
    return found


def _voter(name: str, table: Table, known: Sequence[str]) -> Voter:
    if name in known:
        return Voter(name.removesuffix(".verdict"), (name,))
    columns = tuple(one for one in (f"{name}.verdict", f"{name}.score") if one in known)
    if not columns:
        raise UsageError("--scores", f"{shown(name)} is no column of {table.name}", nearest(name, known))
    return Voter(name, columns)


def voice(voter: Voter, heard: dict[str, Heard], labeled: bool) -> Voice:
    """What stands for a verifier: with labels its scores if every row it decides has one, else its verdicts."""
    wholes = {column: heard[column].whole() for column in voter.columns}
    chosen = voter.columns[0]
    if len(voter.columns) > 1:
        verdicts, scores = (~np.isnan(numbers_of(whole)) for whole in wholes.values())
        if not verdicts.any() or (labeled and bool(scores[verdicts].all())):
            chosen = voter.columns[1]
    values = wholes[chosen]
    if values.dtype == np.int8:
        return Voice(voter.name, chosen, values)
    if heard[chosen].worded:
        odd = values[~np.isnan(values) & (values != 0) & (values != 1)][0]
        problem = f"{chosen} holds verdicts in words and numbers such as {odd:g}"
        raise UsageError("--scores", problem, "Keep verdicts and scores in columns of their own")
    return Voice(voter.name, chosen, values, *_threshold(numbers_of(values)))


def _threshold(scores: Floats) -> tuple[float, str]:
    """Where a score is cut without labels."""
    said = scores[~np.isnan(scores)]
    low, high, middle = float(said.min()), float(said.max()), float(np.median(said))
    if bool(((said == low) | (said == high)).all()):
        return high, "the higher of its two values"
    if middle == low:
        return float(said[said > low].min()), "the lowest value but one, since most rows have the lowest"
    return middle, "its median"


def heard_in(chunk: Chunk, name: str) -> Opinions:
    """What a column says of these rows."""
    typed = isinstance(chunk, ArrowChunk) and name in chunk.names()
    array = chunk.batch.column(name) if typed and isinstance(chunk, ArrowChunk) else _of_one_type(chunk.values(name))
    if array is None:
        return _one_by_one(name, chunk.values(name), written=False)
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_null(kind):
        return Opinions(np.full(len(chunk), np.nan), False, {})
    if pa.types.is_boolean(kind):
        return Opinions(_float(array.cast(pa.int8())), True, {})
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = _float(array.cast(pa.float64(), safe=False))
        endless = np.flatnonzero(
            np.isinf(values) | (np.isnan(values) & ~array.is_null().to_numpy(zero_copy_only=False))
        )
        return Opinions(values, False, {int(i): _problem(name, float(values[i])) for i in endless})
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _texts(chunk, name, array, typed)
    return _one_by_one(name, chunk.values(name), written=False)


def _of_one_type(values: list[Any]) -> pa.Array | None:
    """Python values as an array, where all are of one kind."""
    try:
        return pa.array(values)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return None


def _float(array: pa.Array) -> Floats:
    values: Floats = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _texts(chunk: Chunk, name: str, array: pa.Array, typed: bool) -> Opinions:
    """Each distinct text read once."""
    checked = texts(chunk, name)
    encoded = checked.array.dictionary_encode()
    said = _one_by_one(name, encoded.dictionary.to_pylist(), written=typed)
    places = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(np.isin(places, list(said.problems)))
    problems = {int(i): said.problems[int(places[i])] for i in wrong}
    return Opinions(np.append(said.values, np.nan)[places], said.worded, {**problems, **checked.problems})


def _one_by_one(name: str, values: Sequence[Any], written: bool) -> Opinions:
    numbers, problems, worded = np.full(len(values), np.nan), {}, False
    for place, value in enumerate(values):
        plain = value.item() if isinstance(value, np.generic) else value
        opinion = _opinion(plain, written)
        if opinion is None:
            problems[place] = _problem(name, plain)
            continue
        numbers[place] = opinion
        worded |= not math.isnan(opinion) and isinstance(plain, bool | str) and not _is_number(plain)
    return Opinions(numbers, worded, problems)


def _opinion(value: Any, written: bool) -> float | None:
    """A number, NaN for nothing said, None for what is neither; `written` where a file holds nothing but text."""
    if value is None or (isinstance(value, str) and value.strip() in SILENT):
        return math.nan
    if isinstance(value, str) and (word := value.strip()) in WORDS:
        return WORDS[word]
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return float(value.strip().lower() == "true")
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float) or (written and isinstance(value, str) and _is_number(value)):
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


def _problem(name: str, value: Any) -> str:
    return f"{name} is {shown(value)}; it must be pass, fail, abstain, error, true, false, a finite number or null"


def asked_columns(chosen: Sequence[Voter]) -> list[str]:
    """Every column to read."""
    return list(dict.fromkeys(column for voter in chosen for column in voter.columns))
