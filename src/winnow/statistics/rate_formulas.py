"""The rates of a card as functions of three shares, and the number of further labels that would settle a comparison.

The shares are keep rate P, a (right among kept) and b (right among dropped), or phi, psi and P where labels were drawn
by label. A ratio 0/0 is NaN for an estimate; for draws it is alternately 0 and 1. Where P lies outside psi..phi, p is
clipped to [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from winnow.statistics.card_inputs import Floats
from winnow.statistics.intervals import IntervalEstimate, ShareEstimate, interval_from_draws

POWER = 0.8
LEAST_VARIANCE = 1e-9
CERTAINTY_TAIL = 0.0005  # phi and psi differ for sure if at most this share of draws has the other sign
MOST_LABELS = 10_000


RATE_NAMES = ("phi", "psi", "p", "p_star", "p_star_w", "margin", "precision", "uplift", "keep_rate")


def compute_rates(shares: Floats, by_label: bool, w: float | None = None, from_draws: bool = True) -> dict[str, Floats]:
    """Compute all rates, by name, from three rows of shares: a, b, P, or phi, psi, P if labels were drawn by label.

    Args:
        shares: Array of shape (3, n).
        by_label: Whether the rows are phi, psi, P.
        w: Share of the commonest wrong answer among the wrong ones, for p*_w; 1 if None.
        from_draws: Whether the columns are draws, so that 0/0 is spread over 0 and 1 instead of NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if by_label:
            phi, psi, keep = shares
            p = np.clip(_divide(phi - keep, phi - psi, from_draws), 0.0, 1.0)
            a = np.clip(_divide(phi * (1 - p), keep, from_draws), 0.0, 1.0)
            uplift = _divide(_outcome_variance(p, phi - psi, from_draws) * (phi - psi), keep, from_draws)
        else:
            a, b, keep = shares
            right = keep * a + (1 - keep) * b
            phi, psi = _divide(keep * a, right, from_draws), _divide(keep * (1 - a), 1 - right, from_draws)
            p, uplift = 1 - right, (1 - keep) * (a - b)
        star = _divide(phi, phi + psi, from_draws)
        star_w = _divide(phi, phi + (w if w is not None else 1.0) * psi, from_draws)
    return dict(zip(RATE_NAMES, (phi, psi, p, star, star_w, star - p, a, uplift, keep), strict=True))


def rate_intervals(
    values: Mapping[str, Floats], draws: Mapping[str, Floats], names: Sequence[str], level: float
) -> dict[str, IntervalEstimate]:
    """Return the named rates with the intervals that hold `level` of their draws."""
    return {name: interval_from_draws(float(values[name][0]), draws[name], level) for name in names}


def _outcome_variance(p: Floats, gap: Floats, from_draws: bool) -> Floats:
    """Return p (1 - p); where phi and psi may be equal, the p of each draw that gives the smallest uplift.

    The sign of the uplift is that of phi - psi and its size depends on p. Otherwise draws that contradict the keep rate
    would count as zero uplift, and intervals of weak verifiers would be too short.
    """
    # Right and wrong rows were both seen, so p is neither 0 nor 1 and the sign of the uplift is kept.
    variance: Floats = np.maximum(p * (1 - p), LEAST_VARIANCE)
    if not from_draws or not np.quantile(gap, CERTAINTY_TAIL) <= 0 <= np.quantile(gap, 1 - CERTAINTY_TAIL):
        return variance
    low, high = np.quantile(p, [0.025, 0.975])
    ends = (low * (1 - low), high * (1 - high))
    least, most = max(min(ends), LEAST_VARIANCE), 0.25 if low <= 0.5 <= high else max(*ends, LEAST_VARIANCE)
    away_from_zero = np.where(gap > np.median(gap), gap > 0, gap < 0)
    variance_by_draw: Floats = np.where(away_from_zero, most, least)
    return variance_by_draw


def _divide(numerator: Floats, denominator: Floats, from_draws: bool) -> Floats:
    ratio = numerator / denominator
    undefined = ~np.isfinite(ratio)
    if from_draws and undefined.any():
        ratio[undefined] = np.arange(int(undefined.sum())) % 2
    return ratio


def count_more_labels(first: ShareEstimate, second: ShareEstimate, level: float) -> tuple[int, int] | None:
    """Return the further labels per side that would show two shares to differ with a power of 80%.

    Uses a normal approximation at the current estimates. Returns None if a side would need more than 10,000 labels.
    """
    difference = abs(first.value - second.value)
    reach = (float(ndtri((1 + level) / 2)) + float(ndtri(POWER))) ** 2
    if difference == 0:
        return None
    variance_a, variance_b = _label_variance(first), _label_variance(second)
    target_variance = difference**2 / reach
    spread = math.sqrt(variance_a) + math.sqrt(variance_b)
    of_a, of_b = math.sqrt(variance_a) * spread / target_variance, math.sqrt(variance_b) * spread / target_variance
    # If one side already has more than its share of labels, the other needs fewer.
    if of_a < first.rows:
        remaining_variance = target_variance - variance_a / first.rows
        of_a, of_b = first.rows, variance_b / remaining_variance if remaining_variance > 0 else math.inf
    elif of_b < second.rows:
        remaining_variance = target_variance - variance_b / second.rows
        of_b, of_a = second.rows, variance_a / remaining_variance if remaining_variance > 0 else math.inf
    if max(of_a, of_b) > MOST_LABELS:
        return None
    return max(math.ceil(of_a - first.rows), 0), max(math.ceil(of_b - second.rows), 0)


def _label_variance(share: ShareEstimate) -> float:
    """Return the variance of one label, smoothed so that it is never 0, times the design effect."""
    smooth = (share.value * share.rows + 0.5) / (share.rows + 1)
    return smooth * (1 - smooth) * max(share.rows / share.effective, 1.0)
