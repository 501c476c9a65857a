"""Which rows are right, and how often each verifier errs, from votes alone (two-class Dawid and Skene 1979).

The model: a row is right with some chance; given that, verifiers err independently of one another, verifier k passing
a right row with phi_k and a wrong one with psi_k; abstaining says nothing. Expectation maximization over the distinct
vote patterns. Half a row is added to every count, so no rate is exactly 0 or 1.

It starts from the majority of each row and takes the end it reaches, even where believing one verifier first leads
to a likelier one (`readings` tells): on real verifiers that likelier end was two of them that resemble each other, and
not the truth.

Votes alone cannot tell right from wrong: swapping the two explains them just as well. The end is taken in which the
verifiers, weighted by the rows they decide, pass right rows more often than wrong ones: *most are better than
chance*. And what verifiers have in common looks like being right: see dependence.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_expit

from winnow.stats.combine.votes import Floats, Votes

ITERATIONS = 2_000
TOLERANCE = 1e-6
ADDED = 0.5


@dataclass(frozen=True, eq=False)
class Rates:
    """Share right, and phi and psi of each verifier; one row per fit."""

    right: Floats
    phi: Floats
    psi: Floats

    def at(self, fit: int) -> Rates:
        """One fit of several."""
        return Rates(self.right[fit : fit + 1], self.phi[fit : fit + 1], self.psi[fit : fit + 1])

    def distance(self, other: Rates) -> Floats:
        """The largest change of any rate, per fit."""
        parts = [np.abs(mine - theirs).max(axis=1) for mine, theirs in ((self.phi, other.phi), (self.psi, other.psi))]
        farthest: Floats = np.maximum(np.maximum(*parts), np.abs(self.right - other.right))
        return farthest


def fit(votes: Votes) -> Rates:
    """The rates reached from the majority, named by the assumption that most verifiers beat chance."""
    return named(votes, climb(votes, _majority(votes), votes.counts[None, :]))


def readings(votes: Votes, chosen: Rates) -> Rates:
    """The likeliest rates reached from believing any one verifier, or `chosen` where none is likelier."""
    starts = 0.5 + 0.4 * (votes.passed - votes.failed).T
    ends = climb(votes, starts, votes.counts[None, :])
    heights = likelihood(votes, ends, votes.counts[None, :])
    best = int(np.argmax(heights))
    likelier = heights[best] > likelihood(votes, chosen, votes.counts[None, :])[0]
    return named(votes, ends.at(best)) if likelier else chosen


def climb(votes: Votes, posterior: Floats, counts: Floats) -> Rates:
    """From a chance of being right per pattern to where the likelihood no longer grows; one row per fit."""
    rates = _maximize(votes, posterior, counts)
    for _ in range(ITERATIONS):
        before, rates = rates, _maximize(votes, posterior_of(votes, rates), counts)
        if rates.distance(before).max() < TOLERANCE:
            break
    return rates


def posterior_of(votes: Votes, rates: Rates) -> Floats:
    """The chance that a row with each pattern is right."""
    chance: Floats = expit(_log_odds(votes, rates))
    return chance


def likelihood(votes: Votes, rates: Rates, counts: Floats) -> Floats:
    """The log likelihood of each fit, up to what does not depend on the rates."""
    wrong = np.log1p(-rates.right)[:, None] + np.log(rates.psi) @ votes.passed.T + np.log1p(-rates.psi) @ votes.failed.T
    total: Floats = np.sum(counts * (wrong - log_expit(-_log_odds(votes, rates))), axis=1)
    return total


def named(votes: Votes, rates: Rates) -> Rates:
    """With right and wrong swapped wherever most verifiers would be worse than chance."""
    weight = votes.counts @ (votes.passed + votes.failed)
    turned = (rates.phi - rates.psi) @ weight < 0
    swap = turned[:, None]
    phi, psi = np.where(swap, rates.psi, rates.phi), np.where(swap, rates.phi, rates.psi)
    return replace(rates, right=np.where(turned, 1 - rates.right, rates.right), phi=phi, psi=psi)


def _majority(votes: Votes) -> Floats:
    """The share of verifiers that pass a pattern, as a first chance of being right."""
    passed, failed = votes.passed.sum(axis=1), votes.failed.sum(axis=1)
    share: Floats = (passed + ADDED) / (passed + failed + 2 * ADDED)
    return share[None, :]


def _maximize(votes: Votes, posterior: Floats, counts: Floats) -> Rates:
    """The rates that fit best if each pattern's rows are right with these chances."""
    right, wrong = counts * posterior, counts * (1 - posterior)
    share = (right.sum(axis=1) + ADDED) / (counts.sum(axis=1) + 2 * ADDED)
    sides = []
    for weight in (right, wrong):
        passed, failed = weight @ votes.passed, weight @ votes.failed
        sides.append((passed + ADDED) / (passed + failed + 2 * ADDED))
    return Rates(share, sides[0], sides[1])


def _log_odds(votes: Votes, rates: Rates) -> Floats:
    prior = np.log(rates.right) - np.log1p(-rates.right)
    passes = np.log(rates.phi) - np.log(rates.psi)
    fails = np.log1p(-rates.phi) - np.log1p(-rates.psi)
    odds: Floats = prior[:, None] + passes @ votes.passed.T + fails @ votes.failed.T
    return odds
