"""P, K and b of four settings for proportional_limit.py: two kinds of x, two noise models.

(a) x ~ N(0, I), labels flipped independently of x, kept by phi and psi; (b) x ~ N(0, I), a linear generator, kept
where a linear verifier agrees; (c) and (d) the same for the mixture x | y ~ N(y mu, I) [derived: methods.md].
The theorem of arXiv 2406.07515, a sharp step at p*, holds for (a) and (c) only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial.legendre import leggauss

from winnow.science.theory.arrays import Floats
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.selection.breakdown import SelectionRates
from winnow.science.theory.selection.proportional_limit import RuleMoments

NODES_ANGLE, NODES_RADIUS, FARTHEST = 64, 200, 11.0


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
    mean = strength * _plane_basis(generator, verifier) @ truth
    plus, minus = (_wedge_moments(mean[:2], angles.between, turned) for turned in (0.0, np.pi))
    keep, across = plus.mass + minus.mass, mean[2]
    second = np.empty((3, 3))
    second[:2, :2] = plus.second + minus.second
    second[:2, 2] = second[2, :2] = across * (plus.first + minus.first)
    second[2, 2] = keep * (1 + across**2)
    first = np.array([*(plus.first - minus.first), across * (plus.mass - minus.mass)])
    return RuleMoments(keep, second, first, mean)


@dataclass(frozen=True)
class _WedgeMoments:
    """Mass, mean and second moments of a Gaussian inside a wedge, none of them divided by the mass."""

    mass: float
    first: Floats
    second: Floats


def _plane_basis(generator: Floats, verifier: Floats) -> Floats:
    """Orthonormal rows: w_gen, then the rest of their plane, then across it."""
    rest = verifier - (verifier @ generator) * generator
    rest = rest / np.linalg.norm(rest)
    return np.array([generator, rest, np.cross(generator, rest)])


@cache
def _quadrature_nodes(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights, cached because computing them takes longer than the integral."""
    nodes, weights = leggauss(count)
    return nodes, weights


def _wedge_moments(mean: Floats, alpha: float, rotation: float) -> _WedgeMoments:
    """Moments of N(mean, I) where both x.w_gen (at angle 0) and x.w_prune (at alpha) are positive, after a rotation."""
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
    return _WedgeMoments(float(mass.sum()), weighted.sum(axis=0), weighted.T @ points.reshape(-1, 2))
