"""Everything a card says, as functions of three shares, and how many more labels would settle what is open.

From the two sides of the verdict: keep rate P, a right among kept, b right among dropped. From labels drawn by label:
phi, psi and P, with p = (phi - P)/(phi - psi). The functions take single numbers and arrays of draws alike.
Promises: where a ratio is 0/0 the answer is NaN for a number, and both ends of what is possible, in turn, for draws;
where labels drawn by label contradict the keep rate (P outside psi..phi), p is the nearest possible share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from winnow.statistics.card_inputs import Floats

POWER = 0.8
LEAST_VARIANCE = 1e-9
CERTAINTY_TAIL = 0.0005  # the share of draws on the wrong side from which on phi and psi are surely apart
MOST_LABELS = 10_000


@dataclass(frozen=True)
class CardRates:
    """The numbers of a card, each an array of the same length."""

    phi: Floats
    psi: Floats
    p: Floats
    p_star: Floats
    p_star_w: Floats
    margin: Floats
    precision: Floats
    uplift: Floats
    keep_rate: Floats


def compute_rates(shares: Floats, by_label: bool, w: float | None = None, from_draws: bool = True) -> CardRates:
    """All rates from the rows a, b, P (or phi, psi, P where labels were drawn by label) of `shares`."""
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
    return CardRates(phi, psi, p, star, star_w, star - p, a, uplift, keep)


def _outcome_variance(p: Floats, gap: Floats, from_draws: bool) -> Floats:
    """p (1 - p); where phi and psi may be equal, p may be anything, and each draw takes the p that claims least.

    The sign of an uplift is that of phi - psi, how large it is depends on p. Without this, draws that contradict the
    keep rate would count as no uplift at all, and intervals of weak verifiers would be too short.
    """
    # Right and wrong rows were both seen, so no table has only one kind and the sign of the uplift stays.
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


@dataclass(frozen=True)
class OpenComparison:
    """Two shares with their labels, as far as they are known: what is undecided is whether they differ."""

    a: float
    b: float
    labels_a: float
    labels_b: float
    design_effect_a: float = 1.0
    design_effect_b: float = 1.0


def count_more_labels(comparison: OpenComparison, level: float = 0.95) -> tuple[int, int] | None:
    """How many more labels of either side would show a - b to differ from 0, four times in five, if it stays as it is.

    A normal approximation from the estimates as they stand; None when it takes more than 10,000 of a side.
    """
    difference = abs(comparison.a - comparison.b)
    reach = (float(ndtri((1 + level) / 2)) + float(ndtri(POWER))) ** 2
    if difference == 0:
        return None
    variance_a, variance_b = (
        _label_variance(comparison.a, comparison.labels_a, comparison.design_effect_a),
        _label_variance(comparison.b, comparison.labels_b, comparison.design_effect_b),
    )
    target_variance = difference**2 / reach
    spread = math.sqrt(variance_a) + math.sqrt(variance_b)
    of_a, of_b = math.sqrt(variance_a) * spread / target_variance, math.sqrt(variance_b) * spread / target_variance
    # A side that already has more than its part lets the other do with less.
    if of_a < comparison.labels_a:
        remaining_variance = target_variance - variance_a / comparison.labels_a
        of_a, of_b = comparison.labels_a, variance_b / remaining_variance if remaining_variance > 0 else math.inf
    elif of_b < comparison.labels_b:
        remaining_variance = target_variance - variance_b / comparison.labels_b
        of_b, of_a = comparison.labels_b, variance_a / remaining_variance if remaining_variance > 0 else math.inf
    if max(of_a, of_b) > MOST_LABELS:
        return None
    return max(math.ceil(of_a - comparison.labels_a), 0), max(math.ceil(of_b - comparison.labels_b), 0)


def _label_variance(share: float, labels: float, design_effect: float) -> float:
    """The variance one label brings, never 0: a side all right so far may hold a wrong row."""
    smooth = (share * labels + 0.5) / (labels + 1)
    return smooth * (1 - smooth) * design_effect
