"""The breakdown point p* and related quantities of one round of selection.

p is the share of wrong candidates before selection, phi the probability to keep a right one, psi to keep a wrong one.
Assumption throughout: whether a candidate is kept depends only on whether it is right.
Sources are marked [paper] (arXiv 2406.07515) or [derived] (methods.md). winnow.statistics estimates phi and psi
from labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Floats, Ints, Number


@dataclass(frozen=True)
class SelectionRates:
    """p, phi and psi: the generator and the verifier in the theory of one round."""

    p: float
    phi: float
    psi: float

    @property
    def keep(self) -> float:
        """The keep rate P = (1 - p) phi + p psi."""
        return (1 - self.p) * self.phi + self.p * self.psi

    @property
    def signal(self) -> float:
        """c = (1 - p) phi - p psi: the share of rows kept and right less the share kept and wrong."""
        return (1 - self.p) * self.phi - self.p * self.psi

    @property
    def precision(self) -> float:
        """The share right among kept rows, (1 - p) phi / P: above one half exactly where p < p* [derived]."""
        return (1 - self.p) * self.phi / self.keep

    @property
    def p_star(self) -> float:
        """The breakdown point of the verifier."""
        return float(p_star(self.phi, self.psi))


def p_star(phi: Number, psi: Number, w: Number = 1.0) -> Number:
    """Return p*_w = phi / (phi + w psi); w = 1 gives p*, and phi = 1, psi = q gives 1 / (1 + q) [paper].

    Assumption: two classes with label errors independent of x given the label (w = 1), or open answers whose wrong
    ones fall on the commonest wrong answer with share w. With infinitely many samples the student of two classes is
    the Bayes classifier if p < p* and its opposite if p > p* [paper]; the commonest kept answer of a prompt is right
    if p < p*_w [derived].
    """
    return phi / (phi + w * psi)


def p_star_error(phi: float, psi: float, right: int, wrong: int) -> float:
    """Return the first-order standard error of p* from `right` right and `wrong` wrong labeled rows [derived].

    p* (1 - p*) sqrt((1 - phi) / (phi right) + (1 - psi) / (psi wrong)). It is not valid near 0 and 1.
    """
    star = float(p_star(phi, psi))
    return star * (1 - star) * float(np.sqrt((1 - phi) / (phi * right) + (1 - psi) / (psi * wrong)))


def plurality_accuracy(kept_right_counts: Floats | Ints, kept_wrong_counts: Floats | Ints) -> float:
    """Return the share of prompts whose commonest kept answer is right: what a greedy student of open answers copies.

    Ties count for their share; prompts without a kept answer are left out.

    Args:
        kept_right_counts: kept right answers, one count per prompt.
        kept_wrong_counts: kept wrong answers, prompts x distinct wrong answers.
    """
    most = kept_wrong_counts.max(axis=1)
    served = (kept_right_counts > 0) | (most > 0)
    tied = 1 / (1 + (kept_wrong_counts == kept_right_counts[:, None]).sum(axis=1))
    wins = np.where(kept_right_counts > most, 1.0, np.where(kept_right_counts == most, tied, 0.0))
    return float(wins[served].mean()) if served.any() else float("nan")
