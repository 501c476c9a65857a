"""The rows of a table as examples: prompt, completion and weight; and which of them make each batch.

Promises: a row without prompt or text is refused by its place, never skipped. What makes a batch follows from the seed
and the step alone, so training goes on from any step without knowing those before. Each row comes once in each pass.
Rows of like length are put together within a window of batches, so that little is padded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from winnow.data.errors import BadTable, UsageError, shown
from winnow.data.streams import stream
from winnow.data.table import Table
from winnow.data.values import canonical

WEIGHT = "winnow_weight"
WINDOW = 8
"""Batches whose rows are sorted by length together."""


@dataclass(frozen=True)
class Examples:
    """Rows to learn from."""

    prompts: list[str]
    texts: list[str]
    weights: list[float]

    def __len__(self) -> int:
        return len(self.prompts)

    def sha256(self) -> str:
        """Of all that is learned from."""
        digest = hashlib.sha256()
        for row in zip(self.prompts, self.texts, self.weights, strict=True):
            digest.update(canonical(row).encode() + b"\n")
        return digest.hexdigest()


def sha256_of_rows(table: Table) -> str:
    """Of every row of a table, all its columns."""
    digest = hashlib.sha256()
    for chunk in table.source.chunks(table.bad):
        for row in chunk.dicts():
            digest.update(json.dumps(row, sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()


def examples(table: Table) -> Examples:
    """Every row of the table. A weight of 0 leaves a row out of the sum; below 0 it is refused."""
    found = Examples([], [], [])
    weighted = WEIGHT in table.names()
    for chunk, parts in table.parts(["prompt_text", "text"], also=[WEIGHT] if weighted else []):
        prompts, texts = (parts[name].to_pylist() for name in ("prompt_text", "text"))
        weights = chunk.values(WEIGHT) if weighted else [1.0] * len(chunk)
        for place, (prompt, text, weight) in enumerate(zip(prompts, texts, weights, strict=True)):
            if prompt is None or text is None:
                raise BadTable(chunk.place(place), f"has no {'prompt' if prompt is None else 'text'}", "Leave it out")
            found.prompts.append(prompt)
            found.texts.append(text)
            found.weights.append(_weight(weight, chunk.place(place)))
    if not any(found.weights):
        raise UsageError(table.name, "has no row with a weight to learn from", "Select more rows")
    return found


def _weight(given: object, place: str) -> float:
    try:
        weight = 1.0 if given in (None, "") else float(str(given))
    except ValueError:
        weight = -1.0
    if not (0 <= weight < float("inf")):
        raise BadTable(place, f"{WEIGHT} is {shown(given)}, but must be a number of 0 or more", "Correct it")
    return weight


class Order:
    """Which rows make the batch of a step."""

    def __init__(self, lengths: Sequence[tuple[int, int]], batch: int, seed: int) -> None:
        self._lengths = np.array([read * 10_000 + placed for read, placed in lengths])
        self._batch, self._seed = batch, seed
        self._pass = lru_cache(maxsize=4)(self._permuted)
        self._window = lru_cache(maxsize=2)(self._batches)

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The rows of this step."""
        chosen: npt.NDArray[np.int64] = self._window(step // WINDOW)[step % WINDOW]
        return chosen

    def _permuted(self, number: int) -> npt.NDArray[np.int64]:
        return stream(self._seed, "pass over the rows", str(number)).permutation(len(self._lengths))

    def _batches(self, window: int) -> npt.NDArray[np.int64]:
        """The next rows of the passes, sorted by length and cut; which batch comes first is drawn."""
        rows, size = len(self._lengths), WINDOW * self._batch
        first, last = window * size, (window + 1) * size
        passes = np.concatenate([self._pass(number) for number in range(first // rows, (last - 1) // rows + 1)])
        begin = first - first // rows * rows
        taken = passes[begin : begin + size]
        in_length = taken[np.argsort(self._lengths[taken], kind="stable")].reshape(WINDOW, self._batch)
        mixed: npt.NDArray[np.int64] = in_length[
            stream(self._seed, "order of batches", str(window)).permutation(WINDOW)
        ]
        return mixed
