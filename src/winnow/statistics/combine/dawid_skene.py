"""The chance that each row is right and the error rates of each verifier, from votes alone (Dawid and Skene 1979).

The model: given that a row is right (wrong), verifier k passes it with probability phi_k (psi_k), independently of the
others; an abstention carries no information. Expectation maximization runs over the distinct vote patterns, starts from
the majority of each row, and adds half a row to every count, so that no rate is exactly 0 or 1.

The result reached from the majority is used even where starting from one verifier leads to a higher likelihood
(`find_likelier_rates`): on real verifiers that optimum was two similar verifiers and not the truth. Votes cannot
distinguish right from wrong, so the solution is chosen in which the verifiers, weighted by the rows they decide, pass
right rows more often than wrong ones. Errors that verifiers share look like being right: see dependence.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_expit

from winnow.statistics.card_inputs import Floats
from winnow.statistics.combine.vote_patterns import VotePatterns

ITERATIONS = 2_000
TOLERANCE = 1e-6
PSEUDO_COUNT = 0.5


@dataclass(frozen=True, eq=False)
class DawidSkeneRates:
    """The share right, and phi and psi of each verifier; one row per fit."""

    right: Floats
    phi: Floats
    psi: Floats

    def select_fit(self, fit: int) -> DawidSkeneRates:
        """Return one fit of several."""
        return DawidSkeneRates(self.right[fit : fit + 1], self.phi[fit : fit + 1], self.psi[fit : fit + 1])

    def largest_change(self, other: DawidSkeneRates) -> Floats:
        """Return the largest change of any rate, per fit."""
        rates, previous = (np.hstack([fit.right[:, None], fit.phi, fit.psi]) for fit in (self, other))
        change: Floats = np.abs(rates - previous).max(axis=1)
        return change


def fit_dawid_skene(votes: VotePatterns) -> DawidSkeneRates:
    """Fit the rates from the majority, oriented so that most verifiers beat chance."""
    return orient_rates(votes, maximize_likelihood(votes, _majority_start(votes), votes.counts[None, :]))


def find_likelier_rates(votes: VotePatterns, chosen: DawidSkeneRates) -> DawidSkeneRates:
    """Return the likeliest rates reached from any single verifier, or `chosen` where none is likelier."""
    starts = 0.5 + 0.4 * (votes.passed - votes.failed).T
    ends = maximize_likelihood(votes, starts, votes.counts[None, :])
    likelihoods = log_likelihood(votes, ends, votes.counts[None, :])
    best = int(np.argmax(likelihoods))
    likelier = likelihoods[best] > log_likelihood(votes, chosen, votes.counts[None, :])[0]
    return orient_rates(votes, ends.select_fit(best)) if likelier else chosen


def maximize_likelihood(votes: VotePatterns, posterior: Floats, counts: Floats) -> DawidSkeneRates:
    """Iterate from a chance of being right per pattern until the rates converge; one row per fit."""
    rates = _maximize(votes, posterior, counts)
    for _ in range(ITERATIONS):
        before, rates = rates, _maximize(votes, posterior_right(votes, rates), counts)
        if rates.largest_change(before).max() < TOLERANCE:
            break
    return rates


def posterior_right(votes: VotePatterns, rates: DawidSkeneRates) -> Floats:
    """Return the chance that a row with each pattern is right."""
    chance: Floats = expit(_log_odds(votes, rates))
    return chance


def log_likelihood(votes: VotePatterns, rates: DawidSkeneRates, counts: Floats) -> Floats:
    """Return the log likelihood of each fit, up to a constant."""
    wrong = np.log1p(-rates.right)[:, None] + np.log(rates.psi) @ votes.passed.T + np.log1p(-rates.psi) @ votes.failed.T
    total: Floats = np.sum(counts * (wrong - log_expit(-_log_odds(votes, rates))), axis=1)
    return total


def orient_rates(votes: VotePatterns, rates: DawidSkeneRates) -> DawidSkeneRates:
    """Swap right and wrong in every fit where most verifiers would be worse than chance."""
    weight = votes.counts @ (votes.passed + votes.failed)
    is_swapped = (rates.phi - rates.psi) @ weight < 0
    swap = is_swapped[:, None]
    phi, psi = np.where(swap, rates.psi, rates.phi), np.where(swap, rates.phi, rates.psi)
    return replace(rates, right=np.where(is_swapped, 1 - rates.right, rates.right), phi=phi, psi=psi)


def _majority_start(votes: VotePatterns) -> Floats:
    passed, failed = votes.passed.sum(axis=1), votes.failed.sum(axis=1)
    share: Floats = (passed + PSEUDO_COUNT) / (passed + failed + 2 * PSEUDO_COUNT)
    return share[None, :]


def _maximize(votes: VotePatterns, posterior: Floats, counts: Floats) -> DawidSkeneRates:
    """Return the rates that maximize the likelihood given each pattern's chance of being right."""
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
