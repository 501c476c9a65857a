"""Tasks whose prompt is a square matrix, entry by entry, and whose answer is one or more numbers.

Entries are uniform in [-10, 10] and rounded to the digits of the encoding first, so the answer belongs to the matrix
that a model reads. An answer is right if sum |answer - reference| / sum |reference| < tolerance, decided in integers;
the reference is rounded too. Whether a matrix is in the test split follows from its entries alone.
eigenvalues.py and determinant.py define which numbers answer a matrix.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np

from winnow.errors import UsageError
from winnow.science.tasks.numbers.encodings import TOKEN_JOINER, NumberEncoding, detect_encoding
from winnow.science.tasks.seeded_random import hash_fraction, random_stream
from winnow.science.tasks.task import HELD_OUT_SHARE, Example, Split, check_request
from winnow.science.theory.arrays import Bools, Floats, Ints

MAX_ENTRY = 10
EXTRA_EXPONENTS = 2  # entries under a thousandth lose digits, so that there are few exponents
TOLERANCE = 0.05
_EXAMPLES_PER_CHUNK = 4_096
_TOLERANCE_DENOMINATOR = 10**4  # so that sums of units times it stay within 64 bits

Result = TypeVar("Result")


@dataclass(frozen=True)
class MatrixTask(ABC):
    """A task over n x n matrices; its fields are its settings.

    `shapes` puts two tokens with the numbers of rows and columns before prompt and answer. `grouped` joins the parts of
    each number of the prompt by `|` into one token, for models that sum the embeddings of the parts.
    """

    name: ClassVar[str]
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
        _ = self.number_encoding  # refuses wrong digits and encodings

    @property
    @abstractmethod
    def answer_count(self) -> int:
        """The number of numbers that answer a matrix."""

    @property
    @abstractmethod
    def answer_bound(self) -> float:
        """An upper bound on the numbers of an answer."""

    @abstractmethod
    def solve(self, matrix_stack: Floats) -> Floats:
        """Return the numbers that answer each matrix, in order."""

    @cached_property
    def number_encoding(self) -> NumberEncoding:
        """The encoding of entries and answers."""
        highest = len(str(math.ceil(max(self.answer_bound, MAX_ENTRY)))) - self.digits
        lowest = -(self.digits + EXTRA_EXPONENTS)
        return NumberEncoding(self.encoding, self.digits, lowest, max(highest, lowest))

    def examples(self, count: int, seed: int, split: Split = "train", first: int = 0) -> list[Example]:
        check_request(count, split, first)
        prompt_prefix, answer_prefix = (" ".join([*shape, ""]) for shape in (self._prompt_shape, self._answer_shape))
        examples: list[Example] = []
        for start in range(first, first + count, _EXAMPLES_PER_CHUNK):
            entries = self._draw_entries(range(start, min(start + _EXAMPLES_PER_CHUNK, first + count)), seed, split)
            prompts = self.number_encoding.format_rows(entries, self.grouped)
            answers = self.number_encoding.format_rows(self._answer_units(entries))
            pairs = zip(prompts, answers, strict=True)
            examples += [Example(prompt_prefix + prompt, answer_prefix + answer) for prompt, answer in pairs]
        return examples

    def verify(self, prompts: Sequence[str], completions: Sequence[str]) -> list[bool | None]:
        """Verify each completion; None where the prompt is not a matrix with these settings."""
        is_known, is_well_formed, error_sum, reference_sum = self._error_sums(prompts, completions)
        tolerance = Fraction(str(self.tolerance))
        is_close = error_sum * tolerance.denominator < reference_sum * tolerance.numerator
        is_right = is_well_formed & (is_close | ((error_sum == 0) & (reference_sum == 0)))
        return [right if known else None for known, right in zip(is_known.tolist(), is_right.tolist(), strict=True)]

    def distances(self, prompts: Sequence[str], completions: Sequence[str]) -> Floats:
        """Return sum |answer - reference| / sum |reference|: infinite without an answer, NaN for other prompts."""
        is_known, is_well_formed, error_sum, reference_sum = self._error_sums(prompts, completions)
        with np.errstate(all="ignore"):
            ratio = np.where(error_sum == 0, 0.0, error_sum / reference_sum)
        return np.where(is_known, np.where(is_well_formed, ratio, np.inf), np.nan)

    @property
    def _prompt_shape(self) -> list[str]:
        return [f"V{self.n}", f"V{self.n}"] if self.shapes else []

    @property
    def _answer_shape(self) -> list[str]:
        return [f"V{self.answer_count}", "V1"] if self.shapes else []

    def _draw_entries(self, indices: range, seed: int, split: Split) -> Ints:
        """Draw the entries of each example from its own stream until the matrix lies in the split."""
        entries = np.zeros((len(indices), self.n**2), np.int64)
        streams = {row: random_stream(self.name, seed, split, index) for row, index in enumerate(indices)}
        free = self.n * (self.n + 1) // 2 if self.symmetric else self.n**2
        while streams:
            draws = np.array([[rng.random() for _ in range(free)] for rng in streams.values()])
            drawn = self._fill_matrices(self.number_encoding.to_units(MAX_ENTRY * (2 * draws - 1)))
            for row, matrix in zip(list(streams), drawn, strict=True):
                is_held_out = hash_fraction("held-out matrix", *matrix.tolist()) < HELD_OUT_SHARE
                if is_held_out is (split == "test"):
                    entries[row] = matrix
                    del streams[row]
        return entries

    def _fill_matrices(self, free: Ints) -> Ints:
        """All entries; of a symmetric matrix only those on and above the diagonal are drawn."""
        if not self.symmetric:
            return free
        filled = np.zeros((len(free), self.n, self.n), np.int64)
        rows, columns = np.triu_indices(self.n)
        filled[:, rows, columns] = filled[:, columns, rows] = free
        return filled.reshape(len(free), -1)

    def _answer_units(self, entries: Ints) -> Ints:
        stack = self.number_encoding.to_floats(entries).reshape(-1, self.n, self.n)
        return self.number_encoding.to_units(self.solve(stack).reshape(len(entries), self.answer_count))

    def _error_sums(self, prompts: Sequence[str], completions: Sequence[str]) -> tuple[Bools, Bools, Ints, Ints]:
        """Which prompts belong to the task, which completions are answers, and both sums of the rule in units."""
        prompt_numbers = {prompt: number for number, prompt in enumerate(dict.fromkeys(prompts))}
        joiner = TOKEN_JOINER if self.grouped else " "
        matrices = self._parse_texts([p.replace(joiner, " ") for p in prompt_numbers], self._prompt_shape, self.n**2)
        known = [number for number, entries in enumerate(matrices) if entries and self._is_valid_matrix(entries)]
        references = np.zeros((len(prompt_numbers), self.answer_count), np.int64)
        if known:
            references[known] = self._answer_units(np.array([matrices[number] for number in known], np.int64))
        number_of_row = np.array([prompt_numbers[prompt] for prompt in prompts], np.int64)
        parsed = self._parse_texts(completions, self._answer_shape, self.answer_count)
        is_well_formed = np.array([answer is not None for answer in parsed], np.bool_)
        answers = np.array([answer or [0] * self.answer_count for answer in parsed], np.int64)
        reference = references[number_of_row]
        error_sum = np.abs(answers.reshape(-1, self.answer_count) - reference).sum(axis=1)
        return np.isin(number_of_row, known), is_well_formed, error_sum, np.abs(reference).sum(axis=1)

    def _is_valid_matrix(self, entries: list[int]) -> bool:
        matrix = np.array(entries).reshape(self.n, self.n)
        return not self.symmetric or bool((matrix == matrix.T).all())

    def _parse_texts(self, texts: Sequence[str], shape: list[str], count: int) -> list[list[int] | None]:
        """The `count` numbers of each text after its shape; None where the text is anything else."""
        cache: dict[str, int | None] = {}
        length = len(shape) + count * self.number_encoding.tokens_per_number
        numbers: list[list[int] | None] = []
        for text in texts:
            tokens = text.split()
            is_complete = len(tokens) == length and tokens[: len(shape)] == shape
            numbers.append(self.number_encoding.parse_numbers(tokens[len(shape) :], cache) if is_complete else None)
        return numbers


def task_from_prompt(kind: type[MatrixTask], prompt: str) -> MatrixTask | None:
    """Return the task that the tokens of a prompt belong to; None if the prompt is not a matrix."""
    grouped = TOKEN_JOINER in prompt
    tokens = prompt.replace(TOKEN_JOINER, " ").split()
    shapes = prompt.lstrip().startswith("V")
    numbers = tokens[2:] if shapes else tokens
    detected = detect_encoding(numbers) if numbers else None
    if detected is None:
        return None
    try:
        task = kind(n=1, digits=detected[1], encoding=detected[0], shapes=shapes, grouped=grouped)
        return replace(task, n=math.isqrt(len(numbers) // task.number_encoding.tokens_per_number))
    except UsageError:
        return None


def verify_answers(
    kind: type[MatrixTask], prompts: Sequence[str], completions: Sequence[str], tolerances: Sequence[Any] | None
) -> list[bool | None]:
    """Verify completions of prompts with any settings, each with its own tolerance (default 5%).

    Raises:
        UsageError: a tolerance is not a number between 0 and 1 with at most four decimals.
    """
    bounds = [TOLERANCE] * len(prompts) if tolerances is None else [float(tolerance) for tolerance in tolerances]
    return _map_by_task(kind, prompts, completions, bounds, lambda task, *texts: task.verify(*texts))


def closeness_scores(kind: type[MatrixTask], prompts: Sequence[str], completions: Sequence[str]) -> list[float | None]:
    """Score 1 - distance, at least 0, and 0 without an answer; None for a prompt that is not a matrix."""

    def scores(task: MatrixTask, *texts: Sequence[str]) -> list[float | None]:
        distances = task.distances(*texts).tolist()
        return [None if math.isnan(distance) else max(0.0, 1 - distance) for distance in distances]

    return _map_by_task(kind, prompts, completions, [TOLERANCE] * len(prompts), scores)


def _map_by_task(
    kind: type[MatrixTask],
    prompts: Sequence[str],
    completions: Sequence[str],
    bounds: Sequence[float],
    function: Callable[[MatrixTask, Sequence[str], Sequence[str]], list[Result]],
) -> list[Result | None]:
    """Apply the function to the rows of each task among the prompts; None where a prompt belongs to no task."""
    task_of_prompt = {prompt: task_from_prompt(kind, prompt) for prompt in dict.fromkeys(prompts)}
    groups: dict[MatrixTask, list[int]] = {}
    for row, (prompt, bound) in enumerate(zip(prompts, bounds, strict=True)):
        if (task := task_of_prompt[prompt]) is not None:
            groups.setdefault(replace(task, tolerance=bound), []).append(row)
    results: list[Result | None] = [None] * len(prompts)
    for task, rows in groups.items():
        values = function(task, [prompts[row] for row in rows], [completions[row] for row in rows])
        for row, value in zip(rows, values, strict=True):
            results[row] = value
    return results
