"""Joint draws of shares that were estimated from the same labels, and the intervals they give.

A share with x of n independent rows is drawn half of the time from Beta(x, n - x + 1) and half from Beta(x + 1, n - x):
between them lies Beta(x + 1/2, n - x + 1/2), but near 0 and 1 the mixture errs on the safe side (at 0 of n the interval
begins at 0). Rows of a prompt go together, so n is divided by a design effect (jackknife over prompts) and by what a
Student t with as many prompts costs over a normal; where the rarer outcome was seen in few prompts, the design effect
leans to an intra-prompt correlation of one half. Shares that share prompts are tied by their jackknife correlation
in a Gaussian copula.
Promises: the same input gives the same draws; prompts may be coded anyhow. proofs/coverage.py measures what it covers.
It knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri, stdtrit

from winnow.statistics.card_inputs import Floats, Integers, LabeledRows, VerdictCounts

DRAWS = 20_000
WORST_INTRA_PROMPT_CORRELATION = 0.5  # what rows of a prompt may share while nothing was seen that says less
DOUBTFUL_PROMPTS = (
    2.0  # prompts with the rarer outcome at which the worst is believed in full; fades with the 4th power
)
_DEVIATES = np.linspace(-4.2, 4.2, 97)
_DEVIATE_QUANTILES = ndtr(_DEVIATES)


@dataclass(frozen=True)
class IntervalEstimate:
    """A number with the interval it is known to lie in; None where the data do not say."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """As JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False)
class ShareRows:
    """The rows one share is taken over; prompts coded 0..prompts-1 in common with the other shares."""

    outcome: Floats
    prompt: Integers
    weight: Floats | None
    prompts: int


@dataclass(frozen=True, eq=False)
class ShareEstimate:
    """An estimated share: as certain as `effective` independent rows would make it, before the price of few prompts.

    `influence` is what each prompt moved it by (jackknife), `sd` the length of all influences, also those of prompts
    that are not labeled. `degrees` are those of the Student t.
    """

    value: float
    effective: float
    degrees: float
    influence: Floats
    sd: float
    rows: int


@dataclass(frozen=True, eq=False)
class _ShareSums:
    rows: ShareRows
    value: float
    residual: Floats
    weight: Floats
    per_prompt: Floats
    count: Floats
    independent_variance: float  # the variance if rows were independent


def encode_prompts(prompt: Integers) -> tuple[Integers, int]:
    """Prompt codes as 0..J-1, and J."""
    known, codes = np.unique(prompt, return_inverse=True)
    return codes.astype(np.int64), len(known)


def _sum_rows(rows: ShareRows) -> _ShareSums:
    n = len(rows.outcome)
    raw = np.ones(n) if rows.weight is None else rows.weight
    weight = raw / raw.sum()
    value = float(raw @ rows.outcome) / float(raw.sum())
    # Rounding must not make a side without any wrong row look like a side with a few.
    residual = np.where(np.abs(rows.outcome - value) < 1e-12, 0.0, rows.outcome - value)
    value = value if residual.any() else float(rows.outcome[0])
    per_prompt = np.bincount(rows.prompt, weight * residual, minlength=rows.prompts).astype(np.float64)
    count = np.bincount(rows.prompt, minlength=rows.prompts).astype(np.float64)
    independent_variance = float(((weight * residual) ** 2).sum())
    return _ShareSums(rows, value, residual, weight, per_prompt, count, independent_variance)


def estimate_shares(sides: Sequence[ShareRows]) -> list[ShareEstimate]:
    """Estimates of several shares whose rows go together in the same way; each side needs at least one row."""
    sums = [_sum_rows(side) for side in sides]
    correlation = _intra_prompt_correlation(sums)
    return [_estimate_share(one_side, correlation) for one_side in sums]


def _intra_prompt_correlation(sides: Sequence[_ShareSums]) -> float:
    """How much rows of a prompt go together, pooled over sides, by the method of moments."""
    together = pairs = 0.0
    for s in sides:
        variance = float(s.weight @ s.residual**2)
        side_pairs = float((s.count * (s.count - 1)).sum())
        if variance > 0 and side_pairs > 0:
            n = len(s.residual)
            # A residual from an estimated mean is short of its own share of the pairs: give it back.
            together += (n * n * float((s.per_prompt**2).sum()) / variance) - n + side_pairs / n
            pairs += side_pairs
    return min(max(together / pairs, 0.0), 1.0) if pairs else 0.0


def _estimate_share(s: _ShareSums, correlation: float) -> ShareEstimate:
    n = len(s.residual)
    in_prompt = np.bincount(s.rows.prompt, s.weight, minlength=s.rows.prompts)
    seen = int((s.count > 0).sum())
    influence = s.per_prompt / np.where(in_prompt < 1 - 1e-12, 1 - in_prompt, np.inf)
    variance = float((influence**2).sum()) * (seen - 1) / seen
    # Grades vary less than their mean allows a yes or no to vary, so what one row is worth may exceed one row.
    independent_rows = (
        s.value * (1 - s.value) / s.independent_variance
        if s.independent_variance > 0
        else 1 / float((s.weight**2).sum())
    )
    sd = float(np.sqrt((influence**2).sum()))
    if s.count.max() <= 1 and (s.rows.weight is None or np.ptp(s.rows.weight) == 0):
        return ShareEstimate(s.value, independent_rows, np.inf, influence, sd, n)
    per_prompt = float((s.count**2).sum()) / n
    modeled = 1 + (per_prompt - 1) * correlation
    effect = max(variance / s.independent_variance if s.independent_variance > 0 and seen > 1 else modeled, 1.0)
    above = len(np.unique(s.rows.prompt[s.residual > 0]))
    below = len(np.unique(s.rows.prompt[s.residual < 0]))
    doubt = min(1.0, (DOUBTFUL_PROMPTS / max(min(above, below), 1)) ** 4)
    effect += max(1 + (per_prompt - 1) * WORST_INTRA_PROMPT_CORRELATION - effect, 0.0) * doubt
    prompt_weight = s.count * (1 + (s.count - 1) * correlation)
    degrees = max(float(prompt_weight.sum() ** 2 / (prompt_weight**2).sum()) - 1, 1.0)
    return ShareEstimate(s.value, independent_rows / effect, degrees, influence, sd, n)


def estimate_keep_rate(counts: VerdictCounts, labeled: LabeledRows, codes: Integers, prompts: int) -> ShareEstimate:
    """P over the whole table, as certain as its prompts make it; it moves with the labels through shared prompts."""
    rate, decided = counts.keep_rate or 0.0, counts.decided
    is_clustered = counts.prompts is not None and counts.spread is not None
    influence, effective, degrees = np.zeros(prompts), float(decided), np.inf
    sd = np.sqrt(rate * (1 - rate) / decided)
    if is_clustered:
        prompt_count = max(counts.prompts or 0, 1)
        degrees = max(prompt_count - 1.0, 1.0)
        variance = (counts.spread or 0.0) / decided**2 * prompt_count / degrees
        effective = min(effective, rate * (1 - rate) / variance) if variance > 0 else min(effective, prompt_count)
        sd = np.sqrt(variance)
    if labeled.prompt_kept is not None and labeled.prompt_decided is not None:
        influence[codes] = (labeled.prompt_kept - rate * labeled.prompt_decided) / decided
    elif len(labeled) == decided:
        influence = np.bincount(codes, labeled.kept - rate, minlength=prompts) / decided
    sd = max(float(sd), float(np.sqrt((influence**2).sum())))
    return ShareEstimate(rate, effective, degrees, influence, sd, decided)


def draw_copula(estimates: Sequence[ShareEstimate], seed: int) -> Floats:
    """Normal draws, one row per share, correlated as the shares' influences are."""
    correlation = correlate_shares(estimates)
    eigenvalues, vectors = np.linalg.eigh(correlation)
    normal = np.random.default_rng(seed).standard_normal((len(estimates), DRAWS // 2))
    # What is 0 but for rounding must be 0, or shares that are one and the same would drift apart.
    root: Floats = vectors * np.sqrt(np.where(eigenvalues > 1e-12, eigenvalues, 0.0)) @ vectors.T
    drawn: Floats = root @ np.concatenate([normal, -normal], axis=1)
    return drawn


def correlate_shares(estimates: Sequence[ShareEstimate]) -> Floats:
    """The jackknife's correlations, believed less the fewer prompts carry them: two prompts always look tied."""
    u = np.stack([share.influence for share in estimates])
    sd = np.array([share.sd if share.sd > 0 else 1.0 for share in estimates])
    moved = (np.abs(u) > 1e-9 * np.abs(u).max(axis=1, keepdims=True, initial=0.0)).astype(np.float64)
    shared_prompts = np.maximum(moved @ moved.T, 1.0)
    raw = np.clip(u @ u.T / np.outer(sd, sd), -1.0, 1.0)
    np.fill_diagonal(raw, 1.0)
    correlation: Floats = raw * np.maximum(1 - (2 / shared_prompts) ** 2, 0.0)
    for row, column in np.argwhere(raw > 1 - 1e-9):
        # One and the same share twice, as for verifiers that say the same: nothing to doubt.
        if row == column or np.allclose(u[row], u[column], rtol=1e-9, atol=0.0):
            correlation[row, column] = 1.0
    return correlation


def draw_joint(estimates: Sequence[ShareEstimate], level: float = 0.95, seed: int = 0) -> Floats:
    """Draws of all shares together, one row per share."""
    normal = draw_copula(estimates, seed)
    drawn = np.empty_like(normal)
    for row, share in enumerate(estimates):
        points, deviates = share_quantiles(share, level)
        drawn[row] = np.interp(normal[row], deviates, points)
    return drawn


def t_adjusted_rows(share: ShareEstimate, level: float) -> float:
    """Effective rows after the price of few prompts: a Student t is wider than a normal."""
    if not np.isfinite(share.degrees):
        return share.effective
    tail = (1 + level) / 2
    return share.effective * float((ndtri(tail) / stdtrit(share.degrees, tail)) ** 2)


def share_quantiles(share: ShareEstimate, level: float) -> tuple[Floats, Floats]:
    """Points between 0 and 1 and, for each, the normal deviate at which the share's distribution reaches it."""
    n = t_adjusted_rows(share, level)
    x, y = share.value * n, (1 - share.value) * n
    low = betaincinv(x, y + 1, _DEVIATE_QUANTILES) if x > 0 else np.zeros_like(_DEVIATE_QUANTILES)
    high = betaincinv(x + 1, y, _DEVIATE_QUANTILES) if y > 0 else np.ones_like(_DEVIATE_QUANTILES)
    points = np.unique(np.concatenate([low, high]))
    from_low = betainc(x, y + 1, points) if x > 0 else np.ones_like(points)
    from_high = betainc(x + 1, y, points) if y > 0 else (points >= 1).astype(np.float64)
    return points, ndtri(np.clip((from_low + from_high) / 2, 1e-12, 1 - 1e-12))


def interval_from_draws(value: float | None, draws: Floats, level: float) -> IntervalEstimate:
    """The figure with the interval that holds `level` of the draws."""
    if value is None or not np.isfinite(value):
        return IntervalEstimate()
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    # A jackknife median may lie a hair beside the estimate; an interval that leaves its own estimate out helps nobody.
    return IntervalEstimate(float(value), float(min(low, value)), float(max(high, value)))


def two_sided_p_value(draws: Floats) -> float:
    """The chance, by the draws, of an estimate this far from 0 if the truth were 0; never exactly 0."""
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(draws) + 1))
