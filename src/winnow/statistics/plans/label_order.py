"""The order in which to label the rows of a side: random, spread over prompts, with known chances.

Every row of a side has the same chance of being among its first n, for every n: rows are arranged in a circle in seeded
random order, prompt by prompt, and steps of the golden ratio walk around it from a seeded start. So labels need no
weights, and because the walk leaves no large gaps, a prompt's number of labels stays close to its share of the rows.
With equal prompts and labels for up to three in eight of them, no prompt gets a second label. The two sides are walked
independently.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.statistics.card_inputs import Integers
from winnow.statistics.row_random import draw_number

CIRCLE = 1 << 64
GOLDEN_STEP = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio


def draw_numbers(ids: list[str], seed: int) -> npt.NDArray[np.uint64]:
    """Return the draw number of each row: the same as `draw_sql(seed, "plan", column)` in DuckDB."""
    return np.array([draw_number(seed, "plan", row_id) for row_id in ids], dtype=np.uint64)


def walk_rows(prompt: Integers | None, row_numbers: npt.NDArray[np.uint64], count: int, seed: int) -> Integers:
    """Return the first `count` rows of a side, in the order to label; a longer walk begins with the same rows."""
    circle = _arrange_circle(prompt, row_numbers)
    size, point = len(circle), draw_number(seed, "plan", "where the walk starts")
    next_free: dict[int, int] = {}
    chosen = np.empty(min(count, size), dtype=np.int64)
    for step in range(len(chosen)):
        place = _find_free_place(next_free, point * size // CIRCLE, size)
        next_free[place] = (place + 1) % size
        chosen[step] = circle[place]
        point = (point + GOLDEN_STEP) % CIRCLE
    return chosen


def _arrange_circle(prompt: Integers | None, row_numbers: npt.NDArray[np.uint64]) -> Integers:
    """Return rows in random order, those of a prompt next to one another."""
    if prompt is None or not len(prompt):
        return np.argsort(row_numbers, kind="stable").astype(np.int64)
    by_prompt = np.lexsort((row_numbers, prompt))
    begins = np.flatnonzero(np.diff(prompt[by_prompt], prepend=prompt[by_prompt[0]] - 1))
    sizes = np.diff(begins, append=len(prompt))
    first_draw = np.repeat(row_numbers[by_prompt[begins]], sizes)
    return by_prompt[np.lexsort((row_numbers[by_prompt], prompt[by_prompt], first_draw))].astype(np.int64)


def _find_free_place(next_free: dict[int, int], place: int, size: int) -> int:
    """Return the first free position from here on, and shorten the path for the next search."""
    visited = []
    while place in next_free:
        visited.append(place)
        place = next_free[place]
    for taken in visited:
        next_free[taken] = place
    return place % size
