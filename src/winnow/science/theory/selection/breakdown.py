"""The breakdown point p* and what stands around it.

p is the share of wrong candidates before selection, phi the chance to keep a right one, psi to keep a wrong one.
Assumption throughout: whether a candidate is kept depends on whether it is right and on nothing else.
Sources are marked as [paper] (arXiv 2406.07515), [derived] (worked out here: docs/methods.md).
It estimates nothing: winnow.statistics says what labels tell of phi and psi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.science.theory.arrays import Floats, Ints, Number


@dataclass(frozen=True)
class SelectionRates:
    """What a generator and a verifier are, for the theory of one round: p, phi and psi."""

    p: float
    phi: float
    psi: float

    @property
    def keep(self) -> float:
        """P(keep) = (1 - p) phi + p psi."""
        return keep_rate(self.p, self.phi, self.psi)

    @property
    def signal(self) -> float:
        """c = (1 - p) phi - p psi: what is right among the kept over what is wrong."""
        return (1 - self.p) * self.phi - self.p * self.psi

    @property
    def p_star(self) -> float:
        """The breakdown point of the verifier."""
        return float(p_star(self.phi, self.psi))


def keep_rate(p: float, phi: float, psi: float) -> float:
    """P = (1 - p) phi + p psi."""
    return (1 - p) * phi + p * psi


def p_star(phi: Number, psi: Number, w: Number = 1.0) -> Number:
    """p*_w = phi / (phi + w psi); w = 1 is p*.

    Assumption: two classes and label errors independent of x given the label (w = 1), or open answers whose wrong
    ones fall on the commonest wrong answer with share w, kept or not independently. With infinitely many samples the
    student of two classes is Bayes' if p < p* and its opposite if p > p* [paper]; the commonest kept answer of a
    prompt is right if p < p*_w [derived].
    """
    return phi / (phi + w * psi)


def p_star_noisy(q: Number) -> Number:
    """p* = 1 / (1 + q) of a verifier that keeps every right answer and wrong ones with chance q [paper]."""
    return p_star(1.0, q)


def p_star_top_share(share: Number, right: Number) -> Number:
    """p* of an oracle that keeps the best `share` of candidates of which a share `right` is right [derived].

    1 where all it keeps is right, else 1 / (1 + (share - right) / (1 - right)).
    """
    beyond = np.maximum(np.asarray(share, float) - right, 0)
    breakdown_point: Floats = 1 / (1 + beyond / np.maximum(1 - np.asarray(right, float), 1e-300))
    return breakdown_point


def graded_rates(keep: Floats, grade: Floats) -> tuple[float, float]:
    """phi and psi of grades r in [0, 1]: E[q r] / E[r] and E[q (1 - r)] / E[1 - r] [derived]."""
    keep_probability, bad = np.asarray(keep, float), 1 - grade
    return float(np.mean(keep_probability * grade) / np.mean(grade)), float(
        np.mean(keep_probability * bad) / np.mean(bad)
    )


def p_star_error(phi: float, psi: float, right: int, wrong: int) -> float:
    """The standard error of p* from `right` right and `wrong` wrong labeled rows, to first order [derived].

    p* (1 - p*) sqrt((1 - phi) / (phi right) + (1 - psi) / (psi wrong)). It breaks down near 0 and 1.
    """
    star = float(p_star(phi, psi))
    return star * (1 - star) * float(np.sqrt((1 - phi) / (phi * right) + (1 - psi) / (psi * wrong)))


def precision_of_kept(rates: SelectionRates) -> float:
    """The share right among kept rows, (1 - p) phi / P: above one half exactly where p < p* [derived]."""
    return (1 - rates.p) * rates.phi / rates.keep


def plurality_accuracy(kept_right_counts: Floats | Ints, kept_wrong_counts: Floats | Ints) -> float:
    """The share of prompts whose commonest kept answer is right: what a greedy student of open answers copies.

    Counts of kept right answers, one per prompt, and of kept wrong answers, prompts x distinct wrong answers. Ties
    count for their share; prompts without a kept answer do not count.
    """
    most = kept_wrong_counts.max(axis=1)
    served = (kept_right_counts > 0) | (most > 0)
    tied = 1 / (1 + (kept_wrong_counts == kept_right_counts[:, None]).sum(axis=1))
    wins = np.where(kept_right_counts > most, 1.0, np.where(kept_right_counts == most, tied, 0.0))
    return float(wins[served].mean()) if served.any() else float("nan")
