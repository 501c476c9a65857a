"""The chance that each row is right and the error rates of each verifier with their intervals, from votes alone.

The model of Dawid and Skene (1979): given that a row is right (wrong), verifier k passes it with probability phi_k
(psi_k), independently of the others; an abstention carries no information. Expectation maximization starts from the
majority of each row and adds half a row to every count, so that no rate is exactly 0 or 1. Its result is used
even where starting from one verifier leads to a higher likelihood: on real verifiers that optimum was two similar
verifiers and not the truth. Votes cannot distinguish right from wrong, so that solution is chosen in which the
verifiers, weighted by the rows they decide, pass right rows more often than wrong ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_expit, logit, ndtri

from winnow.statistics.card_inputs import Floats, Integers
from winnow.statistics.combine.vote_patterns import VotePatterns
from winnow.statistics.intervals import encode_prompts

ITERATIONS = 2_000
TOLERANCE = 1e-6
PSEUDO_COUNT = 0.5


@dataclass(frozen=True, eq=False)
class DawidSkeneRates:
    """The share right, and phi and psi of each verifier; one row per fit."""

    right: Floats
    phi: Floats
    psi: Floats

    def largest_change(self, other: DawidSkeneRates) -> Floats:
        """Return the largest change of any rate, per fit."""
        rates, previous = (np.hstack([fit.right[:, None], fit.phi, fit.psi]) for fit in (self, other))
        change: Floats = np.abs(rates - previous).max(axis=1)
        return change


def fit_dawid_skene(votes: VotePatterns) -> DawidSkeneRates:
    """Fit the rates from the majority, oriented so that most verifiers beat chance."""
    passed, failed = votes.passed.sum(axis=1), votes.failed.sum(axis=1)
    share = (passed + PSEUDO_COUNT) / (passed + failed + 2 * PSEUDO_COUNT)
    return orient_rates(votes, maximize_likelihood(votes, share[None, :]))


def find_likelier_rates(votes: VotePatterns, chosen: DawidSkeneRates) -> DawidSkeneRates:
    """Return the likeliest rates reached from any single verifier, or `chosen` where none is likelier."""
    starts = 0.5 + 0.4 * (votes.passed - votes.failed).T
    ends = maximize_likelihood(votes, starts)
    likelihoods = log_likelihood(votes, ends)
    best = int(np.argmax(likelihoods))
    if likelihoods[best] <= log_likelihood(votes, chosen)[0]:
        return chosen
    return orient_rates(votes, DawidSkeneRates(ends.right[[best]], ends.phi[[best]], ends.psi[[best]]))


def maximize_likelihood(votes: VotePatterns, posterior: Floats) -> DawidSkeneRates:
    """Iterate from a chance of being right per pattern until the rates converge; one row per fit."""
    rates = _maximize(votes, posterior)
    for _ in range(ITERATIONS):
        before, rates = rates, _maximize(votes, posterior_right(votes, rates))
        if rates.largest_change(before).max() < TOLERANCE:
            break
    return rates


def posterior_right(votes: VotePatterns, rates: DawidSkeneRates) -> Floats:
    """Return the chance that a row with each pattern is right."""
    chance: Floats = expit(_log_odds(votes, rates))
    return chance


def log_likelihood(votes: VotePatterns, rates: DawidSkeneRates) -> Floats:
    """Return the log likelihood of each fit, up to a constant."""
    wrong = np.log1p(-rates.right)[:, None] + np.log(rates.psi) @ votes.passed.T + np.log1p(-rates.psi) @ votes.failed.T
    total: Floats = np.sum(votes.counts * (wrong - log_expit(-_log_odds(votes, rates))), axis=1)
    return total


def orient_rates(votes: VotePatterns, rates: DawidSkeneRates) -> DawidSkeneRates:
    """Swap right and wrong in every fit where most verifiers would be worse than chance."""
    weight = votes.counts @ (votes.passed + votes.failed)
    is_swapped = (rates.phi - rates.psi) @ weight < 0
    swap = is_swapped[:, None]
    phi, psi = np.where(swap, rates.psi, rates.phi), np.where(swap, rates.phi, rates.psi)
    return replace(rates, right=np.where(is_swapped, 1 - rates.right, rates.right), phi=phi, psi=psi)


def _maximize(votes: VotePatterns, posterior: Floats) -> DawidSkeneRates:
    """Return the rates that maximize the likelihood given each pattern's chance of being right."""
    right, wrong = votes.counts * posterior, votes.counts * (1 - posterior)
    share = (right.sum(axis=1) + PSEUDO_COUNT) / (votes.counts.sum() + 2 * PSEUDO_COUNT)
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


@dataclass(frozen=True, eq=False)
class LikelihoodScores:
    """Per pattern, the derivative of its log likelihood by logit(right), logit(phi) and logit(psi)."""

    votes: VotePatterns
    rates: DawidSkeneRates
    of_pattern: Floats
    inverse: Floats
    prompt: Integers | None

    @classmethod
    def at_rates(cls, votes: VotePatterns, rates: DawidSkeneRates, prompt: Integers | None = None) -> LikelihoodScores:
        """Return the scores at a fit."""
        chance = posterior_right(votes, rates)[0][:, None]
        decided = votes.passed + votes.failed
        by_phi = chance * (votes.passed - decided * rates.phi[0])
        by_psi = (1 - chance) * (votes.passed - decided * rates.psi[0])
        scores = np.hstack([chance - rates.right[0], by_phi, by_psi])
        information = (scores * votes.counts[:, None]).T @ scores
        codes = None if prompt is None else encode_prompts(prompt)[0]
        return cls(votes, rates, scores, np.linalg.pinv(information, hermitian=True), codes)

    def covariance(self, per_pattern: Floats) -> Floats:
        """Return the covariance of sums of these columns over all rows; rows of a prompt are summed first."""
        if self.prompt is None:
            result: Floats = (per_pattern * self.votes.counts[:, None]).T @ per_pattern
            return result
        row_of = self.votes.pattern_of
        columns = [np.bincount(self.prompt, weights=column[row_of]) for column in per_pattern.T]
        sums: Floats = np.stack(columns, axis=1).astype(np.float64)
        prompts = len(sums)
        by_prompt: Floats = sums.T @ sums * (prompts / max(prompts - 1, 1))
        return by_prompt


def estimate_rate_intervals(scores: LikelihoodScores, level: float = 0.95) -> tuple[DawidSkeneRates, DawidSkeneRates]:
    """Return the lower and upper ends of all rates."""
    rates = scores.rates
    rate_covariance = scores.inverse @ scores.covariance(scores.of_pattern) @ scores.inverse
    errors = np.sqrt(np.maximum(np.diag(rate_covariance), 0.0)) * ndtri((1 + level) / 2)
    center = logit(np.concatenate([rates.right, rates.phi[0], rates.psi[0]]))
    verifiers = rates.phi.shape[1]
    ends = []
    for sign in (-1.0, 1.0):
        end = expit(center + sign * errors)
        ends.append(DawidSkeneRates(end[:1], end[None, 1 : verifiers + 1], end[None, verifiers + 1 :]))
    return ends[0], ends[1]
