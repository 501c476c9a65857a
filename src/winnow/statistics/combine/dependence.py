"""Checks before votes are combined without labels: too few verifiers, copies, or too few that err independently.

Label-free estimates need at least three verifiers that err independently. Refused are: fewer than three that decide
enough rows; verifiers that agree like copies; and dependence that leaves fewer than three. Weaker dependence gives a
warning. The test over all pairs calls independent verifiers dependent in 1% of cases. An error that all verifiers share
and dependence among just three verifiers cannot be detected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from winnow.statistics.combine.dawid_skene import DawidSkeneRates, find_likelier_rates, posterior_right
from winnow.statistics.combine.standard_errors import PairDependence
from winnow.statistics.combine.vote_patterns import VotePatterns
from winnow.storage.canonical_json import to_plain

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

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {"refused": to_plain(self)}


@dataclass(frozen=True)
class CombineWarning:
    """Something to know before trusting the result."""

    code: str
    sure: bool
    words: str


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
) -> list[CombineWarning]:
    """Return warnings of dependence, of unchecked independence, and of a likelier reading of the votes."""
    warnings = []
    if len(votes.names) == LEAST_VERIFIERS:
        message = "with three verifiers the model fits any votes: whether they err independently cannot be checked"
        warnings.append(CombineWarning("not-checkable", True, message))
    for pair in find_significant_pairs(pairs):
        message = (
            f"{pair.first} and {pair.second} agree more than the model explains (correlation {pair.correlation:.2f})"
        )
        consequence = "they, or others that resemble each other, err together, so every phi and psi here is biased"
        warnings.append(CombineWarning("dependent", True, f"{message}: {consequence}"))
    likelier_rates = find_likelier_rates(votes, rates)
    chances = [posterior_right(votes, reading)[0] >= 0.5 for reading in (rates, likelier_rates)]
    differing_share = float(votes.counts @ (chances[0] != chances[1])) / float(np.sum(votes.counts))
    if likelier_rates is not rates and differing_share > DIFFERING_SHARE:
        message = f"another solution explains the votes better and differs on {differing_share:.0%} of rows"
        warnings.append(CombineWarning("two-readings", False, f"{message}: label some rows to see which is right"))
    return warnings
