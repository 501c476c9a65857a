"""Standard errors of the estimated rates, and the excess agreement of pairs of verifiers.

Both use the derivative of each row's log likelihood (its score): intervals on the logit scale from the covariance of
the scores, and for each pair the agreement beyond the model, corrected for the estimation of the rates. Rows of a
prompt are summed first. There are no random draws. Under the model of dawid_skene.py three verifiers leave no excess to
test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtri

from winnow.statistics.card_inputs import Floats, Integers
from winnow.statistics.combine.dawid_skene import DawidSkeneRates, posterior_right
from winnow.statistics.combine.vote_patterns import VotePatterns
from winnow.statistics.intervals import encode_prompts

LEAST_VARIANCE = 1e-9


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
        """Return the covariance of sums over all rows of these columns per pattern."""
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


@dataclass(frozen=True)
class PairDependence:
    """Two verifiers on the rows both decide: kappa, and their agreement in excess of the model.

    `errors` is the excess in standard errors; `correlation` is the excess as a correlation given right or wrong.
    """

    first: str
    second: str
    rows: int
    kappa: float | None
    errors: float | None
    correlation: float | None


def measure_pairs(scores: LikelihoodScores) -> list[PairDependence]:
    """Measure every pair of verifiers."""
    names = scores.votes.names
    return [_measure_pair(scores, j, k) for j in range(len(names)) for k in range(j + 1, len(names))]


def _measure_pair(scores: LikelihoodScores, j: int, k: int) -> PairDependence:
    votes, rates = scores.votes, scores.rates
    passed, decided = votes.passed, votes.passed + votes.failed
    both = decided[:, j] * decided[:, k]
    rows = float(votes.counts @ both)
    agree = both * (passed[:, j] == passed[:, k])
    right, phi, psi = rates.right[0], rates.phi[0], rates.psi[0]
    given_right = phi[j] * phi[k] + (1 - phi[j]) * (1 - phi[k])
    given_wrong = psi[j] * psi[k] + (1 - psi[j]) * (1 - psi[k])
    expected = right * given_right + (1 - right) * given_wrong
    slope = np.zeros(scores.of_pattern.shape[1])
    slope[0] = right * (1 - right) * (given_right - given_wrong)
    for verifier, partner in ((j, k), (k, j)):
        slope[1 + verifier] = right * (2 * phi[partner] - 1) * phi[verifier] * (1 - phi[verifier])
        slope[1 + len(phi) + verifier] = (1 - right) * (2 * psi[partner] - 1) * psi[verifier] * (1 - psi[verifier])
    residual = agree - both * expected - rows * scores.of_pattern @ (scores.inverse @ slope)
    variance = float(scores.covariance(residual[:, None])[0, 0])
    excess = float(votes.counts @ agree) - rows * expected
    spread = right * _sd_product(phi, j, k) + (1 - right) * _sd_product(psi, j, k)
    checkable = len(phi) > 3 and variance > LEAST_VARIANCE * rows
    return PairDependence(
        first=votes.names[j],
        second=votes.names[k],
        rows=round(rows),
        kappa=_cohen_kappa(votes, j, k),
        errors=float(excess / variance**0.5) if checkable else None,
        correlation=float(min(max(excess / rows / 2 / spread, -1.0), 1.0)) if checkable else None,
    )


def _sd_product(chance: Floats, j: int, k: int) -> float:
    """Return the product of the standard deviations of two votes."""
    return float(np.sqrt(chance[j] * (1 - chance[j]) * chance[k] * (1 - chance[k])))


def _cohen_kappa(votes: VotePatterns, j: int, k: int) -> float | None:
    """Return Cohen's kappa on the rows both decide; None if chance agreement is complete."""
    both = votes.counts * ((votes.patterns[:, j] >= 0) & (votes.patterns[:, k] >= 0))
    rows = float(np.sum(both))
    if not rows:
        return None
    first, second = float(both @ votes.passed[:, j]) / rows, float(both @ votes.passed[:, k]) / rows
    agree = float(both @ (votes.patterns[:, j] == votes.patterns[:, k])) / rows
    by_chance = first * second + (1 - first) * (1 - second)
    return (agree - by_chance) / (1 - by_chance) if by_chance < 1 else None
