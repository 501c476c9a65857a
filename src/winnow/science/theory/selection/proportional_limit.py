"""The exact proportional limit of ridge regression on selected rows: d and n grow together, d / n = kappa.

    w = (1/n sum q_i x_i x_i' + lam I)^-1  1/n sum q_i y'_i x_i        n counts raw rows, kept and dropped

The rule q and the label y' may depend on x through a few directions only, the subspace V. They enter through
P = P(q = 1), K = E[q u u'] and b = E[q y' u], where u is x on V [derived: methods.md]. Outside V, x must
be N(0, I) and independent of what happens inside V. At d = 100 the limit is accurate to a few thousandths. It does not
cover logistic loss.

P, K and b are given for four settings: (a) x ~ N(0, I), labels flipped independently of x, kept by phi and psi; (b)
x ~ N(0, I), a linear generator, kept where a linear verifier agrees; (c) and (d) the same for the mixture
x | y ~ N(y mu, I) [derived: methods.md]. The theorem of arXiv 2406.07515, a sharp step at p*, holds for (a) and (c)
only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import ndtr

from winnow.science.theory.arrays import Floats
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.selection.breakdown import SelectionRates

NODES_ANGLE, NODES_RADIUS, FARTHEST = 64, 200, 11.0


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


def isotropic_flips(rates: SelectionRates) -> RuleMoments:
    """Return case (a): K = P, b = sqrt(2 / pi) c, both along w*."""
    first = np.sqrt(2 / np.pi) * rates.signal
    return RuleMoments(rates.keep, np.array([[rates.keep]]), np.array([first]), np.array([1.0]))


def isotropic_agreement(angles: Angles) -> RuleMoments:
    """Return case (b): V is spanned by the bisector of w_gen and w_prune, which alone carries signal.

    beta = (pi - alpha) / 2; P = 2 beta / pi; K = (2 / pi) (beta + sin beta cos beta); b = sqrt(2 / pi) sin beta.
    The truth is represented by its cosine to the bisector, rho.
    """
    beta = (np.pi - angles.between) / 2
    rho = (np.cos(angles.generator) + np.cos(angles.verifier)) / (2 * np.cos(angles.between / 2))
    second = 2 / np.pi * (beta + np.sin(beta) * np.cos(beta))
    first = np.sqrt(2 / np.pi) * np.sin(beta)
    return RuleMoments(2 * beta / np.pi, np.array([[second]]), np.array([first]), np.array([rho]))


def mixture_flips(rates: SelectionRates, strength: float) -> RuleMoments:
    """Return case (c): K = P (1 + |mu|^2), b = c |mu|, both along mu."""
    second, first = rates.keep * (1 + strength**2), rates.signal * strength
    return RuleMoments(rates.keep, np.array([[second]]), np.array([first]), np.array([strength]))


def mixture_agreement(angles: Angles, strength: float) -> RuleMoments:
    """Return case (d), by integration over the two wedges in which generator and verifier agree.

    Given y = 1, x is N(mu, I); the other class is its mirror image and gives the same numbers. In the plane of w_gen
    and w_prune the integral is taken in polar coordinates (Gauss-Legendre); across that plane x is independent of
    whether they agree. Needs 0 < alpha < pi.
    """
    truth, generator, verifier = angles.directions()
    in_plane = verifier - (verifier @ generator) * generator
    in_plane = in_plane / np.linalg.norm(in_plane)
    mean = strength * np.array([generator, in_plane, np.cross(generator, in_plane)]) @ truth
    plus_mass, plus_first, plus_second = _wedge_moments(mean[:2], angles.between, 0.0)
    minus_mass, minus_first, minus_second = _wedge_moments(mean[:2], angles.between, np.pi)
    keep, across = plus_mass + minus_mass, mean[2]
    second = np.empty((3, 3))
    second[:2, :2] = plus_second + minus_second
    second[:2, 2] = second[2, :2] = across * (plus_first + minus_first)
    second[2, 2] = keep * (1 + across**2)
    first = np.array([*(plus_first - minus_first), across * (plus_mass - minus_mass)])
    return RuleMoments(keep, second, first, mean)


@cache
def _quadrature_nodes(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights, cached because computing them takes longer than the integral."""
    nodes, weights = leggauss(count)
    return nodes, weights


def _wedge_moments(mean: Floats, alpha: float, rotation: float) -> tuple[float, Floats, Floats]:
    """Mass, first and second moments of N(mean, I) inside a rotated wedge, none of them divided by the mass.

    Before the rotation the wedge is where both x.w_gen (at angle 0) and x.w_prune (at alpha) are positive.
    """
    nodes, weights = _quadrature_nodes(NODES_ANGLE)
    half = (np.pi - alpha) / 2
    angle, angle_weight = rotation + alpha / 2 + half * nodes, half * weights
    radii, radius_weight = _quadrature_nodes(NODES_RADIUS)
    farthest = (FARTHEST + np.linalg.norm(mean)) / 2
    radius, radius_weight = farthest * (radii + 1), farthest * radius_weight
    points = radius[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    density = np.exp(-((points - mean) ** 2).sum(axis=-1) / 2) / (2 * np.pi)
    mass = density * (radius * radius_weight)[:, None] * angle_weight
    weighted = (points * mass[..., None]).reshape(-1, 2)
    return float(mass.sum()), weighted.sum(axis=0), weighted.T @ points.reshape(-1, 2)
