"""The curves of a forecast: best-of-N, thresholds, top shares, pass@N, and what the scores alone suggest.

A point has a value only where the labels determine it. N is capped at the number of candidates of a prompt. Scores
calibrated on the labels rise even where the truth declines, so they are separate from the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from winnow.statistics.card_inputs import Booleans, Floats, Integers
from winnow.statistics.forecasts.candidates import (
    ScoredCandidates,
    best_of_n_weights,
    keep_top_share,
    kept_row_weights,
    rank_by_score,
)
from winnow.statistics.forecasts.share_estimates import ForecastInterval, PromptBlocks, WeightTally

PARAMETERS = {"best-of-n": "n", "threshold": "threshold", "top-share": "top_share"}
TOP_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
THRESHOLD_COUNT = 20


@dataclass(frozen=True)
class CurvePoint:
    """The share right that a rule gives; for best-of-N the share of prompts whose chosen candidate is right."""

    parameter: str  # `n`, `threshold` or `top_share`
    at: float  # for best-of-N a whole number
    accuracy: ForecastInterval
    kept: int
    prompts: int  # prompts with a kept row
    labeled_weight: float
    per_prompt: float | None
    """The chance that a kept row of a prompt is right, where a prompt without one counts as not right."""

    def to_dict(self) -> dict[str, float | int | None]:
        counts = {name: getattr(self, name) for name in ("kept", "prompts", "labeled_weight", "per_prompt")}
        if self.parameter == "n":
            counts = {name: counts[name] for name in ("prompts", "labeled_weight")}
        return {self.parameter: self.at, **self.accuracy.to_dict("accuracy"), **counts}


@dataclass(frozen=True, eq=False)
class SelectionRule:
    """A rule that could be recommended, with its tallies over kept rows and over prompts."""

    rule: str
    at: float
    kept: int
    prompts: int
    row_tally: WeightTally
    prompt_tally: WeightTally
    rows: Booleans | None = None  # a mask of the kept rows; None for best-of-N


def default_n(candidates: ScoredCandidates) -> tuple[int, ...]:
    """Return 1, 2, 4, ... and the largest number of candidates of a prompt."""
    most = int(candidates.sizes.max())
    return tuple(sorted({2**k for k in range(most.bit_length())} | {most}))


def default_thresholds(candidates: ScoredCandidates) -> tuple[float, ...]:
    """Return the scores at which a threshold keeps all, 95%, 90%, ... of the rows."""
    ascending = np.sort(candidates.score)
    positions = (np.arange(THRESHOLD_COUNT) * len(ascending)) // THRESHOLD_COUNT
    return tuple(float(candidates.sign * threshold) + 0.0 for threshold in np.unique(ascending[positions]))


def best_of_n_rules(blocks: PromptBlocks, ns: Sequence[int]) -> list[SelectionRule]:
    """Return the best-of-N rules of a forecast."""
    rules = []
    for n in ns:
        tally = blocks.tally_weights(best_of_n_weights(blocks.candidates, n), per_prompt=True)
        prompts = blocks.candidates.prompts
        rules.append(SelectionRule("best-of-n", int(n), prompts, prompts, tally, tally))
    return rules


def threshold_rules(blocks: PromptBlocks, thresholds: Sequence[float]) -> list[SelectionRule]:
    """Return the threshold rules of a forecast."""
    score, sign = blocks.candidates.score, blocks.candidates.sign
    return [_cutoff_rule(blocks, "threshold", float(threshold), score >= sign * threshold) for threshold in thresholds]


def top_share_rules(blocks: PromptBlocks, shares: Sequence[float], seed: int) -> list[SelectionRule]:
    """Return the top-share rules of a forecast."""
    ranked_rows = rank_by_score(blocks.candidates, seed)
    kept = [keep_top_share(ranked_rows, share) for share in shares]
    return [_cutoff_rule(blocks, "top-share", float(share), rows) for share, rows in zip(shares, kept, strict=True)]


def _cutoff_rule(blocks: PromptBlocks, rule: str, at: float, kept: Booleans) -> SelectionRule:
    row_tally = blocks.tally_weights(kept.astype(np.float64), per_prompt=False)
    prompt_tally = blocks.tally_weights(kept_row_weights(blocks.candidates, kept), per_prompt=True)
    prompts = int(np.count_nonzero(np.bincount(blocks.candidates.prompt[kept], minlength=blocks.candidates.prompts)))
    return SelectionRule(rule, at, int(kept.sum()), prompts, row_tally, prompt_tally, kept)


def estimate_curve(blocks: PromptBlocks, rules: Sequence[SelectionRule]) -> list[CurvePoint]:
    """Return the point of each rule."""
    estimates, _ = blocks.estimate_shares([rule.row_tally for rule in rules])
    return [
        CurvePoint(
            PARAMETERS[rule.rule],
            rule.at,
            estimate,
            rule.kept,
            rule.prompts,
            rule.row_tally.labeled_weight,
            blocks.share_value(rule.prompt_tally) if rule.prompt_tally.is_visible else None,
        )
        for rule, estimate in zip(rules, estimates, strict=True)
    ]


@dataclass(frozen=True)
class PassAtNPoint:
    """pass@n: the share of prompts with a right candidate among n drawn without replacement."""

    n: int
    share: ForecastInterval
    prompts: int

    def to_dict(self) -> dict[str, float | int | None]:
        return {"n": self.n, **self.share.to_dict("pass"), "prompts": self.prompts}


def pass_at_n_curve(blocks: PromptBlocks, ns: Sequence[int]) -> list[PassAtNPoint]:
    """Return exact pass@n; empty unless every row is labeled, since unlabeled rows may hide a right one."""
    candidates, prompts = blocks.candidates, blocks.prompts_per_block
    if candidates.label_source != "complete":
        return []
    size = candidates.sizes.astype(np.float64)
    wrong = size - np.bincount(candidates.prompt, candidates.right, candidates.prompts)
    tallies = []
    for n in ns:
        drawn = np.minimum(float(n), size)
        missed = np.where(wrong >= drawn, np.exp(_log_choose(wrong, drawn) - _log_choose(size, drawn)), 0.0)
        passed = blocks.sum_by_block(candidates.prompt, ((1.0 - missed) / size)[candidates.prompt])
        tallies.append(WeightTally(passed, prompts, prompts, 1.0, candidates.prompts, candidates.prompts, True))
    estimates, _ = blocks.estimate_shares(tallies)
    return [PassAtNPoint(n, estimate, candidates.prompts) for n, estimate in zip(ns, estimates, strict=True)]


def _log_choose(items: Floats, taken: Floats) -> Floats:
    """Return the log of the number of subsets, up to a factor that depends on `taken` alone."""
    return np.asarray(gammaln(items + 1.0) - gammaln(np.maximum(items - taken, 0.0) + 1.0))


def mean_of_chosen(candidates: ScoredCandidates, ns: Sequence[int], row_values: Floats) -> list[float]:
    """Return the mean of these row values over the candidates that best-of-n chooses, for each n."""
    return [float((best_of_n_weights(candidates, n) * row_values).sum()) / candidates.prompts for n in ns]


def calibrate_scores(candidates: ScoredCandidates) -> Floats:
    """Return for every row the share right that labels show at its score, by isotonic regression."""
    rows = candidates.labeled
    order = np.argsort(candidates.score[rows], kind="stable")
    score = candidates.score[rows][order]
    score_starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    weight = np.add.reduceat(candidates.label_weight[order], score_starts)
    mean = np.add.reduceat((candidates.right[rows] * candidates.label_weight)[order], score_starts) / weight
    return np.asarray(np.interp(candidates.score, score[score_starts], _isotonic_fit(mean, weight)))


def _isotonic_fit(mean: Floats, weight: Floats) -> Floats:
    """Return the closest non-decreasing values: decreasing neighbors are pooled."""
    pools: list[tuple[float, float, int]] = []
    for row_mean, row_weight in zip(mean.tolist(), weight.tolist(), strict=True):
        pool = (row_mean, row_weight, 1)
        while pools and pools[-1][0] > pool[0]:
            value, mass, count = pools.pop()
            total = mass + pool[1]
            pool = ((value * mass + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    counts: Integers = np.array([count for _, _, count in pools])
    return np.repeat([value for value, _, _ in pools], counts)
