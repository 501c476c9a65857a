"""The rows of a table as training examples (prompt, completion, weight), and their order in batches.

A row without prompt or completion is refused and its place is named; no row is skipped. The seed and the step alone
determine a batch, so that training can continue from any step. Each row occurs once in each pass. Rows of similar
length are batched together within a window of batches, to save padding.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from winnow.errors import BadTable, UsageError, format_value
from winnow.statistics.row_random import row_generator
from winnow.storage.canonical_json import canonical_json
from winnow.tables.table import Table

WEIGHT_COLUMN = "winnow_weight"
WINDOW_BATCHES = 8
"""How many batches form a window, whose rows are sorted by length."""


@dataclass(frozen=True)
class TrainingExamples:
    """Prompts, completions and weights, by row."""

    prompts: list[str]
    texts: list[str]
    weights: list[float]

    def __len__(self) -> int:
        return len(self.prompts)

    def sha256(self) -> str:
        """The sha256 of all examples."""
        digest = hashlib.sha256()
        for row in zip(self.prompts, self.texts, self.weights, strict=True):
            digest.update(canonical_json(row).encode() + b"\n")
        return digest.hexdigest()


def hash_rows(table: Table) -> str:
    """The sha256 of all columns of all rows of a table."""
    digest = hashlib.sha256()
    for chunk in table.source.chunks(table.bad_rows):
        for row in chunk.to_dicts():
            digest.update(json.dumps(row, sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()


def read_examples(table: Table) -> TrainingExamples:
    """Read every row of the table. A row with weight 0 has no influence; a negative weight is refused."""
    collected = TrainingExamples([], [], [])
    has_weights = WEIGHT_COLUMN in table.names()
    for chunk, parts in table.read_roles(["prompt_text", "text"], extra_columns=[WEIGHT_COLUMN] if has_weights else []):
        prompts, texts = (parts[name].to_pylist() for name in ("prompt_text", "text"))
        weights = chunk.values(WEIGHT_COLUMN) if has_weights else [1.0] * len(chunk)
        for position, (prompt, text, weight) in enumerate(zip(prompts, texts, weights, strict=True)):
            if prompt is None or text is None:
                problem = f"has no {'prompt' if prompt is None else 'text'}"
                raise BadTable(chunk.locate(position), problem, "Leave it out")
            collected.prompts.append(prompt)
            collected.texts.append(text)
            collected.weights.append(_parse_weight(weight, chunk.locate(position)))
    if not any(collected.weights):
        raise UsageError(table.name, "has no row with a weight to learn from", "Select more rows")
    return collected


def _parse_weight(value: object, place: str) -> float:
    try:
        weight = 1.0 if value in (None, "") else float(str(value))
    except ValueError:
        weight = -1.0
    if not (0 <= weight < float("inf")):
        problem = f"{WEIGHT_COLUMN} is {format_value(value)}, but must be a number of 0 or more"
        raise BadTable(place, problem, "Correct it")
    return weight


class BatchOrder:
    """The rows of the batch of each step; `lengths` are the tokens of prompt and completion of each row."""

    def __init__(self, lengths: Sequence[tuple[int, int]], batch: int, seed: int) -> None:
        self._lengths = np.array([prompt * 10_000 + completion for prompt, completion in lengths])
        self._batch_size, self._seed = batch, seed
        self._rows_of_pass = lru_cache(maxsize=4)(self._permute_rows)
        self._rows_of_window = lru_cache(maxsize=2)(self._build_window)

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The rows of this step."""
        chosen: npt.NDArray[np.int64] = self._rows_of_window(step // WINDOW_BATCHES)[step % WINDOW_BATCHES]
        return chosen

    def _permute_rows(self, pass_number: int) -> npt.NDArray[np.int64]:
        return row_generator(self._seed, "pass over the rows", str(pass_number)).permutation(len(self._lengths))

    def _build_window(self, window: int) -> npt.NDArray[np.int64]:
        """The next rows of the passes, sorted by length and cut into batches, which are shuffled."""
        rows, size = len(self._lengths), WINDOW_BATCHES * self._batch_size
        first_pass, begin = divmod(window * size, rows)
        last_pass = ((window + 1) * size - 1) // rows
        passes = np.concatenate([self._rows_of_pass(number) for number in range(first_pass, last_pass + 1)])
        in_window = passes[begin : begin + size]
        by_length = in_window[np.argsort(self._lengths[in_window], kind="stable")]
        order = row_generator(self._seed, "order of batches", str(window)).permutation(WINDOW_BATCHES)
        batches: npt.NDArray[np.int64] = by_length.reshape(WINDOW_BATCHES, self._batch_size)[order]
        return batches
