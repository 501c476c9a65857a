"""When votes may not be combined without labels: too few verifiers, copies, or too few that err by themselves.

Label-free estimates rest on at least three verifiers that err independently. Refused are: fewer than three that decide
enough rows; verifiers that agree like copies; and so much dependence that fewer than three are left without it. Milder
dependence is named as a warning. The test over all pairs calls independent verifiers dependent in 1% of cases.

What cannot be seen: an error all verifiers share (they then agree on something else than the truth), and any
dependence among just three. Both are said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from winnow.statistics.combine.dawid_skene import DawidSkeneRates, find_likelier_rates, posterior_right
from winnow.statistics.combine.standard_errors import PairDependence
from winnow.statistics.combine.vote_patterns import VotePatterns

LEAST_VERIFIERS = 3
LEAST_OF_EACH = 10  # passes and fails, of each verifier
LEAST_SHARED_ROWS = 50  # rows that three or more decide
COPY_KAPPA = 0.9  # kappa; what two verifiers reach that are right in 97.5% of cases, independently
FALSE_ALARM_RATE = 0.01  # over all pairs
DEPENDENT_CORRELATION = 0.05  # correlation beyond the model's from which a pair no longer errs by itself
DIFFERING_SHARE = 0.05  # share of rows on which two readings of the votes disagree


@dataclass(frozen=True)
class CombineRefusal:
    """Why there is no combined verdict, and what to do about it."""

    code: str
    problem: str
    next_step: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"refused": asdict(self)}


@dataclass(frozen=True)
class CombineWarning:
    """What the user should know before trusting the result."""

    code: str
    sure: bool
    words: str


def refuse_too_few(votes: VotePatterns) -> CombineRefusal | None:
    """Fewer than three verifiers that decide enough, or hardly a row that three decide."""
    passes, fails = votes.counts @ votes.passed, votes.counts @ votes.failed
    used = [name for name, p, f in zip(votes.names, passes, fails, strict=True) if min(p, f) >= LEAST_OF_EACH]
    if len(used) < len(votes.names):
        idle = ", ".join(name for name in votes.names if name not in used)
        problem = f"{idle}: fewer than {LEAST_OF_EACH} passes or fewer than {LEAST_OF_EACH} fails"
        left = f"{len(used)} of {len(votes.names)} verifiers decide enough"
        step = "Leave them out" if len(used) >= LEAST_VERIFIERS else f"{left}, and three are needed; label rows instead"
        return CombineRefusal("too-few", problem, step)
    if len(used) < LEAST_VERIFIERS:
        problem = f"{len(used)} verifiers, and without labels three are needed"
        return CombineRefusal("too-few", problem, "Add one, or label rows and combine with the labels")
    shared = float(votes.counts[(votes.patterns >= 0).sum(axis=1) >= LEAST_VERIFIERS].sum())
    if shared < LEAST_SHARED_ROWS:
        problem = f"{shared:.0f} rows are decided by three verifiers or more, and {LEAST_SHARED_ROWS} are needed"
        return CombineRefusal("too-few", problem, "Judge the same rows with all of them")
    return None


def refuse_copies(pairs: Sequence[PairDependence]) -> CombineRefusal | None:
    """Verifiers that agree as one verifier would with itself, or as two that are nearly always right."""
    copied_pairs = [pair for pair in pairs if pair.kappa is not None and pair.kappa >= COPY_KAPPA]
    if not copied_pairs:
        return None
    copied_names = list(dict.fromkeys(name for pair in copied_pairs for name in (pair.first, pair.second)))
    least_kappa = min(pair.kappa or 0.0 for pair in copied_pairs)
    problem = f"{', '.join(copied_names)} are too dependent: they agree like copies of one verifier (kappa {least_kappa:.2f} or more)"
    return CombineRefusal(
        "copies", problem, "Keep one of those that agree so, since each would count as a witness of its own"
    )


def refuse_dependent(names: Sequence[str], pairs: Sequence[PairDependence]) -> CombineRefusal | None:
    """Fewer than three verifiers left that agree with no other more than the model explains.

    With three left they decide what the others have in common. With two, the model may as well have taken the other
    group's opinion for the truth: the votes look the same.
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
    problem = (
        f"{len(names)} verifiers are too dependent: {len(independent_names)} of them err by themselves, and three are needed "
        f"({worst.first} and {worst.second}: correlation {worst.correlation:.2f} beyond what the model explains)"
    )
    return CombineRefusal(
        "too-dependent", problem, "Add verifiers of another kind, or label rows and combine with the labels"
    )


def find_significant_pairs(pairs: Sequence[PairDependence]) -> list[PairDependence]:
    """Pairs that agree more than independent ones would, over all pairs looked at."""
    bound = float(ndtri(1 - FALSE_ALARM_RATE / max(len(pairs), 1)))
    return [pair for pair in pairs if pair.errors is not None and pair.errors > bound]


def find_combine_warnings(
    votes: VotePatterns, rates: DawidSkeneRates, pairs: Sequence[PairDependence]
) -> list[CombineWarning]:
    """Dependence that was seen, that cannot be seen, and a likelier way to read the same votes."""
    found = []
    if len(votes.names) == LEAST_VERIFIERS:
        message = "three verifiers fit any votes: whether they err independently cannot be checked"
        found.append(CombineWarning("not-checkable", True, message))
    for pair in find_significant_pairs(pairs):
        message = (
            f"{pair.first} and {pair.second} agree more than the model explains (correlation {pair.correlation:.2f})"
        )
        consequence = "they, or others that resemble each other, err together, and every phi and psi here is off"
        found.append(CombineWarning("dependent", True, f"{message}: {consequence}"))
    likelier_rates = find_likelier_rates(votes, rates)
    chances = [posterior_right(votes, reading)[0] >= 0.5 for reading in (rates, likelier_rates)]
    differing_share = float(votes.counts @ (chances[0] != chances[1])) / float(np.sum(votes.counts))
    if likelier_rates is not rates and differing_share > DIFFERING_SHARE:
        message = f"another reading of the votes explains them better and differs on {differing_share:.0%} of rows"
        found.append(CombineWarning("two-readings", False, f"{message}: label some rows to see which is right"))
    return found
