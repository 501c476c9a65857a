"""The curves: what each best-of-N, threshold and top share would give, with pass@N and what the score promises.

Promises: a value stands in a curve only where labels can see it, else it is None; N is capped at what a prompt has
(`fewer` of a point says how many prompts that concerns); `kept` and `prompts` are counted, not estimated.
`optimistic` is what a score calibrated on the labels would promise: it rises even where the truth falls, so it is kept
apart from the curves and never checked by anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from winnow.statistics.forecasts import weights
from winnow.statistics.forecasts.candidates import Bools, Floats, Ints, ScoredCandidates
from winnow.statistics.forecasts.share_estimates import (
    ForecastInterval,
    PromptBlocks,
    WeightTally,
    bootstrap_shares,
    estimate_share,
    share_value,
)

TOP_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
THRESHOLD_COUNT = 20


@dataclass(frozen=True)
class BestOfNPoint:
    """Best of n: the share of prompts whose chosen candidate is right."""

    n: int
    accuracy: ForecastInterval
    prompts: int
    labeled_weight: float
    short_prompts: int
    """Prompts that have fewer than n candidates and give the best of all they have."""

    def to_dict(self) -> dict[str, float | int | None]:
        return {
            "n": self.n,
            "accuracy": self.accuracy.value,
            "low": self.accuracy.low,
            "high": self.accuracy.high,
            "prompts": self.prompts,
            "labeled_weight": self.labeled_weight,
        }


@dataclass(frozen=True)
class CutoffPoint:
    """A threshold or a top share: the share right among the rows it keeps."""

    name: str
    """`threshold` or `top_share`."""
    at: float
    accuracy: ForecastInterval
    kept: int
    prompts: int
    """Prompts of which anything is kept."""
    labeled_weight: float
    per_prompt: float | None
    """The chance that a kept row of a prompt is right, when a prompt left with none counts as not right."""

    def to_dict(self) -> dict[str, float | int | None]:
        return {
            self.name: self.at,
            "accuracy": self.accuracy.value,
            "low": self.accuracy.low,
            "high": self.accuracy.high,
            "kept": self.kept,
            "prompts": self.prompts,
            "labeled_weight": self.labeled_weight,
            "per_prompt": self.per_prompt,
        }


@dataclass(frozen=True, eq=False)
class SelectionRule:
    """A rule that could be recommended, with what it comes to: among its kept rows, and prompt by prompt."""

    rule: str
    at: float
    kept: int
    prompts: int
    row_tally: WeightTally
    prompt_tally: WeightTally
    rows: Bools | None = None
    """The rows it keeps; None for best-of-N, which draws anew."""


def default_n(candidates: ScoredCandidates) -> tuple[int, ...]:
    """1, 2, 4, ... and the largest number of candidates a prompt has."""
    most = int(candidates.sizes.max())
    return tuple(sorted({2**k for k in range(most.bit_length())} | {most}))


def default_thresholds(candidates: ScoredCandidates) -> tuple[float, ...]:
    """Scores at which a threshold keeps all, 95%, 90%, ... of the rows; as the caller's scores run."""
    ascending = np.sort(candidates.score)
    positions = (np.arange(THRESHOLD_COUNT) * len(ascending)) // THRESHOLD_COUNT
    return tuple(float(candidates.sign * threshold) + 0.0 for threshold in np.unique(ascending[positions]))


def best_of_n_rules(blocks: PromptBlocks, ns: Sequence[int]) -> list[SelectionRule]:
    """Best-of-N for each n."""
    rules = []
    for n in ns:
        tally = blocks.tally_weights(weights.best_of_n_weights(blocks.candidates, n), per_prompt=True)
        prompts = blocks.candidates.prompts
        rules.append(SelectionRule("best-of-n", int(n), prompts, prompts, tally, tally))
    return rules


def threshold_rules(blocks: PromptBlocks, thresholds: Sequence[float]) -> list[SelectionRule]:
    """A threshold for each cut."""
    score, sign = blocks.candidates.score, blocks.candidates.sign
    return [_cutoff_rule(blocks, "threshold", float(threshold), score >= sign * threshold) for threshold in thresholds]


def top_share_rules(blocks: PromptBlocks, shares: Sequence[float], seed: int) -> list[SelectionRule]:
    """A top share for each share."""
    ranked_rows = weights.rank_by_score(blocks.candidates, seed)
    return [
        _cutoff_rule(blocks, "top-share", float(share), weights.keep_top_share(ranked_rows, share)) for share in shares
    ]


def _cutoff_rule(blocks: PromptBlocks, rule: str, at: float, kept: Bools) -> SelectionRule:
    row_tally = blocks.tally_weights(kept.astype(np.float64), per_prompt=False)
    prompt_tally = blocks.tally_weights(weights.kept_row_weights(blocks.candidates, kept), per_prompt=True)
    prompts = int(np.count_nonzero(np.bincount(blocks.candidates.prompt[kept], minlength=blocks.candidates.prompts)))
    return SelectionRule(rule, at, int(kept.sum()), prompts, row_tally, prompt_tally, kept)


def best_of_n_curve(blocks: PromptBlocks, options: Sequence[SelectionRule], shares: Floats) -> list[BestOfNPoint]:
    """The points of best-of-N; `drawn` holds the replicates, one column per option."""
    sizes = blocks.candidates.sizes
    return [
        BestOfNPoint(
            int(option.at),
            estimate_share(blocks, option.row_tally, shares[:, i]),
            blocks.candidates.prompts,
            option.row_tally.labeled_weight,
            int((sizes < option.at).sum()),
        )
        for i, option in enumerate(options)
    ]


def cutoff_curve(blocks: PromptBlocks, options: Sequence[SelectionRule], repeats: int, seed: int) -> list[CutoffPoint]:
    """The points of thresholds or top shares."""
    if not options:
        return []
    shares = bootstrap_shares(blocks.prompts_per_block, [option.row_tally for option in options], repeats, seed)
    return [
        CutoffPoint(
            option.rule.replace("-", "_"),
            option.at,
            estimate_share(blocks, option.row_tally, shares[:, i]),
            option.kept,
            option.prompts,
            option.row_tally.labeled_weight,
            share_value(blocks, option.prompt_tally) if option.prompt_tally.is_visible else None,
        )
        for i, option in enumerate(options)
    ]


@dataclass(frozen=True)
class PassAtNPoint:
    """pass@n: the share of prompts with any right one among n drawn without replacement."""

    n: int
    share: ForecastInterval
    prompts: int

    def to_dict(self) -> dict[str, float | int | None]:
        return {
            "n": self.n,
            "pass": self.share.value,
            "low": self.share.low,
            "high": self.share.high,
            "prompts": self.prompts,
        }


def pass_at_n_curve(blocks: PromptBlocks, ns: Sequence[int], repeats: int, seed: int) -> list[PassAtNPoint]:
    """pass@n, exact; empty unless every row is labeled, since one right candidate may hide among the unlabeled."""
    candidates = blocks.candidates
    if candidates.label_source != "complete":
        return []
    size = candidates.sizes.astype(np.float64)
    wrong = size - np.bincount(candidates.prompt, candidates.right, candidates.prompts)
    tallies = []
    for n in ns:
        drawn = np.minimum(float(n), size)
        missed = np.where(wrong >= drawn, np.exp(_log_choose(wrong, drawn) - _log_choose(size, drawn)), 0.0)
        tallies.append(
            blocks.tally_weights((1.0 - missed)[candidates.prompt] / size[candidates.prompt], per_prompt=True)
        )
    share_tallies = [_as_share_tally(tally, blocks.prompts_per_block) for tally in tallies]
    shares = bootstrap_shares(blocks.prompts_per_block, share_tallies, repeats, seed)
    return [
        PassAtNPoint(n, estimate_share(blocks, share_tallies[i], shares[:, i]), candidates.prompts)
        for i, n in enumerate(ns)
    ]


def _as_share_tally(tally: WeightTally, prompts: Floats) -> WeightTally:
    """A tally whose weights already are what is to be averaged over prompts."""
    units = float(prompts.sum())
    return WeightTally(tally.total, prompts, prompts, 1.0, units, units, True)


def _log_choose(items: Floats, taken: Floats) -> Floats:
    """Logarithm of the number of ways to take some of the items, up to the factorial of how many are taken."""
    return np.asarray(gammaln(items + 1.0) - gammaln(np.maximum(items - taken, 0.0) + 1.0))


def mean_of_chosen(candidates: ScoredCandidates, ns: Sequence[int], row_values: Floats) -> list[float]:
    """The mean of what is believed about the chosen candidates: with the score itself, it never falls in n."""
    return [float((weights.best_of_n_weights(candidates, n) * row_values).sum()) / candidates.prompts for n in ns]


def calibrate_scores(candidates: ScoredCandidates) -> Floats:
    """For every row the share right that labels show at such a score, never falling in the score (isotonic)."""
    rows = candidates.labeled
    order = np.argsort(candidates.score[rows], kind="stable")
    score = candidates.score[rows][order]
    score_starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    weight = np.add.reduceat(candidates.label_weight[order], score_starts)
    mean = np.add.reduceat((candidates.right[rows] * candidates.label_weight)[order], score_starts) / weight
    return np.asarray(np.interp(candidates.score, score[score_starts], _isotonic_fit(mean, weight)))


def _isotonic_fit(mean: Floats, weight: Floats) -> Floats:
    """The closest values that never fall: neighbors that fall are pooled until none does."""
    pools: list[tuple[float, float, int]] = []
    for row_mean, row_weight in zip(mean.tolist(), weight.tolist(), strict=True):
        pool = (row_mean, row_weight, 1)
        while pools and pools[-1][0] > pool[0]:
            value, mass, count = pools.pop()
            total = mass + pool[1]
            pool = ((value * mass + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    counts: Ints = np.array([count for _, _, count in pools])
    return np.repeat([value for value, _, _ in pools], counts)
