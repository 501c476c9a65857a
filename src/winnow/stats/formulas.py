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

from winnow.stats.evidence import Floats

POWER = 0.8
EDGE = 1e-9
CERTAIN = 0.0005  # the share of draws on the wrong side from which on phi and psi are surely apart
TOO_MANY = 10_000


@dataclass(frozen=True)
class Rates:
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


def rates(shares: Floats, from_labels: bool, w: float | None = None, draws: bool = True) -> Rates:
    """All rates from the rows a, b, P (or phi, psi, P where labels were drawn by label) of `shares`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if from_labels:
            phi, psi, keep = shares
            p = np.clip(_over(phi - keep, phi - psi, draws), 0.0, 1.0)
            a = np.clip(_over(phi * (1 - p), keep, draws), 0.0, 1.0)
            uplift = _over(_mixed(p, phi - psi, draws) * (phi - psi), keep, draws)
        else:
            a, b, keep = shares
            right = keep * a + (1 - keep) * b
            phi, psi = _over(keep * a, right, draws), _over(keep * (1 - a), 1 - right, draws)
            p, uplift = 1 - right, (1 - keep) * (a - b)
        star = _over(phi, phi + psi, draws)
        star_w = _over(phi, phi + (w if w is not None else 1.0) * psi, draws)
    return Rates(phi, psi, p, star, star_w, star - p, a, uplift, keep)


def _mixed(p: Floats, apart: Floats, draws: bool) -> Floats:
    """p (1 - p); where phi and psi may be equal, p may be anything, and each draw takes the p that claims least.

    The sign of an uplift is that of phi - psi, how large it is depends on p. Without this, draws that contradict the
    keep rate would count as no uplift at all, and intervals of weak verifiers would be too short.
    """
    # Right and wrong rows were both seen, so no table has only one kind and the sign of the uplift stays.
    mixed: Floats = np.maximum(p * (1 - p), EDGE)
    if not draws or not np.quantile(apart, CERTAIN) <= 0 <= np.quantile(apart, 1 - CERTAIN):
        return mixed
    low, high = np.quantile(p, [0.025, 0.975])
    ends = (low * (1 - low), high * (1 - high))
    least, most = max(min(ends), EDGE), 0.25 if low <= 0.5 <= high else max(*ends, EDGE)
    outwards = np.where(apart > np.median(apart), apart > 0, apart < 0)
    claimed: Floats = np.where(outwards, most, least)
    return claimed


def _over(top: Floats, bottom: Floats, draws: bool) -> Floats:
    ratio = top / bottom
    unknown = ~np.isfinite(ratio)
    if draws and unknown.any():
        ratio[unknown] = np.arange(int(unknown.sum())) % 2
    return ratio


@dataclass(frozen=True)
class Open:
    """Two shares with their labels, as far as they are known: what is undecided is whether they differ."""

    a: float
    b: float
    labels_a: float
    labels_b: float
    effect_a: float = 1.0
    effect_b: float = 1.0


def more_labels(known: Open, level: float = 0.95) -> tuple[int, int] | None:
    """How many more labels of either side would show a - b to differ from 0, four times in five, if it stays as it is.

    A normal approximation from the estimates as they stand; None when it takes more than 10,000 of a side.
    """
    difference = abs(known.a - known.b)
    reach = (float(ndtri((1 + level) / 2)) + float(ndtri(POWER))) ** 2
    if difference == 0:
        return None
    one, other = (
        _variance(known.a, known.labels_a, known.effect_a),
        _variance(known.b, known.labels_b, known.effect_b),
    )
    wanted = difference**2 / reach
    spread = math.sqrt(one) + math.sqrt(other)
    of_a, of_b = math.sqrt(one) * spread / wanted, math.sqrt(other) * spread / wanted
    # A side that already has more than its part lets the other do with less.
    if of_a < known.labels_a:
        left = wanted - one / known.labels_a
        of_a, of_b = known.labels_a, other / left if left > 0 else math.inf
    elif of_b < known.labels_b:
        left = wanted - other / known.labels_b
        of_b, of_a = known.labels_b, one / left if left > 0 else math.inf
    if max(of_a, of_b) > TOO_MANY:
        return None
    return max(math.ceil(of_a - known.labels_a), 0), max(math.ceil(of_b - known.labels_b), 0)


def _variance(share: float, labels: float, effect: float) -> float:
    """The variance one label brings, never 0: a side all right so far may hold a wrong row."""
    smooth = (share * labels + 0.5) / (labels + 1)
    return smooth * (1 - smooth) * effect
