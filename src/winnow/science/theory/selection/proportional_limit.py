"""The exact proportional limit of ridge regression on selected rows: d and n grow together, d / n = kappa.

    w = (1/n sum q_i x_i x_i' + lam I)^-1  1/n sum q_i y'_i x_i        n counts raw rows, kept and dropped

The rule q and the label y' may depend on x through a few directions only, the subspace V. They enter through
P = P(q = 1), K = E[q u u'] and b = E[q y' u], where u is x on V [derived: methods.md]; rule_moments.py gives P, K
and b of common rules. Outside V, x must be N(0, I) and independent of what happens inside V.
At d = 100 the limit is accurate to a few thousandths. It does not cover logistic loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class RuleMoments:
    """P, K and b of a selection rule, and the truth as a vector in V (unit w*, or mu itself)."""

    keep: float
    second: Floats
    first: Floats
    truth: Floats


@dataclass(frozen=True)
class LimitStudent:
    """The limit of the trained w: its mean on V and its expected squared length."""

    mean: Floats
    square: float


def limit_student(moments: RuleMoments, kappa: float, lam: float) -> LimitStudent:
    """Return the student in the limit d / n -> kappa with ridge penalty lam >= 0.

    lam D^2 + (lam + P - kappa) D - kappa = 0, positive root (lam = 0: kappa / (P - kappa), which needs P > kappa);
    m = D / kappa; D' = kappa m^2 / (1 - kappa m^2 P / (1 + D)^2); R = (lam I + K / (1 + D))^-1;
    R2 = R (I + D' / (1 + D)^2 K) R; mean = R b / (1 + D);
    square = (P D' + b' R2 b - 2 D' / (1 + D) b' R b) / (1 + D)^2.

    Raises:
        ValueError: lam is 0 and P <= kappa, so fewer rows are kept than there are dimensions.
    """
    keep, size = moments.keep, len(moments.first)
    d = _resolvent_root(keep, kappa, lam)
    m = d / kappa
    slope = kappa * m**2 / (1 - kappa * m**2 * keep / (1 + d) ** 2)
    inverse = np.linalg.inv(lam * np.eye(size) + moments.second / (1 + d))
    twice = inverse @ (np.eye(size) + slope / (1 + d) ** 2 * moments.second) @ inverse
    b = moments.first
    square = (keep * slope + b @ twice @ b - 2 * slope / (1 + d) * b @ inverse @ b) / (1 + d) ** 2
    return LimitStudent(inverse @ b / (1 + d), float(square))


def _resolvent_root(keep: float, kappa: float, lam: float) -> float:
    if lam == 0:
        if keep <= kappa:
            raise ValueError(f"kappa {kappa:g}: without a penalty fewer rows are kept ({keep:g} n) than dimensions")
        return kappa / (keep - kappa)
    half = (lam + keep - kappa) / (2 * lam)
    return float(-half + np.sqrt(half**2 + kappa / lam))


def error_isotropic(moments: RuleMoments, kappa: float, lam: float) -> float:
    """Return the test error for x ~ N(0, I), y = sign(x.w*): arccos(w*.mean / sqrt(square)) / pi, above 1/2 past p*."""
    limit = limit_student(moments, kappa, lam)
    return float(np.arccos(np.clip(moments.truth @ limit.mean / np.sqrt(limit.square), -1, 1)) / np.pi)


def accuracy_mixture(moments: RuleMoments, kappa: float, lam: float) -> float:
    """Return the test accuracy for x | y ~ N(y mu, I): Phi(mu.mean / sqrt(square)); signed, so below 1/2 beyond p*."""
    limit = limit_student(moments, kappa, lam)
    return float(ndtr(moments.truth @ limit.mean / np.sqrt(limit.square)))


def finite_size_angle(wrong_among_kept: float, kept: int, d: int) -> float:
    """Return the angle of least squares to w* from `kept` rows whose labels are flipped independently of x [derived].

    x ~ N(0, I): cos = s / sqrt(s^2 + (1 - s^2) (d - 1) / (kept - d - 1)), s = (1 - 2 q) sqrt(2 / pi), q the share
    wrong among kept. The resulting accuracy is good to .01 or .02.

    Raises:
        ValueError: there are not more than d + 1 kept rows.
    """
    if kept <= d + 1:
        raise ValueError(f"kept {kept}: at least d + 2 = {d + 2} rows are needed")
    s = (1 - 2 * wrong_among_kept) * np.sqrt(2 / np.pi)
    return float(np.arccos(s / np.sqrt(s**2 + (1 - s**2) * (d - 1) / (kept - d - 1))))
