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

from winnow.errors import UsageError
from winnow.science.tasks.numbers.encodings import TOKEN_JOINER, Floats, NumberEncoding, Units, detect_encoding
from winnow.science.tasks.seeded_random import hash_fraction, random_stream
from winnow.science.tasks.task import HELD_OUT_SHARE, Example, Split, check_request

MAX_ENTRY = 10
EXTRA_EXPONENTS = 2  # entries under a thousandth lose digits, so that there are few exponents
TOLERANCE = 0.05
_EXAMPLES_PER_CHUNK = 4_096
_TOLERANCE_DENOMINATOR = 10**4  # so that sums of units times it stay within 64 bits

MatrixTaskType = TypeVar("MatrixTaskType", bound="MatrixTask")
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MatrixTask(ABC):
    """Its fields are its settings: size, digits, how numbers are written, and how close an answer must come.

    `shapes` puts two tokens before prompt and answer that say how many rows and columns follow; `grouped` makes each
    number of the prompt one token with `|` between its parts, which takes one position where they are summed.
    """

    max_size: ClassVar[int]
    symmetric: ClassVar[bool]

    n: int = 5
    digits: int = 3
    encoding: str = "P1000"
    tolerance: float = TOLERANCE
    shapes: bool = True
    grouped: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.n <= self.max_size:
            raise UsageError("n", f"is {self.n}, but must lie between 1 and {self.max_size}")
        if not 0 < self.tolerance < 1:
            raise UsageError("tolerance", f"is {self.tolerance}, but must lie between 0 and 1", "5% is 0.05")
        if Fraction(str(self.tolerance)).denominator > _TOLERANCE_DENOMINATOR:
            raise UsageError("tolerance", f"is {self.tolerance}, but may have four decimals at most", "Round it")
        _ = self.number_encoding

    @property
    @abstractmethod
    def name(self) -> str:
        """One word for tables and figures."""

    @property
    @abstractmethod
    def answer_count(self) -> int:
        """How many numbers answer a matrix."""

    @property
    @abstractmethod
    def answer_bound(self) -> float:
        """No number of an answer is larger."""

    @abstractmethod
    def solve(self, matrices: Floats) -> Floats:
        """The numbers that answer each matrix, in order."""

    @cached_property
    def number_encoding(self) -> NumberEncoding:
        """How numbers are written."""
        highest = len(str(math.ceil(max(self.answer_bound, MAX_ENTRY)))) - self.digits
        lowest = -(self.digits + EXTRA_EXPONENTS)
        return NumberEncoding(self.encoding, self.digits, lowest, max(highest, lowest))

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        """Examples `first` to `first + count - 1` of this seed and split."""
        check_request(count, split, first)
        examples: list[Example] = []
        for start in range(first, first + count, _EXAMPLES_PER_CHUNK):
            entries = self._draw_entries(range(start, min(start + _EXAMPLES_PER_CHUNK, first + count)), seed, split)
            prompt_prefix, answer_prefix = (
                " ".join([*shape, ""]) for shape in (self._prompt_shape, self._answer_shape)
            )
            prompts = self.number_encoding.format_rows(entries, self.grouped)
            answers = self.number_encoding.format_rows(self._answer_units(entries))
            pairs = zip(prompts, answers, strict=True)
            examples += [Example(prompt_prefix + prompt, answer_prefix + answer) for prompt, answer in pairs]
        return examples

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Whether each completion comes close enough; None where the prompt is no matrix written in this way."""
        is_ours, is_well_formed, error_sum, reference_sum = self._error_sums(prompts, completions)
        within = Fraction(str(self.tolerance))
        close = (error_sum * within.denominator < reference_sum * within.numerator) | (
            (error_sum == 0) & (reference_sum == 0)
        )
        return [
            verdict if ours else None
            for ours, verdict in zip(is_ours.tolist(), (is_well_formed & close).tolist(), strict=True)
        ]

    def distances(self, prompts: Sequence[str], completions: Sequence[str]) -> Floats:
        """sum |answer - right| / sum |right|; infinite where there is no answer, NaN where the prompt is not ours."""
        is_ours, is_well_formed, error_sum, reference_sum = self._error_sums(prompts, completions)
        with np.errstate(all="ignore"):
            ratio = np.where(error_sum == 0, 0.0, error_sum / reference_sum)
        return np.where(is_ours, np.where(is_well_formed, ratio, np.inf), np.nan)

    def vocabulary(self) -> list[str]:
        """Every token of prompts and answers, the parts of grouped ones alone."""
        return list(dict.fromkeys([*self._prompt_shape, *self._answer_shape, *self.number_encoding.vocabulary()]))

    @property
    def _prompt_shape(self) -> list[str]:
        return [f"V{self.n}", f"V{self.n}"] if self.shapes else []

    @property
    def _answer_shape(self) -> list[str]:
        return [f"V{self.answer_count}", "V1"] if self.shapes else []

    def _draw_entries(self, indices: range, seed: int, split: Split) -> Units:
        """The entries of these examples, row by row."""
        entries = np.zeros((len(indices), self.n**2), np.int64)
        streams = {place: random_stream(self.name, seed, split, index) for place, index in enumerate(indices)}
        free = self.n * (self.n + 1) // 2 if self.symmetric else self.n**2
        while streams:
            draws = np.array([[rng.random() for _ in range(free)] for rng in streams.values()])
            drawn = self._fill_matrices(self.number_encoding.to_units(MAX_ENTRY * (2 * draws - 1)))
            for place, row in zip(list(streams), drawn, strict=True):
                if is_matrix_held_out(row) is (split == "test"):
                    entries[place] = row
                    del streams[place]
        return entries

    def _fill_matrices(self, free: Units) -> Units:
        """Every entry, from those on and above the diagonal where the matrix is symmetric."""
        if not self.symmetric:
            return free
        matrices = np.zeros((len(free), self.n, self.n), np.int64)
        rows, columns = np.triu_indices(self.n)
        matrices[:, rows, columns] = matrices[:, columns, rows] = free
        return matrices.reshape(len(free), -1)

    def _answer_units(self, entries: Units) -> Units:
        matrices = self.number_encoding.to_floats(entries).reshape(-1, self.n, self.n)
        return self.number_encoding.to_units(self.solve(matrices).reshape(len(entries), self.answer_count))

    def _error_sums(self, prompts: Sequence[str], completions: Sequence[str]) -> tuple[Bools, Bools, Units, Units]:
        """Where the prompt is ours and the completion an answer, and the two sums of the rule in units."""
        prompt_positions = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        prompt_texts = (
            [prompt.replace(TOKEN_JOINER, " ") for prompt in prompt_positions]
            if self.grouped
            else list(prompt_positions)
        )
        read = self._parse_texts(prompt_texts, self._prompt_shape, self.n**2)
        ours = [place for place, entries in enumerate(read) if entries is not None and self._is_valid_matrix(entries)]
        references = np.zeros((len(prompt_positions), self.answer_count), np.int64)
        if ours:
            references[ours] = self._answer_units(np.array([read[place] for place in ours], np.int64))
        of_row = np.array([prompt_positions[prompt] for prompt in prompts], np.int64)
        answers = self._parse_texts(completions, self._answer_shape, self.answer_count)
        is_well_formed = np.array([answer is not None for answer in answers], np.bool_)
        answered = np.array([answer or [0] * self.answer_count for answer in answers], np.int64).reshape(
            -1, self.answer_count
        )
        reference = references[of_row] if len(of_row) else references
        is_ours = np.isin(of_row, ours)
        return is_ours, is_well_formed, np.abs(answered - reference).sum(axis=1), np.abs(reference).sum(axis=1)

    def _is_valid_matrix(self, entries: list[int]) -> bool:
        matrix = np.array(entries).reshape(self.n, self.n)
        return not self.symmetric or bool((matrix == matrix.T).all())

    def _parse_texts(self, texts: Sequence[str], shape: list[str], count: int) -> list[list[int] | None]:
        """The numbers of each text, so many behind their shape; None where it is anything else."""
        cache: dict[str, int | None] = {}
        length = len(shape) + count * self.number_encoding.tokens_per_number
        found: list[list[int] | None] = []
        for text in texts:
            tokens = text.split()
            whole = len(tokens) == length and tokens[: len(shape)] == shape
            found.append(self.number_encoding.parse_numbers(tokens[len(shape) :], cache) if whole else None)
        return found


def is_matrix_held_out(entries: Units) -> bool:
    """Whether the matrix belongs to the test split."""
    return hash_fraction("held-out matrix", *entries.tolist()) < HELD_OUT_SHARE


def task_from_prompt(kind: type[MatrixTaskType], prompt: str) -> MatrixTaskType | None:
    """The task a prompt belongs to, as its tokens tell it; None if it is no matrix of ours."""
    grouped = TOKEN_JOINER in prompt
    tokens = prompt.replace(TOKEN_JOINER, " ").split()
    shapes = prompt.lstrip().startswith("V")
    numbers = tokens[2:] if shapes else tokens
    detected = detect_encoding(numbers) if numbers else None
    if detected is None:
        return None
    name, digits = detected
    try:
        smallest_task = kind(n=1, digits=digits, encoding=name, shapes=shapes, grouped=grouped)
        n = math.isqrt(len(numbers) // smallest_task.number_encoding.tokens_per_number)
        return replace(smallest_task, n=n)
    except UsageError:
        return None


def verify_answers(
    kind: type[MatrixTask], prompts: Sequence[str], completions: Sequence[str], tolerances: Sequence[Any] | None
) -> list[bool | None]:
    """As `right`, for prompts of any settings at once; a tolerance that is no number in (0, 1) is the row's error."""
    verdicts: list[bool | None] = [None] * len(prompts)
    bounds = [TOLERANCE] * len(prompts) if tolerances is None else [float(one) for one in tolerances]
    for task, rows in _group_by_task(kind, prompts, bounds):
        task_verdicts = task.verify([prompts[row] for row in rows], [completions[row] for row in rows])
        for row, right in zip(rows, task_verdicts, strict=True):
            verdicts[row] = right
    return verdicts


def closeness_scores(kind: type[MatrixTask], prompts: Sequence[str], completions: Sequence[str]) -> list[float | None]:
    """1 - distance, at least 0: a score for every tolerance; 0 where there is no answer."""
    scores: list[float | None] = [None] * len(prompts)
    for task, rows in _group_by_task(kind, prompts, [TOLERANCE] * len(prompts)):
        distances = task.distances([prompts[row] for row in rows], [completions[row] for row in rows])
        for row, distance in zip(rows, distances.tolist(), strict=True):
            scores[row] = None if math.isnan(distance) else max(0.0, 1 - distance)
    return scores


def _group_by_task(
    kind: type[MatrixTaskType], prompts: Sequence[str], bounds: Sequence[float]
) -> Iterator[tuple[MatrixTaskType, list[int]]]:
    """The rows of each task that prompts and tolerances tell."""
    task_of_prompt: dict[str, MatrixTaskType | None] = {}
    groups: dict[MatrixTaskType, list[int]] = {}
    for row, (prompt, bound) in enumerate(zip(prompts, bounds, strict=True)):
        if prompt not in task_of_prompt:
            task_of_prompt[prompt] = task_from_prompt(kind, prompt)
        task = task_of_prompt[prompt]
        if task is not None:
            groups.setdefault(replace(task, tolerance=bound), []).append(row)
    yield from groups.items()
