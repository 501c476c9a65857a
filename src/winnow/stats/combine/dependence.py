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

from winnow.stats.combine.em import Rates, posterior_of, readings
from winnow.stats.combine.errors import Pair
from winnow.stats.combine.votes import Votes

LEAST_VERIFIERS = 3
LEAST_OF_EACH = 10  # passes and fails, of each verifier
LEAST_SHARED = 50  # rows that three or more decide
COPIES = 0.9  # kappa; what two verifiers reach that are right in 97.5% of cases, independently
FALSE_ALARMS = 0.01  # over all pairs
DEPENDENT = 0.05  # correlation beyond the model's from which a pair no longer errs by itself
DIFFERENT = 0.05  # share of rows on which two readings of the votes disagree


@dataclass(frozen=True)
class Refused:
    """Why there is no combined verdict, and what to do about it."""

    code: str
    problem: str
    next_step: str

    def plain(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"refused": asdict(self)}


@dataclass(frozen=True)
class Warned:
    """What the user should know before trusting the result."""

    code: str
    sure: bool
    words: str


def too_few(votes: Votes) -> Refused | None:
    """Fewer than three verifiers that decide enough, or hardly a row that three decide."""
    passes, fails = votes.counts @ votes.passed, votes.counts @ votes.failed
    used = [name for name, p, f in zip(votes.names, passes, fails, strict=True) if min(p, f) >= LEAST_OF_EACH]
    if len(used) < len(votes.names):
        idle = ", ".join(name for name in votes.names if name not in used)
        problem = f"{idle}: fewer than {LEAST_OF_EACH} passes or fewer than {LEAST_OF_EACH} fails"
        left = f"{len(used)} of {len(votes.names)} verifiers decide enough"
        step = "Leave them out" if len(used) >= LEAST_VERIFIERS else f"{left}, and three are needed; label rows instead"
        return Refused("too-few", problem, step)
    if len(used) < LEAST_VERIFIERS:
        problem = f"{len(used)} verifiers, and without labels three are needed"
        return Refused("too-few", problem, "Add one, or label rows and combine with the labels")
    shared = float(votes.counts[(votes.patterns >= 0).sum(axis=1) >= LEAST_VERIFIERS].sum())
    if shared < LEAST_SHARED:
        problem = f"{shared:.0f} rows are decided by three verifiers or more, and {LEAST_SHARED} are needed"
        return Refused("too-few", problem, "Judge the same rows with all of them")
    return None


def copies(pairs: Sequence[Pair]) -> Refused | None:
    """Verifiers that agree as one verifier would with itself, or as two that are nearly always right."""
    alike = [pair for pair in pairs if pair.kappa is not None and pair.kappa >= COPIES]
    if not alike:
        return None
    found = list(dict.fromkeys(name for pair in alike for name in (pair.first, pair.second)))
    least = min(pair.kappa or 0.0 for pair in alike)
    problem = (
        f"{', '.join(found)} are too dependent: they agree like copies of one verifier (kappa {least:.2f} or more)"
    )
    return Refused("copies", problem, "Keep one of those that agree so, since each would count as a witness of its own")


def too_dependent(names: Sequence[str], pairs: Sequence[Pair]) -> Refused | None:
    """Fewer than three verifiers left that agree with no other more than the model explains.

    With three left they decide what the others have in common. With two, the model may as well have taken the other
    group's opinion for the truth: the votes look the same.
    """
    tied = [pair for pair in sure(pairs) if pair.correlation is not None and pair.correlation >= DEPENDENT]
    alone = set(names) - {name for pair in tied for name in (pair.first, pair.second)}
    if not tied or len(alone) >= LEAST_VERIFIERS:
        return None
    worst = max(tied, key=lambda pair: pair.correlation or 0.0)
    problem = (
        f"{len(names)} verifiers are too dependent: {len(alone)} of them err by themselves, and three are needed "
        f"({worst.first} and {worst.second}: correlation {worst.correlation:.2f} beyond what the model explains)"
    )
    return Refused("too-dependent", problem, "Add verifiers of another kind, or label rows and combine with the labels")


def sure(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs that agree more than independent ones would, over all pairs looked at."""
    bound = float(ndtri(1 - FALSE_ALARMS / max(len(pairs), 1)))
    return [pair for pair in pairs if pair.errors is not None and pair.errors > bound]


def warnings(votes: Votes, rates: Rates, pairs: Sequence[Pair]) -> list[Warned]:
    """Dependence that was seen, that cannot be seen, and a likelier way to read the same votes."""
    said = []
    if len(votes.names) == LEAST_VERIFIERS:
        words = "three verifiers fit any votes: whether they err independently cannot be checked"
        said.append(Warned("not-checkable", True, words))
    for pair in sure(pairs):
        words = (
            f"{pair.first} and {pair.second} agree more than the model explains (correlation {pair.correlation:.2f})"
        )
        told = "they, or others that resemble each other, err together, and every phi and psi here is off"
        said.append(Warned("dependent", True, f"{words}: {told}"))
    other = readings(votes, rates)
    chances = [posterior_of(votes, reading)[0] >= 0.5 for reading in (rates, other)]
    apart = float(votes.counts @ (chances[0] != chances[1])) / float(np.sum(votes.counts))
    if other is not rates and apart > DIFFERENT:
        words = f"another reading of the votes explains them better and differs on {apart:.0%} of rows"
        said.append(Warned("two-readings", False, f"{words}: label some rows to see which is right"))
    return said
