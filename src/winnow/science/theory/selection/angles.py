"""A linear generator and a linear verifier: p, phi and psi from the angles between their directions.

The truth is y = sign(x.w*). The generator labels by y' = sign(x.w_gen); the verifier keeps a candidate if it agrees,
sign(x.w_prune) = y'. th_g and th_o are the angles of w_gen and w_prune to w*.
Label errors here depend on x, so the step at p* does not occur with such data: see `bisector_error`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, owens_t

from winnow.science.theory.selection.breakdown import SelectionRates

TINY = 1e-100


@dataclass(frozen=True)
class Angles:
    """Angles of generator and verifier to the truth in radians, and the angle between the planes they lie in.

    Independent directions in high dimension have azimuth pi / 2.
    """

    generator: float
    verifier: float
    azimuth: float = np.pi / 2

    @property
    def between(self) -> float:
        """alpha, the angle between generator and verifier."""
        g, o = self.generator, self.verifier
        cosine = np.cos(g) * np.cos(o) + np.sin(g) * np.sin(o) * np.cos(self.azimuth)
        return float(np.arccos(np.clip(cosine, -1.0, 1.0)))

    def directions(self) -> np.ndarray:
        """Return w*, w_gen and w_prune as rows: unit vectors in three dimensions, w* is the first axis."""
        g, o, a = self.generator, self.verifier, self.azimuth
        return np.array(
            [
                [1.0, 0.0, 0.0],
                [np.cos(g), np.sin(g), 0.0],
                [np.cos(o), np.sin(o) * np.cos(a), np.sin(o) * np.sin(a)],
            ]
        )


def isotropic_rates(angles: Angles) -> SelectionRates:
    """Return p, phi and psi for x ~ N(0, I) [derived from the orthants of three vectors].

    p = th_g / pi; phi = (1 - (alpha + th_g + th_o) / 2 pi) / (1 - p); psi = (th_g + th_o - alpha) / (2 th_g).
    A generator without errors has psi = 0 by convention, since no wrong label occurs.
    """
    g, o, alpha = angles.generator, angles.verifier, angles.between
    psi = (g + o - alpha) / (2 * g) if g > 0 else 0.0
    return SelectionRates(g / np.pi, (1 - (alpha + g + o) / (2 * np.pi)) / (1 - g / np.pi), psi)


def mixture_rates(angles: Angles, strength: float) -> SelectionRates:
    """Return p, phi and psi for the mixture x | y ~ N(y mu, I), |mu| = strength, w* along mu [derived].

    With s_g = mu.w_gen, s_o = mu.w_prune, r = w_gen.w_prune: p = Phi(-s_g), phi = Phi2(s_g, s_o; r) / Phi(s_g),
    psi = Phi2(-s_g, -s_o; r) / Phi(-s_g).
    """
    s_g, s_o = strength * np.cos(angles.generator), strength * np.cos(angles.verifier)
    r = np.cos(angles.between)
    right, wrong = float(ndtr(s_g)), float(ndtr(-s_g))
    return SelectionRates(wrong, bivariate_normal_cdf(s_g, s_o, r) / right, bivariate_normal_cdf(-s_g, -s_o, r) / wrong)


def bivariate_normal_cdf(h: float, k: float, r: float) -> float:
    """Return Phi2(h, k; r): P(X <= h, Y <= k) for standard normals with correlation r, by Owen's T."""
    h, k = (0.0 if abs(bound) < TINY else bound for bound in (h, k))
    if abs(r) >= 1 - 1e-12:
        return float(ndtr(min(h, k))) if r > 0 else float(max(ndtr(h) - ndtr(-k), 0.0))
    if h == 0 and k == 0:
        return float(0.25 + np.arcsin(r) / (2 * np.pi))
    root = np.sqrt(1 - r * r)
    other_side = 0.0 if h * k > 0 or (h * k == 0 and h + k >= 0) else 0.5
    return float((ndtr(h) + ndtr(k)) / 2 - _owens_t_term(h, k, r, root) - _owens_t_term(k, h, r, root) - other_side)


def _owens_t_term(h: float, k: float, r: float, root: float) -> float:
    """T(h, (k - r h) / (h root)), with its limit 1/4 sign(k) at h = 0."""
    return float(np.sign(k) / 4) if h == 0 else float(owens_t(h, (k - r * h) / (h * root)))


def bisector_error(angles: Angles) -> float:
    """Return the test error of least squares on infinitely many agreeing candidates, x ~ N(0, I) [derived].

    The student converges to the bisector of w_gen and w_prune, not to w*, however good the verifier is; with a perfect
    verifier the error is th_g / 2 pi. It is arccos(rho) / pi, rho = (cos th_g + cos th_o) / (2 cos(alpha / 2)).
    """
    rho = (np.cos(angles.generator) + np.cos(angles.verifier)) / (2 * np.cos(angles.between / 2))
    return float(np.arccos(np.clip(rho, -1.0, 1.0)) / np.pi)
