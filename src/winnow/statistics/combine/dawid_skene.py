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

from winnow.statistics.combine.vote_patterns import Floats, VotePatterns

ITERATIONS = 2_000
TOLERANCE = 1e-6
PSEUDO_COUNT = 0.5


@dataclass(frozen=True, eq=False)
class DawidSkeneRates:
    """Share right, and phi and psi of each verifier; one row per fit."""

    right: Floats
    phi: Floats
    psi: Floats

    def select_fit(self, fit: int) -> DawidSkeneRates:
        """One fit of several."""
        return DawidSkeneRates(self.right[fit : fit + 1], self.phi[fit : fit + 1], self.psi[fit : fit + 1])

    def largest_change(self, other: DawidSkeneRates) -> Floats:
        """The largest change of any rate, per fit."""
        parts = [
            np.abs(own_rates - other_rates).max(axis=1)
            for own_rates, other_rates in ((self.phi, other.phi), (self.psi, other.psi))
        ]
        farthest: Floats = np.maximum(np.maximum(*parts), np.abs(self.right - other.right))
        return farthest


def fit_dawid_skene(votes: VotePatterns) -> DawidSkeneRates:
    """The rates reached from the majority, named by the assumption that most verifiers beat chance."""
    return orient_rates(votes, maximize_likelihood(votes, _majority_start(votes), votes.counts[None, :]))


def find_likelier_rates(votes: VotePatterns, chosen: DawidSkeneRates) -> DawidSkeneRates:
    """The likeliest rates reached from believing any one verifier, or `chosen` where none is likelier."""
    starts = 0.5 + 0.4 * (votes.passed - votes.failed).T
    ends = maximize_likelihood(votes, starts, votes.counts[None, :])
    likelihoods = log_likelihood(votes, ends, votes.counts[None, :])
    best = int(np.argmax(likelihoods))
    likelier = likelihoods[best] > log_likelihood(votes, chosen, votes.counts[None, :])[0]
    return orient_rates(votes, ends.select_fit(best)) if likelier else chosen


def maximize_likelihood(votes: VotePatterns, posterior: Floats, counts: Floats) -> DawidSkeneRates:
    """From a chance of being right per pattern to where the likelihood no longer grows; one row per fit."""
    rates = _maximize(votes, posterior, counts)
    for _ in range(ITERATIONS):
        before, rates = rates, _maximize(votes, posterior_right(votes, rates), counts)
        if rates.largest_change(before).max() < TOLERANCE:
            break
    return rates


def posterior_right(votes: VotePatterns, rates: DawidSkeneRates) -> Floats:
    """The chance that a row with each pattern is right."""
    chance: Floats = expit(_log_odds(votes, rates))
    return chance


def log_likelihood(votes: VotePatterns, rates: DawidSkeneRates, counts: Floats) -> Floats:
    """The log likelihood of each fit, up to what does not depend on the rates."""
    wrong = np.log1p(-rates.right)[:, None] + np.log(rates.psi) @ votes.passed.T + np.log1p(-rates.psi) @ votes.failed.T
    total: Floats = np.sum(counts * (wrong - log_expit(-_log_odds(votes, rates))), axis=1)
    return total


def orient_rates(votes: VotePatterns, rates: DawidSkeneRates) -> DawidSkeneRates:
    """With right and wrong swapped wherever most verifiers would be worse than chance."""
    weight = votes.counts @ (votes.passed + votes.failed)
    is_swapped = (rates.phi - rates.psi) @ weight < 0
    swap = is_swapped[:, None]
    phi, psi = np.where(swap, rates.psi, rates.phi), np.where(swap, rates.phi, rates.psi)
    return replace(rates, right=np.where(is_swapped, 1 - rates.right, rates.right), phi=phi, psi=psi)


def _majority_start(votes: VotePatterns) -> Floats:
    """The share of verifiers that pass a pattern, as a first chance of being right."""
    passed, failed = votes.passed.sum(axis=1), votes.failed.sum(axis=1)
    share: Floats = (passed + PSEUDO_COUNT) / (passed + failed + 2 * PSEUDO_COUNT)
    return share[None, :]


def _maximize(votes: VotePatterns, posterior: Floats, counts: Floats) -> DawidSkeneRates:
    """The rates that fit best if each pattern's rows are right with these chances."""
    right, wrong = counts * posterior, counts * (1 - posterior)
    share = (right.sum(axis=1) + PSEUDO_COUNT) / (counts.sum(axis=1) + 2 * PSEUDO_COUNT)
    sides = []
    for weight in (right, wrong):
        passed, failed = weight @ votes.passed, weight @ votes.failed
        sides.append((passed + PSEUDO_COUNT) / (passed + failed + 2 * PSEUDO_COUNT))
    return DawidSkeneRates(share, sides[0], sides[1])


def _log_odds(votes: VotePatterns, rates: DawidSkeneRates) -> Floats:
    prior = np.log(rates.right) - np.log1p(-rates.right)
    passes = np.log(rates.phi) - np.log(rates.psi)
    fails = np.log1p(-rates.phi) - np.log1p(-rates.psi)
    odds: Floats = prior[:, None] + passes @ votes.passed.T + fails @ votes.failed.T
    return odds
