"""Tasks whose prompt is a square matrix, entry by entry, and whose answer is one number or several.

Entries are uniform in [-10, 10] and rounded to the digits of the encoding before anything is computed from them, so the
answer belongs to the matrix a model reads. The right answer is the rounded tokens; another one is right if

    sum |answer - right| / sum |right| < tolerance

decided in whole numbers. Text that is no such list of numbers is wrong.

Promises: whether a matrix is held out follows from its entries alone (`is_held_out`), so none of the test is in
training. `distances` gives what every tolerance can be read from.
Which numbers answer a matrix is said in eigenvalues.py and determinant.py.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from winnow.data.errors import UsageError
from winnow.tasks.draws import share, stream
from winnow.tasks.numbers.encodings import JOIN, Encoding, Floats, Units, told
from winnow.tasks.task import HELD_OUT_SHARE, Example, Split, refuse_bad_request

LARGEST_ENTRY = 10
PLACES_BELOW_DIGITS = 2  # entries under a thousandth lose digits, so that there are few exponents
TOLERANCE = 0.05
_AT_ONCE = 4_096
_FINEST = 10**4  # so that sums of units times it stay within 64 bits

Kind = TypeVar("Kind", bound="OfMatrix")
Rights = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OfMatrix(ABC):
    """Its fields are its settings: size, digits, how numbers are written, and how close an answer must come.

    `shapes` puts two tokens before prompt and answer that say how many rows and columns follow; `grouped` makes each
    number of the prompt one token with `|` between its parts, which takes one position where they are summed.
    """

    largest: ClassVar[int]
    symmetric: ClassVar[bool]

    n: int = 5
    digits: int = 3
    encoding: str = "P1000"
    tolerance: float = TOLERANCE
    shapes: bool = True
    grouped: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.n <= self.largest:
            raise UsageError("n", f"is {self.n}, but must lie between 1 and {self.largest}")
        if not 0 < self.tolerance < 1:
            raise UsageError("tolerance", f"is {self.tolerance}, but must lie between 0 and 1", "5% is 0.05")
        if Fraction(str(self.tolerance)).denominator > _FINEST:
            raise UsageError("tolerance", f"is {self.tolerance}, but may have four decimals at most", "Round it")
        _ = self.numbers

    @property
    @abstractmethod
    def name(self) -> str:
        """One word for tables and figures."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many numbers answer a matrix."""

    @property
    @abstractmethod
    def bound(self) -> float:
        """No number of an answer is larger."""

    @abstractmethod
    def solved(self, matrices: Floats) -> Floats:
        """The numbers that answer each matrix, in order."""

    @cached_property
    def numbers(self) -> Encoding:
        """How numbers are written."""
        highest = len(str(math.ceil(max(self.bound, LARGEST_ENTRY)))) - self.digits
        lowest = -(self.digits + PLACES_BELOW_DIGITS)
        return Encoding(self.encoding, self.digits, lowest, max(highest, lowest))

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""
        refuse_bad_request(count, split, first)
        made: list[Example] = []
        for start in range(first, first + count, _AT_ONCE):
            entries = self._drawn(range(start, min(start + _AT_ONCE, first + count)), seed, split)
            asked, told = (" ".join([*shape, ""]) for shape in (self._prompt_shape, self._answer_shape))
            prompts = self.numbers.texts(entries, self.grouped)
            answers = self.numbers.texts(self._answers(entries))
            pairs = zip(prompts, answers, strict=True)
            made += [Example(asked + prompt, told + answer) for prompt, answer in pairs]
        return made

    def right(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion comes close enough; None where the prompt is no matrix written in this way."""
        known, formed, off, size = self._sums(prompts, completions)
        within = Fraction(str(self.tolerance))
        close = (off * within.denominator < size * within.numerator) | ((off == 0) & (size == 0))
        return [said if ours else None for ours, said in zip(known.tolist(), (formed & close).tolist(), strict=True)]

    def distances(self, prompts: Sequence[str], completions: Sequence[str]) -> Floats:
        """sum |answer - right| / sum |right|; infinite where there is no answer, NaN where the prompt is not ours."""
        known, formed, off, size = self._sums(prompts, completions)
        with np.errstate(all="ignore"):
            ratio = np.where(off == 0, 0.0, off / size)
        return np.where(known, np.where(formed, ratio, np.inf), np.nan)

    def vocabulary(self) -> list[str]:
        """Every token of prompts and answers, the parts of grouped ones alone."""
        return list(dict.fromkeys([*self._prompt_shape, *self._answer_shape, *self.numbers.vocabulary()]))

    @property
    def _prompt_shape(self) -> list[str]:
        return [f"V{self.n}", f"V{self.n}"] if self.shapes else []

    @property
    def _answer_shape(self) -> list[str]:
        return [f"V{self.count}", "V1"] if self.shapes else []

    def _drawn(self, indices: range, seed: int, split: Split) -> Units:
        """The entries of these examples, row by row."""
        entries = np.zeros((len(indices), self.n**2), np.int64)
        streams = {place: stream(self.name, seed, split, index) for place, index in enumerate(indices)}
        free = self.n * (self.n + 1) // 2 if self.symmetric else self.n**2
        while streams:
            draws = np.array([[rng.random() for _ in range(free)] for rng in streams.values()])
            drawn = self._filled(self.numbers.units(LARGEST_ENTRY * (2 * draws - 1)))
            for place, row in zip(list(streams), drawn, strict=True):
                if is_held_out(row) is (split == "test"):
                    entries[place] = row
                    del streams[place]
        return entries

    def _filled(self, free: Units) -> Units:
        """Every entry, from those on and above the diagonal where the matrix is symmetric."""
        if not self.symmetric:
            return free
        matrices = np.zeros((len(free), self.n, self.n), np.int64)
        rows, columns = np.triu_indices(self.n)
        matrices[:, rows, columns] = matrices[:, columns, rows] = free
        return matrices.reshape(len(free), -1)

    def _answers(self, entries: Units) -> Units:
        matrices = self.numbers.values(entries).reshape(-1, self.n, self.n)
        return self.numbers.units(self.solved(matrices).reshape(len(entries), self.count))

    def _sums(self, prompts: Sequence[str], completions: Sequence[str]) -> tuple[Rights, Rights, Units, Units]:
        """Where the prompt is ours and the completion an answer, and the two sums of the rule in units."""
        different = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        asked = [prompt.replace(JOIN, " ") for prompt in different] if self.grouped else list(different)
        read = self._read(asked, self._prompt_shape, self.n**2)
        ours = [place for place, entries in enumerate(read) if entries is not None and self._fits(entries)]
        wants = np.zeros((len(different), self.count), np.int64)
        if ours:
            wants[ours] = self._answers(np.array([read[place] for place in ours], np.int64))
        of_row = np.array([different[prompt] for prompt in prompts], np.int64)
        answers = self._read(completions, self._answer_shape, self.count)
        formed = np.array([answer is not None for answer in answers], np.bool_)
        got = np.array([answer or [0] * self.count for answer in answers], np.int64).reshape(-1, self.count)
        want = wants[of_row] if len(of_row) else wants
        known = np.isin(of_row, ours)
        return known, formed, np.abs(got - want).sum(axis=1), np.abs(want).sum(axis=1)

    def _fits(self, entries: list[int]) -> bool:
        matrix = np.array(entries).reshape(self.n, self.n)
        return not self.symmetric or bool((matrix == matrix.T).all())

    def _read(self, texts: Sequence[str], shape: list[str], count: int) -> list[list[int] | None]:
        """The numbers of each text, so many behind their shape; None where it is anything else."""
        known: dict[str, int | None] = {}
        length = len(shape) + count * self.numbers.width
        found: list[list[int] | None] = []
        for text in texts:
            tokens = text.split()
            whole = len(tokens) == length and tokens[: len(shape)] == shape
            found.append(self.numbers.numbers(tokens[len(shape) :], known) if whole else None)
        return found


def is_held_out(entries: Units) -> bool:
    """Whether the matrix belongs to the test split."""
    return share("held-out matrix", *entries.tolist()) < HELD_OUT_SHARE


def settings_told(kind: type[Kind], prompt: str) -> Kind | None:
    """The task a prompt belongs to, as its tokens tell it; None if it is no matrix of ours."""
    grouped = JOIN in prompt
    tokens = prompt.replace(JOIN, " ").split()
    shapes = prompt.lstrip().startswith("V")
    numbers = tokens[2:] if shapes else tokens
    found = told(numbers) if numbers else None
    if found is None:
        return None
    name, digits = found
    try:
        one = kind(n=1, digits=digits, encoding=name, shapes=shapes, grouped=grouped)
        n = math.isqrt(len(numbers) // one.numbers.width)
        return replace(one, n=n)
    except UsageError:
        return None


def judged(
    kind: type[OfMatrix], prompts: Sequence[str], completions: Sequence[str], tolerances: Sequence[Any] | None
) -> list[bool | None]:
    """As `right`, for prompts of any settings at once; a tolerance that is no number in (0, 1) is the row's error."""
    verdicts: list[bool | None] = [None] * len(prompts)
    bounds = [TOLERANCE] * len(prompts) if tolerances is None else [float(one) for one in tolerances]
    for task, rows in _alike(kind, prompts, bounds):
        said = task.right([prompts[row] for row in rows], [completions[row] for row in rows])
        for row, right in zip(rows, said, strict=True):
            verdicts[row] = right
    return verdicts


def closeness(kind: type[OfMatrix], prompts: Sequence[str], completions: Sequence[str]) -> list[float | None]:
    """1 - distance, at least 0: a score for every tolerance; 0 where there is no answer."""
    scores: list[float | None] = [None] * len(prompts)
    for task, rows in _alike(kind, prompts, [TOLERANCE] * len(prompts)):
        distances = task.distances([prompts[row] for row in rows], [completions[row] for row in rows])
        for row, distance in zip(rows, distances.tolist(), strict=True):
            scores[row] = None if math.isnan(distance) else max(0.0, 1 - distance)
    return scores


def _alike(kind: type[Kind], prompts: Sequence[str], bounds: Sequence[float]) -> Iterator[tuple[Kind, list[int]]]:
    """The rows of each task that prompts and tolerances tell."""
    told_by: dict[str, Kind | None] = {}
    groups: dict[Kind, list[int]] = {}
    for row, (prompt, bound) in enumerate(zip(prompts, bounds, strict=True)):
        if prompt not in told_by:
            told_by[prompt] = settings_told(kind, prompt)
        task = told_by[prompt]
        if task is not None:
            groups.setdefault(replace(task, tolerance=bound), []).append(row)
    yield from groups.items()
