"""Checks before votes are combined without labels: too few verifiers, copies, or too few that err independently.

Label-free estimates need at least three verifiers that err independently. Refused are: fewer than three that decide
enough rows; verifiers that agree like copies; and dependence that leaves fewer than three. Weaker dependence gives a
warning. A pair is tested by its agreement beyond the model, corrected for the estimation of the rates. Over all pairs,
independent verifiers are called dependent in 1% of cases. An error that all verifiers share and dependence among just
three verifiers cannot be detected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from winnow.statistics.card_inputs import Floats
from winnow.statistics.combine.dawid_skene import (
    DawidSkeneRates,
    LikelihoodScores,
    find_likelier_rates,
    posterior_right,
)
from winnow.statistics.combine.vote_patterns import VotePatterns
from winnow.statistics.intervals import EstimateWarning

LEAST_VARIANCE = 1e-9
LEAST_VERIFIERS = 3
LEAST_OF_EACH = 10  # passes and fails, of each verifier
LEAST_SHARED_ROWS = 50  # rows that three or more decide
COPY_KAPPA = 0.9  # two independent verifiers reach this kappa if each is right in 97.5% of cases
FALSE_ALARM_RATE = 0.01  # over all pairs
DEPENDENT_CORRELATION = 0.05  # correlation beyond the model's from which a pair counts as dependent
DIFFERING_SHARE = 0.05  # share of rows on which two readings of the votes disagree


@dataclass(frozen=True)
class CombineRefusal:
    """Why there is no combined verdict, and what to do about it."""

    code: str
    problem: str
    next_step: str


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


def refuse_too_few(votes: VotePatterns) -> CombineRefusal | None:
    """Refuse fewer than three verifiers that decide enough rows, or too few rows that three decide."""
    passes, fails = votes.counts @ votes.passed, votes.counts @ votes.failed
    used = [name for name, p, f in zip(votes.names, passes, fails, strict=True) if min(p, f) >= LEAST_OF_EACH]
    if len(used) < len(votes.names):
        idle = ", ".join(name for name in votes.names if name not in used)
        problem = f"{idle}: fewer than {LEAST_OF_EACH} passes or fewer than {LEAST_OF_EACH} fails"
        remaining = f"{len(used)} of {len(votes.names)} verifiers decide enough rows, but three are needed"
        step = "Leave them out" if len(used) >= LEAST_VERIFIERS else f"{remaining}: label rows instead"
        return CombineRefusal("too-few", problem, step)
    if len(used) < LEAST_VERIFIERS:
        problem = f"{len(used)} verifiers, but without labels three are needed"
        return CombineRefusal("too-few", problem, "Add one, or label rows and combine with the labels")
    shared = float(votes.counts[(votes.patterns >= 0).sum(axis=1) >= LEAST_VERIFIERS].sum())
    if shared < LEAST_SHARED_ROWS:
        problem = f"{shared:.0f} rows are decided by three verifiers or more, but {LEAST_SHARED_ROWS} are needed"
        return CombineRefusal("too-few", problem, "Judge the same rows with all of them")
    return None


def refuse_copies(pairs: Sequence[PairDependence]) -> CombineRefusal | None:
    """Refuse verifiers that agree like copies, or like two that are nearly always right."""
    copied_pairs = [pair for pair in pairs if pair.kappa is not None and pair.kappa >= COPY_KAPPA]
    if not copied_pairs:
        return None
    copied_names = list(dict.fromkeys(name for pair in copied_pairs for name in (pair.first, pair.second)))
    least_kappa = min(pair.kappa or 0.0 for pair in copied_pairs)
    problem = (
        f"{', '.join(copied_names)} are too dependent: they agree like copies of one verifier"
        f" (kappa {least_kappa:.2f} or more)"
    )
    return CombineRefusal("copies", problem, "Keep one of them, since each would count as independent evidence")


def refuse_dependent(names: Sequence[str], pairs: Sequence[PairDependence]) -> CombineRefusal | None:
    """Refuse if fewer than three verifiers are left that agree with no other more than the model explains.

    Three of them determine what the others have in common. With two, the model may have taken the other group's opinion
    for the truth: the votes look the same.
    """
    dependent_pairs = [
        pair
        for pair in find_significant_pairs(pairs)
        if pair.correlation is not None and pair.correlation >= DEPENDENT_CORRELATION
    ]
    independent_names = set(names) - {name for pair in dependent_pairs for name in (pair.first, pair.second)}
    if not dependent_pairs or len(independent_names) >= LEAST_VERIFIERS:
        return None
    worst = max(dependent_pairs, key=lambda pair: pair.correlation or 0.0)
    pair = f"{worst.first} and {worst.second}: correlation {worst.correlation:.2f} beyond what the model explains"
    count = f"{len(independent_names)} of them err independently, but three are needed"
    problem = f"{len(names)} verifiers are too dependent: {count} ({pair})"
    step = "Add verifiers of another kind, or label rows and combine with the labels"
    return CombineRefusal("too-dependent", problem, step)


def find_significant_pairs(pairs: Sequence[PairDependence]) -> list[PairDependence]:
    """Return the pairs that agree more than independent verifiers would, corrected for the number of pairs."""
    bound = float(ndtri(1 - FALSE_ALARM_RATE / max(len(pairs), 1)))
    return [pair for pair in pairs if pair.errors is not None and pair.errors > bound]


def find_combine_warnings(
    votes: VotePatterns, rates: DawidSkeneRates, pairs: Sequence[PairDependence]
) -> list[EstimateWarning]:
    """Return warnings of dependence, of unchecked independence, and of a likelier reading of the votes."""
    warnings = []
    if len(votes.names) == LEAST_VERIFIERS:
        message = "with three verifiers the model fits any votes: whether they err independently cannot be checked"
        warnings.append(EstimateWarning("not-checkable", True, message))
    for pair in find_significant_pairs(pairs):
        message = (
            f"{pair.first} and {pair.second} agree more than the model explains (correlation {pair.correlation:.2f})"
        )
        consequence = "they, or others that resemble each other, err together, so every phi and psi here is biased"
        warnings.append(EstimateWarning("dependent", True, f"{message}: {consequence}"))
    likelier_rates = find_likelier_rates(votes, rates)
    chances = [posterior_right(votes, reading)[0] >= 0.5 for reading in (rates, likelier_rates)]
    differing_share = float(votes.counts @ (chances[0] != chances[1])) / float(np.sum(votes.counts))
    if likelier_rates is not rates and differing_share > DIFFERING_SHARE:
        message = f"another solution explains the votes better and differs on {differing_share:.0%} of rows"
        warnings.append(EstimateWarning("two-readings", False, f"{message}: label some rows to see which is right"))
    return warnings


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
