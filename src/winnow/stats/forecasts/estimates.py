"""Shares of right rows from all labels or from few: a value, an interval by prompt, or why labels cannot see one.

A share is a weighted mean of labels. With all labels it is exact. With few, each labeled row speaks for one over the
chance it was drawn with, and the sum is divided by the sum of what the labels speak for (Hajek). So it stays right
when only the first labels of a plan were made, which are a random part of them.
Promises: prompts, not rows, are what the bootstrap draws again; equal input gives equal output; nothing is divided
by zero: what cannot be said is None. Intervals speak about prompts like these, not about these prompts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtr, stdtrit

from winnow.stats.forecasts.candidates import Candidates, Floats, Ints

MOST_BLOCKS = 4000
"""More prompts than this are resampled in random groups: the same answer within 1%, at a cost that stays bounded."""

LABELS_TO_SEE = 30
LABELS_AT_HAND = 20
PROMPTS_TO_SEE = 10
"""A value stands on at least this many labels and prompts, counted as equal weights would have it (Kish). For labels
drawn at random it is how many such labels are to be expected that decides, and those at hand may be a few less:
whether a value is shown must not hang on which labels came, or the shown ones lean to a side."""

LEVEL = 0.95

TOO_FEW_PROMPTS = "it stands on too few prompts for an interval"


@dataclass(frozen=True)
class Tally:
    """What a weighting comes to in each block of prompts, and how much of it the labels see."""

    right: Floats
    """The weight of right rows, as far as labels tell."""
    spoken: Floats
    """The weight the labels speak for."""
    whole: Floats
    """The weight there is: summed, per prompt, it is what a share is multiplied by where a rule skips prompts."""
    labeled_weight: float
    labels: float
    prompts: float
    seen: bool


@dataclass(frozen=True)
class Estimate:
    """A share with its interval; None where it cannot be said, and `why`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str | None = None

    def plain(self) -> dict[str, float | None]:
        return {"value": self.value, "low": self.low, "high": self.high}


class Blocks:
    """The prompts of a table as the units of resampling, and the labels as they fall on them."""

    def __init__(self, candidates: Candidates, seed: int) -> None:
        self.candidates = candidates
        prompts = candidates.prompts
        self.count = min(prompts, MOST_BLOCKS)
        few = prompts <= MOST_BLOCKS
        self._of_prompt = (
            np.arange(prompts)
            if few
            else np.random.default_rng([seed, 2]).permutation(prompts).astype(np.int64) % self.count
        )
        self.prompts = np.bincount(self._of_prompt, minlength=self.count).astype(np.float64)
        self._rows = candidates.labeled
        self._right = candidates.right[self._rows]

    def tally(self, weights: Floats, per_prompt: bool) -> Tally:
        """`per_prompt`: prompts the rule keeps nothing of count as not right; else the share is over what is kept."""
        carried = weights[self._rows] * self.candidates.stands_for
        prompt = self.candidates.prompt[self._rows]
        whole = self._sum(self.candidates.prompt, weights) if per_prompt else self.prompts
        total, spoken = float(weights.sum()), _totals(prompt, carried, self.candidates.prompts)
        labels, prompts = _kish(carried), _kish(spoken)
        if self.candidates.labels == "random":
            expected = _kish(weights) * len(self._rows) / self.candidates.rows
            labels = expected if labels >= LABELS_AT_HAND else min(labels, expected)
        complete = self.candidates.labels == "complete"
        return Tally(
            self._sum(prompt, carried * self._right),
            _totals(self._of_prompt, spoken, self.count),
            whole,
            float(weights[self._rows].sum()) / total if total > 0 else 0.0,
            labels,
            prompts,
            total > 0 and (complete or (labels >= LABELS_TO_SEE and prompts >= self._prompts_needed(weights))),
        )

    def _prompts_needed(self, weights: Floats) -> float:
        """Half of those that are kept, where they are few."""
        served = np.count_nonzero(np.bincount(self.candidates.prompt, weights, self.candidates.prompts))
        return min(PROMPTS_TO_SEE, served / 2)

    def _sum(self, prompt: Ints, values: Floats) -> Floats:
        return _totals(self._of_prompt[prompt], values, self.count)


def _totals(group: Ints, values: Floats, groups: int) -> Floats:
    return np.bincount(group, values, groups).astype(np.float64, copy=False)


def _kish(weights: Floats) -> float:
    """How many equal weights would vary as little as these."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def values(tallies: Sequence[Tally], counts: Floats, prompts: Floats) -> Floats:
    """The shares when block b is taken counts[..., b] times; NaN where no label speaks."""
    right, spoken, whole = (
        counts @ np.stack([getattr(tally, name) for tally in tallies], axis=1) for name in ("right", "spoken", "whole")
    )
    share = np.divide(right, spoken, out=np.full_like(right, np.nan), where=spoken > 0)
    return np.asarray(share * whole / (counts @ prompts)[..., None])


def value(blocks: Blocks, tally: Tally) -> float | None:
    """The share itself."""
    share = float(values([tally], np.ones(blocks.count), blocks.prompts)[0])
    return None if np.isnan(share) else share


def replicates(prompts: Floats, tallies: Sequence[Tally], repeats: int, seed: int) -> Floats:
    """The shares in `repeats` tables whose blocks are drawn again with replacement, all shares from the same draws."""
    rng = np.random.default_rng([seed, 3])
    blocks = len(prompts)
    step = max(1, 1_000_000 // blocks)
    parts = []
    for start in range(0, repeats, step):
        count = min(step, repeats - start)
        drawn = rng.integers(0, blocks, (count, blocks)) + blocks * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * blocks).reshape(count, blocks)
        parts.append(values(tallies, times.astype(np.float64), prompts))
    return np.concatenate(parts)


def paired_error(one: Tally, other: Tally, taken: Floats, prompts: Floats) -> float:
    """The standard error of the difference of two shares over the blocks taken, to first order."""
    moves = _moves(one, taken, prompts) - _moves(other, taken, prompts)
    return float(np.sqrt((taken * moves**2).sum()))


def _moves(tally: Tally, taken: Floats, prompts: Floats) -> Floats:
    """How far each block alone moves the share."""
    right, spoken, whole, every = (float(taken @ part) for part in (tally.right, tally.spoken, tally.whole, prompts))
    if spoken <= 0 or every <= 0:
        return np.zeros(len(prompts))
    share = right / spoken
    own = (tally.right - share * tally.spoken) / spoken * (whole / every)
    return np.asarray(own + share * (tally.whole - whole / every * prompts) / every)


def interval(tally: Tally, center: float, drawn: Floats) -> tuple[float | None, float | None]:
    """Percentiles of the replicates, widened as a t interval is for few prompts; None for one prompt."""
    known = drawn[~np.isnan(drawn)]
    if tally.prompts < 1.5 or len(known) < LEVEL * len(drawn):
        return None, None
    if float(np.ptp(known)) <= 1e-12:
        return _unvaried(center, min(tally.labels, tally.prompts))
    low, high = np.quantile(known, [widened(tally.prompts), 1 - widened(tally.prompts)])
    return float(min(low, center)), float(max(high, center))


def widened(units: float) -> float:
    """The tail that a percentile interval over `units` prompts leaves out, to miss one time in forty on each side."""
    tail = stdtrit(max(units - 1.0, 1.0), (1 - LEVEL) / 2)
    return float(ndtr(tail * np.sqrt(units / max(units - 1.0, 0.5))))


def _unvaried(center: float, units: float) -> tuple[float, float]:
    """Where all prompts agree, resampling knows no doubt: the interval of as many agreeing prompts (Jeffreys)."""
    a, b = center * units + 0.5, (1 - center) * units + 0.5
    low, high = betaincinv(a, b, (1 - LEVEL) / 2), betaincinv(a, b, (1 + LEVEL) / 2)
    return float(0.0 if center <= 0 else min(low, center)), float(1.0 if center >= 1 else max(high, center))


def estimate(blocks: Blocks, tally: Tally, drawn: Floats) -> Estimate:
    """Value and interval, or the reason why there is none."""
    center = value(blocks, tally)
    if center is None or not tally.seen:
        return Estimate(None, why=unseen(tally))
    low, high = interval(tally, center, drawn)
    return Estimate(center, low, high, TOO_FEW_PROMPTS if low is None else None)


def unseen(tally: Tally) -> str:
    """Why the labels cannot see a value."""
    if tally.whole.sum() == 0:
        return "nothing is kept"
    return (
        f"the labels weigh as much as {tally.labels:.0f} rows from {tally.prompts:.0f} prompts; "
        f"{LABELS_TO_SEE} rows and {PROMPTS_TO_SEE} prompts are needed (fewer prompts, if half of all)"
    )
