"""Confidence intervals for shares estimated from the same labels, by joint draws.

The distribution of a share x of n independent rows is an even mixture of Beta(x, n - x + 1) and Beta(x + 1, n - x).
Rows of one prompt are correlated, so n is divided by a design effect (jackknife over prompts) and corrected by a
Student t for few prompts. Shares of the same prompts are drawn from a Gaussian copula with their jackknife correlation.
The same input gives the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri, stdtrit

from winnow.statistics.card_inputs import Booleans, Floats, Integers, LabeledRows, VerdictCounts

DRAWS = 20_000
WORST_INTRA_PROMPT_CORRELATION = 0.5  # assumed where too few prompts show the rarer outcome
DOUBTFUL_PROMPTS = 2.0  # prompts with the rarer outcome at which the worst correlation has full weight
DEVIATES = np.linspace(-4.2, 4.2, 97)
DEVIATE_QUANTILES = ndtr(DEVIATES)


@dataclass(frozen=True)
class IntervalEstimate:
    """A number and the ends of its interval; None where the data do not determine it."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self, value_name: str = "value") -> dict[str, float | None]:
        return {value_name: self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class EstimateWarning:
    """Something to know before using an estimate; `sure` is False where it may be a false alarm."""

    code: str
    sure: bool
    words: str


@dataclass(frozen=True, eq=False)
class ShareRows:
    """The rows one share is taken over; prompts are coded 0..prompts-1 in common with the other shares."""

    outcome: Floats
    prompt: Integers
    weight: Floats | None
    prompts: int

    def select(self, rows: Booleans) -> ShareRows:
        """Some of the rows; the prompt codes stay the same."""
        weight = None if self.weight is None else self.weight[rows]
        return ShareRows(self.outcome[rows], self.prompt[rows], weight, self.prompts)


@dataclass(frozen=True, eq=False)
class ShareEstimate:
    """An estimated share with the number of independent rows it is worth (`effective`).

    `influence` is the change that each prompt causes (jackknife), `sd` the norm of all influences, including those of
    unlabeled prompts, and `degrees` the degrees of freedom of the Student t.
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
    independent_variance: float


def encode_prompts(prompt: Integers) -> tuple[Integers, int]:
    """Return prompt codes 0..J-1 and J."""
    known, codes = np.unique(prompt, return_inverse=True)
    return codes.astype(np.int64), len(known)


def _sum_rows(rows: ShareRows) -> _ShareSums:
    n = len(rows.outcome)
    raw = np.ones(n) if rows.weight is None else rows.weight
    weight = raw / raw.sum()
    value = float(raw @ rows.outcome) / float(raw.sum())
    # Rounding must not turn a side whose rows all agree into one with a small variance.
    residual = np.where(np.abs(rows.outcome - value) < 1e-12, 0.0, rows.outcome - value)
    value = value if residual.any() else float(rows.outcome[0])
    per_prompt = np.bincount(rows.prompt, weight * residual, minlength=rows.prompts).astype(np.float64)
    count = np.bincount(rows.prompt, minlength=rows.prompts).astype(np.float64)
    independent_variance = float(((weight * residual) ** 2).sum())
    return _ShareSums(rows, value, residual, weight, per_prompt, count, independent_variance)


def estimate_shares(sides: Sequence[ShareRows]) -> list[ShareEstimate]:
    """Estimate several shares with one pooled intra-prompt correlation; each needs at least one row."""
    sums = [_sum_rows(side) for side in sides]
    correlation = _intra_prompt_correlation(sums)
    return [_estimate_share(side, correlation) for side in sums]


def _intra_prompt_correlation(sides: Sequence[_ShareSums]) -> float:
    """Pool the intra-prompt correlation over sides by the method of moments."""
    together = pairs = 0.0
    for s in sides:
        variance = float(s.weight @ s.residual**2)
        side_pairs = float((s.count * (s.count - 1)).sum())
        if variance > 0 and side_pairs > 0:
            n = len(s.residual)
            # The mean is estimated from the same rows, which lowers every product of residuals: correct for it.
            together += (n * n * float((s.per_prompt**2).sum()) / variance) - n + side_pairs / n
            pairs += side_pairs
    return min(max(together / pairs, 0.0), 1.0) if pairs else 0.0


def _estimate_share(s: _ShareSums, correlation: float) -> ShareEstimate:
    n = len(s.residual)
    in_prompt = np.bincount(s.rows.prompt, s.weight, minlength=s.rows.prompts)
    seen = int((s.count > 0).sum())
    influence = s.per_prompt / np.where(in_prompt < 1 - 1e-12, 1 - in_prompt, np.inf)
    variance = float((influence**2).sum()) * (seen - 1) / seen
    # Grades vary less than yes/no labels with the same mean, so one graded row may count for more than one row.
    independent_rows = 1 / float((s.weight**2).sum())
    if s.independent_variance > 0:
        independent_rows = s.value * (1 - s.value) / s.independent_variance
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
    """Estimate the keep rate of the whole table, with its influence in the labeled prompts."""
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
    """Return normal draws, one row per share, with the correlation of the shares' influences."""
    eigenvalues, vectors = np.linalg.eigh(correlate_shares(estimates))
    normal = np.random.default_rng(seed).standard_normal((len(estimates), DRAWS // 2))
    # Eigenvalues that are 0 up to rounding are set to 0, so that identical shares get identical draws.
    root: Floats = vectors * np.sqrt(np.where(eigenvalues > 1e-12, eigenvalues, 0.0)) @ vectors.T
    drawn: Floats = root @ np.concatenate([normal, -normal], axis=1)
    return drawn


def correlate_shares(estimates: Sequence[ShareEstimate]) -> Floats:
    """Return the jackknife correlations, shrunk where few prompts carry them (two always look correlated)."""
    u = np.stack([share.influence for share in estimates])
    sd = np.array([share.sd if share.sd > 0 else 1.0 for share in estimates])
    moved = (np.abs(u) > 1e-9 * np.abs(u).max(axis=1, keepdims=True, initial=0.0)).astype(np.float64)
    shared_prompts = np.maximum(moved @ moved.T, 1.0)
    raw = np.clip(u @ u.T / np.outer(sd, sd), -1.0, 1.0)
    np.fill_diagonal(raw, 1.0)
    correlation: Floats = raw * np.maximum(1 - (2 / shared_prompts) ** 2, 0.0)
    for row, column in np.argwhere(raw > 1 - 1e-9):
        # Identical shares (two verifiers with the same verdicts) are correlated exactly.
        if row == column or np.allclose(u[row], u[column], rtol=1e-9, atol=0.0):
            correlation[row, column] = 1.0
    return correlation


def draw_joint(estimates: Sequence[ShareEstimate], level: float = 0.95, seed: int = 0) -> Floats:
    """Draw all shares jointly, one row per share."""
    normal = draw_copula(estimates, seed)
    drawn = np.empty_like(normal)
    for row, share in enumerate(estimates):
        points, deviates = share_quantiles(share, level)
        drawn[row] = np.interp(normal[row], deviates, points)
    return drawn


def t_adjusted_rows(share: ShareEstimate, level: float) -> float:
    """Return the effective rows after the Student t correction for few prompts."""
    if not np.isfinite(share.degrees):
        return share.effective
    tail = (1 + level) / 2
    return share.effective * float((ndtri(tail) / stdtrit(share.degrees, tail)) ** 2)


def share_quantiles(share: ShareEstimate, level: float) -> tuple[Floats, Floats]:
    """Return points in [0, 1] and the normal deviate at which the share's distribution reaches each."""
    n = t_adjusted_rows(share, level)
    x, y = share.value * n, (1 - share.value) * n
    low = betaincinv(x, y + 1, DEVIATE_QUANTILES) if x > 0 else np.zeros_like(DEVIATE_QUANTILES)
    high = betaincinv(x + 1, y, DEVIATE_QUANTILES) if y > 0 else np.ones_like(DEVIATE_QUANTILES)
    points = np.unique(np.concatenate([low, high]))
    from_low = betainc(x, y + 1, points) if x > 0 else np.ones_like(points)
    from_high = betainc(x + 1, y, points) if y > 0 else (points >= 1).astype(np.float64)
    return points, ndtri(np.clip((from_low + from_high) / 2, 1e-12, 1 - 1e-12))


def interval_from_draws(value: float | None, draws: Floats, level: float) -> IntervalEstimate:
    """Return the estimate with the interval that holds `level` of the draws."""
    if value is None or not np.isfinite(value):
        return IntervalEstimate()
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    # The median of the draws differs slightly from the estimate; the interval always includes the estimate.
    return IntervalEstimate(float(value), float(min(low, value)), float(max(high, value)))


def estimate_interval(share: ShareEstimate, level: float, seed: int) -> IntervalEstimate:
    """Return one share with its interval."""
    return interval_from_draws(share.value, draw_joint([share], level, seed)[0], level)


def two_sided_p_value(draws: Floats) -> float:
    """Return the two-sided p-value of an estimate against 0, from its draws; never exactly 0."""
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(draws) + 1))
