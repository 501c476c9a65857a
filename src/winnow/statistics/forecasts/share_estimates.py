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
from winnow.statistics.intervals import IntervalEstimate

MOST_BLOCKS = 4000  # more prompts than this are resampled in random groups, which changes intervals by less than 1%

LEAST_EXPECTED_LABELS = 30
LEAST_LABELS = 20
LEAST_PROMPTS = 10
"""A value needs at least this many labels and prompts, counted as equal weights (Kish). With labels drawn at random the
expected number of such labels decides and the actual one may be slightly lower: whether a value is shown must not
depend on the labels that happened to be drawn, or the shown values would be biased.
"""

LEVEL = 0.95

REPEATS = 2000

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
class ForecastInterval(IntervalEstimate):
    """A share with its interval; `why` is the reason where the labels do not determine one of them."""

    why: str | None = None


class PromptBlocks:
    """The prompts of a table as units of resampling, with their labels and the settings of the bootstrap."""

    def __init__(self, candidates: ScoredCandidates, seed: int, repeats: int = REPEATS) -> None:
        self.candidates, self.seed, self.repeats = candidates, seed, repeats
        prompts = candidates.prompts
        self.count = min(prompts, MOST_BLOCKS)
        self._block_of_prompt = np.arange(prompts)
        if prompts > MOST_BLOCKS:
            order = np.random.default_rng([seed, 2]).permutation(prompts).astype(np.int64)
            self._block_of_prompt = order % self.count
        self.prompts_per_block = np.bincount(self._block_of_prompt, minlength=self.count).astype(np.float64)

    def tally_weights(self, weights: Floats, per_prompt: bool) -> WeightTally:
        """Sum weights by block; `per_prompt` counts prompts without a kept row as not right."""
        candidates, labeled = self.candidates, self.candidates.labeled
        represented_by_row = weights[labeled] * candidates.label_weight
        prompt = candidates.prompt[labeled]
        total_by_block = self.sum_by_block(candidates.prompt, weights) if per_prompt else self.prompts_per_block
        total, represented = float(weights.sum()), _sum_by_group(prompt, represented_by_row, candidates.prompts)
        labels, prompts = _effective_count(represented_by_row), _effective_count(represented)
        if candidates.label_source == "random":
            expected = _effective_count(weights) * len(labeled) / candidates.rows
            labels = expected if labels >= LEAST_LABELS else min(labels, expected)
        covered_prompts = np.count_nonzero(np.bincount(candidates.prompt, weights, candidates.prompts))
        enough = labels >= LEAST_EXPECTED_LABELS and prompts >= min(LEAST_PROMPTS, covered_prompts / 2)
        return WeightTally(
            self.sum_by_block(prompt, represented_by_row * candidates.right[labeled]),
            _sum_by_group(self._block_of_prompt, represented, self.count),
            total_by_block,
            float(weights[labeled].sum()) / total if total > 0 else 0.0,
            labels,
            prompts,
            total > 0 and (candidates.label_source == "complete" or enough),
        )

    def sum_by_block(self, prompt: Integers, values: Floats) -> Floats:
        """Return the sum of these values, one for each row with this prompt, over each block."""
        return _sum_by_group(self._block_of_prompt[prompt], values, self.count)

    def share_value(self, tally: WeightTally) -> float | None:
        """Return the share over all blocks; None without labels."""
        share = float(share_values([tally], np.ones(self.count), self.prompts_per_block)[0])
        return None if np.isnan(share) else share

    def estimate_shares(self, tallies: Sequence[WeightTally]) -> tuple[list[ForecastInterval], Floats]:
        """Return each share with its interval, and the bootstrap replicates: one row each, one column per share."""
        replicates = bootstrap_shares(self.prompts_per_block, tallies, self.repeats, self.seed)
        pairs = zip(tallies, replicates.T, strict=True)
        return [self._estimate_share(tally, own_replicates) for tally, own_replicates in pairs], replicates

    def _estimate_share(self, tally: WeightTally, replicates: Floats) -> ForecastInterval:
        center = self.share_value(tally)
        if center is None or not tally.is_visible:
            return ForecastInterval(None, why=_explain_missing_value(tally))
        known = replicates[~np.isnan(replicates)]
        if tally.effective_prompts < 1.5 or len(known) < LEVEL * len(replicates):
            return ForecastInterval(center, why=TOO_FEW_PROMPTS)
        if float(np.ptp(known)) <= 1e-12:
            return _jeffreys_interval(center, min(tally.effective_labels, tally.effective_prompts))
        return widened_interval(center, known, tally.effective_prompts)


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


def estimate_gain(
    after: ForecastInterval, before: ForecastInterval, differences: Floats, prompts: float
) -> ForecastInterval:
    """Return the difference of two shares of the same prompts, with its paired interval."""
    if after.value is None or before.value is None:
        return ForecastInterval(None, why=after.why or before.why)
    size, known = after.value - before.value, differences[~np.isnan(differences)]
    if not len(known) or prompts < 1.5:
        return ForecastInterval(size, why=TOO_FEW_PROMPTS)
    return widened_interval(size, known, prompts)


def widened_interval(center: float, replicates: Floats, units: float) -> ForecastInterval:
    """Return the percentiles of replicates over `units` prompts, widened as a t interval."""
    low, high = np.quantile(replicates, [widened_tail(units), 1 - widened_tail(units)])
    return ForecastInterval(center, min(float(low), center), max(float(high), center))


def widened_tail(units: float) -> float:
    """Return the tail of a percentile interval over `units` prompts that misses 2.5% on each side."""
    tail = stdtrit(max(units - 1.0, 1.0), (1 - LEVEL) / 2)
    return float(ndtr(tail * np.sqrt(units / max(units - 1.0, 0.5))))


def _jeffreys_interval(center: float, units: float) -> ForecastInterval:
    """Return Jeffreys' interval of `units` agreeing prompts, where resampling shows no variance."""
    a, b = center * units + 0.5, (1 - center) * units + 0.5
    low, high = betaincinv(a, b, (1 - LEVEL) / 2), betaincinv(a, b, (1 + LEVEL) / 2)
    low, high = 0.0 if center <= 0 else min(low, center), 1.0 if center >= 1 else max(high, center)
    return ForecastInterval(center, float(low), float(high))


def _explain_missing_value(tally: WeightTally) -> str:
    if tally.total.sum() == 0:
        return "the rule keeps no row"
    return (
        f"the labels are worth {tally.effective_labels:.0f} rows from {tally.effective_prompts:.0f} prompts;"
        f" {LEAST_EXPECTED_LABELS} rows and {LEAST_PROMPTS} prompts are needed (or half of all prompts)"
    )
