"""Which row of a side comes next: random, spread over prompts, and of known chance.

Every row of a side has exactly the same chance of being among its first n, for every n: rows stand in a circle
in seeded random order, prompt by prompt, and the golden ratio walks around it from a seeded start. So labels need no
weights, and a prompt with few rows is not labeled more often than its rows are worth. Because the walk leaves no large
gap, a prompt's number of labels stays close to its share of the side's rows: a second label falls into one prompt only
when its rows are due about one. With equal prompts and labels for up to three in eight of them, none gets a second.

The two sides are walked independently: a kept and a dropped row of one prompt may both come up. It does not know how
many labels each side gets: that is allocation.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.statistics.row_random import draw_number

Indices = npt.NDArray[np.int64]

CIRCLE = 1 << 64
GOLDEN_STEP = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio


def draw_numbers(ids: list[str], seed: int) -> npt.NDArray[np.uint64]:
    """The draw number of each row: the same as `draw_sql(seed, "plan", column)` in DuckDB."""
    return np.array([draw_number(seed, "plan", row_id) for row_id in ids], dtype=np.uint64)


def walk_rows(prompt: Indices | None, row_numbers: npt.NDArray[np.uint64], count: int, seed: int) -> Indices:
    """The first `count` rows of a side, in the order to label; a longer walk begins with the same rows."""
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


def _arrange_circle(prompt: Indices | None, row_numbers: npt.NDArray[np.uint64]) -> Indices:
    """Rows in random order, those of a prompt side by side."""
    if prompt is None or not len(prompt):
        return np.argsort(row_numbers, kind="stable").astype(np.int64)
    by_prompt = np.lexsort((row_numbers, prompt))
    begins = np.flatnonzero(np.diff(prompt[by_prompt], prepend=prompt[by_prompt[0]] - 1))
    sizes = np.diff(begins, append=len(prompt))
    first_draw = np.repeat(row_numbers[by_prompt[begins]], sizes)
    return by_prompt[np.lexsort((row_numbers[by_prompt], prompt[by_prompt], first_draw))].astype(np.int64)


def _find_free_place(next_free: dict[int, int], place: int, size: int) -> int:
    """The first place from here on that is not taken; shortens the way there for the next search."""
    visited = []
    while place in next_free:
        visited.append(place)
        place = next_free[place]
    for taken in visited:
        next_free[taken] = place
    return place % size
