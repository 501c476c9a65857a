"""Shares of right rows as weighted means of labels: a value and an interval by prompt, or the reason why there is none.

With all labels a share is exact. Otherwise each label is weighted by the inverse of its chance of being drawn, and the
sum is divided by the sum of these weights (Hajek), which stays unbiased when only the first labels of a plan were made.
The bootstrap resamples prompts, not rows. Intervals are about prompts like these, not about these prompts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtr, stdtrit

from winnow.statistics.card_inputs import Floats, Integers
from winnow.statistics.forecasts.candidates import ScoredCandidates

MOST_BLOCKS = 4000  # more prompts than this are resampled in random groups, which changes intervals by less than 1%

LEAST_EXPECTED_LABELS = 30
LEAST_LABELS = 20
LEAST_PROMPTS = 10
"""A value needs at least this many labels and prompts, counted as equal weights (Kish). With labels drawn at random the
expected number of such labels decides and the actual one may be slightly lower: whether a value is shown must not
depend on the labels that happened to be drawn, or the shown values would be biased.
"""

LEVEL = 0.95

TOO_FEW_PROMPTS = "there are too few prompts for an interval"


@dataclass(frozen=True)
class WeightTally:
    """The sums of a weighting by block of prompts, and how much of it the labels cover."""

    right: Floats  # the weight of right rows, according to the labels
    represented: Floats  # the weight that the labels stand for
    total: Floats  # the whole weight; per prompt, the factor of a share whose rule skips prompts
    labeled_weight: float
    effective_labels: float
    effective_prompts: float
    is_visible: bool


@dataclass(frozen=True)
class ForecastInterval:
    """A share with its interval; None with the reason `why` where the labels do not determine it."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str | None = None

    def to_dict(self, value_name: str = "value") -> dict[str, float | None]:
        return {value_name: self.value, "low": self.low, "high": self.high}


class PromptBlocks:
    """The prompts of a table as units of resampling, with their labels."""

    def __init__(self, candidates: ScoredCandidates, seed: int) -> None:
        self.candidates = candidates
        prompts = candidates.prompts
        self.count = min(prompts, MOST_BLOCKS)
        self._block_of_prompt = np.arange(prompts)
        if prompts > MOST_BLOCKS:
            order = np.random.default_rng([seed, 2]).permutation(prompts).astype(np.int64)
            self._block_of_prompt = order % self.count
        self.prompts_per_block = np.bincount(self._block_of_prompt, minlength=self.count).astype(np.float64)
        self._labeled_rows = candidates.labeled
        self._right = candidates.right[self._labeled_rows]

    def tally_weights(self, weights: Floats, per_prompt: bool) -> WeightTally:
        """Sum weights by block; `per_prompt` counts prompts without a kept row as not right."""
        represented_by_row = weights[self._labeled_rows] * self.candidates.label_weight
        prompt = self.candidates.prompt[self._labeled_rows]
        total_by_block = self._sum_by_block(self.candidates.prompt, weights) if per_prompt else self.prompts_per_block
        total, represented = float(weights.sum()), _sum_by_group(prompt, represented_by_row, self.candidates.prompts)
        labels, prompts = _effective_count(represented_by_row), _effective_count(represented)
        if self.candidates.label_source == "random":
            expected = _effective_count(weights) * len(self._labeled_rows) / self.candidates.rows
            labels = expected if labels >= LEAST_LABELS else min(labels, expected)
        complete = self.candidates.label_source == "complete"
        return WeightTally(
            self._sum_by_block(prompt, represented_by_row * self._right),
            _sum_by_group(self._block_of_prompt, represented, self.count),
            total_by_block,
            float(weights[self._labeled_rows].sum()) / total if total > 0 else 0.0,
            labels,
            prompts,
            total > 0 and (complete or (labels >= LEAST_EXPECTED_LABELS and prompts >= self._prompts_needed(weights))),
        )

    def _prompts_needed(self, weights: Floats) -> float:
        """Return the least number of prompts, or half of the covered ones if they are few."""
        covered_prompts = np.count_nonzero(np.bincount(self.candidates.prompt, weights, self.candidates.prompts))
        return min(LEAST_PROMPTS, covered_prompts / 2)

    def _sum_by_block(self, prompt: Integers, values: Floats) -> Floats:
        return _sum_by_group(self._block_of_prompt[prompt], values, self.count)


def _sum_by_group(group: Integers, values: Floats, groups: int) -> Floats:
    return np.bincount(group, values, groups).astype(np.float64, copy=False)


def _effective_count(weights: Floats) -> float:
    """Return the number of equal weights with the same variance (Kish)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def share_values(tallies: Sequence[WeightTally], counts: Floats, prompts: Floats) -> Floats:
    """Return the shares when block b is taken counts[..., b] times; NaN without labels."""
    right, represented, total = (
        counts @ np.stack([getattr(tally, name) for tally in tallies], axis=1)
        for name in ("right", "represented", "total")
    )
    share = np.divide(right, represented, out=np.full_like(right, np.nan), where=represented > 0)
    return np.asarray(share * total / (counts @ prompts)[..., None])


def share_value(blocks: PromptBlocks, tally: WeightTally) -> float | None:
    """Return the share over all blocks; None without labels."""
    share = float(share_values([tally], np.ones(blocks.count), blocks.prompts_per_block)[0])
    return None if np.isnan(share) else share


def bootstrap_shares(prompts: Floats, tallies: Sequence[WeightTally], repeats: int, seed: int) -> Floats:
    """Return the shares in `repeats` resamples of blocks, the same resamples for all shares."""
    rng = np.random.default_rng([seed, 3])
    blocks = len(prompts)
    step = max(1, 1_000_000 // blocks)
    parts = []
    for start in range(0, repeats, step):
        count = min(step, repeats - start)
        block_draws = rng.integers(0, blocks, (count, blocks)) + blocks * np.arange(count)[:, None]
        times = np.bincount(block_draws.ravel(), minlength=count * blocks).reshape(count, blocks)
        parts.append(share_values(tallies, times.astype(np.float64), prompts))
    return np.concatenate(parts)


def paired_standard_error(first: WeightTally, second: WeightTally, block_counts: Floats, prompts: Floats) -> float:
    """Return the standard error of the difference of two shares over these blocks, to first order."""
    influence = _influence(first, block_counts, prompts) - _influence(second, block_counts, prompts)
    return float(np.sqrt((block_counts * influence**2).sum()))


def _influence(tally: WeightTally, block_counts: Floats, prompts: Floats) -> Floats:
    """Return the change of the share caused by each block."""
    right, represented, total, all_prompts = (
        float(block_counts @ part) for part in (tally.right, tally.represented, tally.total, prompts)
    )
    if represented <= 0 or all_prompts <= 0:
        return np.zeros(len(prompts))
    share = right / represented
    direct = (tally.right - share * tally.represented) / represented * (total / all_prompts)
    return np.asarray(direct + share * (tally.total - total / all_prompts * prompts) / all_prompts)


def percentile_interval(tally: WeightTally, center: float, shares: Floats) -> tuple[float | None, float | None]:
    """Return percentiles of the replicates, widened as a t interval for few prompts; None for one prompt."""
    known = shares[~np.isnan(shares)]
    if tally.effective_prompts < 1.5 or len(known) < LEVEL * len(shares):
        return None, None
    if float(np.ptp(known)) <= 1e-12:
        return _jeffreys_interval(center, min(tally.effective_labels, tally.effective_prompts))
    low, high = widened_quantiles(known, tally.effective_prompts)
    return min(low, center), max(high, center)


def widened_quantiles(draws: Floats, units: float) -> tuple[float, float]:
    """Return the percentiles of draws over `units` prompts, widened as a t interval."""
    low, high = np.quantile(draws, [widened_tail(units), 1 - widened_tail(units)])
    return float(low), float(high)


def widened_tail(units: float) -> float:
    """Return the tail of a percentile interval over `units` prompts that misses 2.5% on each side."""
    tail = stdtrit(max(units - 1.0, 1.0), (1 - LEVEL) / 2)
    return float(ndtr(tail * np.sqrt(units / max(units - 1.0, 0.5))))


def _jeffreys_interval(center: float, units: float) -> tuple[float, float]:
    """Return Jeffreys' interval of `units` agreeing prompts, where resampling shows no variance."""
    a, b = center * units + 0.5, (1 - center) * units + 0.5
    low, high = betaincinv(a, b, (1 - LEVEL) / 2), betaincinv(a, b, (1 + LEVEL) / 2)
    return float(0.0 if center <= 0 else min(low, center)), float(1.0 if center >= 1 else max(high, center))


def estimate_share(blocks: PromptBlocks, tally: WeightTally, shares: Floats) -> ForecastInterval:
    """Return value and interval, or the reason why there is none."""
    center = share_value(blocks, tally)
    if center is None or not tally.is_visible:
        return ForecastInterval(None, why=explain_missing_value(tally))
    low, high = percentile_interval(tally, center, shares)
    return ForecastInterval(center, low, high, TOO_FEW_PROMPTS if low is None else None)


def explain_missing_value(tally: WeightTally) -> str:
    """Return why the labels do not determine a value."""
    if tally.total.sum() == 0:
        return "the rule keeps no row"
    return (
        f"the labels are worth {tally.effective_labels:.0f} rows from {tally.effective_prompts:.0f} prompts;"
        f" {LEAST_EXPECTED_LABELS} rows and {LEAST_PROMPTS} prompts are needed (or half of all prompts)"
    )
