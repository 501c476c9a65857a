"""Which candidates to label for a forecast: those that best-of-N would choose, drawn with known chances.

The chance of a row is proportional to its mean chance over n of being the best of n, plus a floor for all rows, so that
thresholds can be judged too. All chances are laid on a line, prompts in random order and their rows by score, and one
row is drawn from each step of length 1 (the ordered pivotal method of Deville and Tille). This spreads the labels over
prompts and scores and keeps each row's chance exact. The order to label is random, so the first labels are a random
part of all. The same seed and ids give the same rows, whatever the order of the table. No label is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from winnow.statistics.card_inputs import Floats, Integers
from winnow.statistics.forecasts.candidates import ScoredCandidates, best_of_n_weights
from winnow.statistics.forecasts.curves import default_n
from winnow.statistics.row_random import draw_number, row_generator

FLOOR_SHARE = 0.1  # the part of the budget that is spread evenly over all rows


@dataclass(frozen=True, eq=False)
class LabelSample:
    """Rows to label, in order, and the chance with which each was drawn."""

    rows: Integers
    chances: Floats


def sample_labels(
    candidates: ScoredCandidates, ids: Sequence[str], budget: int, n: Sequence[int] | None = None, seed: int = 0
) -> LabelSample:
    """Draw `budget` rows to label for a forecast of best-of-N at these n."""
    chance = inclusion_chances(candidates, budget, n)
    rows = _sample_rows(candidates, chance, ids, seed)
    labeling_order = np.array([draw_number(seed, "forecast-order", ids[row]) for row in rows], dtype=np.uint64)
    rows = rows[np.argsort(labeling_order, kind="stable")]
    return LabelSample(rows, chance[rows])


def inclusion_chances(candidates: ScoredCandidates, budget: int, n: Sequence[int] | None = None) -> Floats:
    """Return the chance of each row of being drawn; they add up to the budget, or to all rows."""
    rows = candidates.rows
    if budget >= rows:
        return np.ones(rows)
    ns = tuple(n) if n else default_n(candidates)
    mixture = np.mean([best_of_n_weights(candidates, size) for size in ns], axis=0) / candidates.prompts
    share = (1 - FLOOR_SHARE) * mixture + FLOOR_SHARE / rows
    certain = np.zeros(rows, dtype=np.bool_)
    while True:
        remaining = budget - int(certain.sum())
        chance = np.where(certain, 1.0, share * remaining / share[~certain].sum())
        over = (chance >= 1.0) & ~certain
        if not over.any():
            return chance
        certain |= over


def _sample_rows(candidates: ScoredCandidates, chance: Floats, ids: Sequence[str], seed: int) -> Integers:
    """Return the certain rows, and one row from each step of length 1 along the line of chances."""
    certain = chance >= 1.0
    row_line = _order_rows(candidates, ids, seed)
    row_line = row_line[~certain[row_line]]
    steps = round(float(chance[row_line].sum()))
    if not steps:
        return np.flatnonzero(certain)
    ends = np.cumsum(chance[row_line])
    ends *= steps / ends[-1]  # rounding must not change the number of rows
    positions = _sample_positions(ends, steps, row_generator(seed, "forecast-picks", ""))
    return np.sort(np.r_[np.flatnonzero(certain), row_line[positions]])


def _sample_positions(ends: Floats, steps: int, rng: np.random.Generator) -> Integers:
    """Return positions on the line, one in each step, none twice; every row is taken with the chance of its length.

    Within a step the position is uniform. A row that lies across two steps, with `before` and `after` of its length in
    them, is taken in the first with chance `before`, and otherwise in the second with chance after / (1 - before).
    """
    positions: list[int] = []
    last, before, after = -1, 0.0, 0.0
    for step, (retry_draw, place) in enumerate(rng.random((steps, 2)), start=1):
        straddling = last if after > 0 and (not positions or positions[-1] != last) else -1
        if straddling >= 0 and retry_draw < after / (1.0 - before):
            chosen = straddling
        else:
            at = step - 1 + after + place * (1.0 - after)
            chosen = min(int(np.searchsorted(ends, at, side="right")), len(ends) - 1)
        positions.append(chosen)
        last = min(int(np.searchsorted(ends, step, side="left")), len(ends) - 1)
        start = float(ends[last - 1]) if last else 0.0
        before, after = max(step - start, 0.0), max(float(ends[last]) - step, 0.0)
    return np.array(positions, dtype=np.int64)


def _order_rows(candidates: ScoredCandidates, ids: Sequence[str], seed: int) -> Integers:
    """Order prompts by the smallest draw number of their rows, rows by score, equal scores by draw number."""
    row_numbers = np.array([draw_number(seed, "forecast-picks", row_id) for row_id in ids], dtype=np.uint64)
    prompt_numbers = np.full(candidates.prompts, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(prompt_numbers, candidates.prompt, row_numbers)
    return np.lexsort((row_numbers, candidates.score, candidates.prompt, prompt_numbers[candidates.prompt]))
