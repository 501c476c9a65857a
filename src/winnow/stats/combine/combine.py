"""One verdict per row from several weak verifiers.

Without labels: the two-class model of em.py, behind the checks of dependence.py. With labels: stack.py. The majority
is the baseline, and asks for nothing. A row passes if its score, the chance of being right, is at least one half; a row
nobody decided, or a majority's tie, abstains.

A refusal is a result, not an exception: the caller says it and may go on with the majority.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.stats.combine.dependence import Refused, Warned, copies, too_dependent, too_few, warnings
from winnow.stats.combine.em import fit, posterior_of
from winnow.stats.combine.errors import Pair, Scores, intervals, pairs
from winnow.stats.combine.stack import Labeled, stack
from winnow.stats.combine.votes import PASS, Floats, Ints
from winnow.stats.combine.votes import votes as folded

MOST_BEAT_CHANCE = "most verifiers, weighted by the rows they decide, pass right rows more often than wrong ones"
INDEPENDENT = "given right or wrong, verifiers err independently of one another"


@dataclass(frozen=True)
class Between:
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Verifier:
    """What the votes say of one verifier; phi and psi None where the method does not estimate them."""

    name: str
    decided: float
    phi: Between | None = None
    psi: Between | None = None


@dataclass(frozen=True, eq=False)
class Combined:
    """A score (NaN where nobody decided) and a verdict per row, and what they rest on."""

    method: str
    score: Floats
    verdict: npt.NDArray[np.str_]
    verifiers: tuple[Verifier, ...]
    right: Between | None = None
    pairs: tuple[Pair, ...] = ()
    warnings: tuple[Warned, ...] = ()
    assumes: tuple[str, ...] = ()
    held_out: dict[str, float] | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-able values; rows stand in score and verdict."""
        names, counts = np.unique(self.verdict, return_counts=True)
        verdicts = dict.fromkeys(("pass", "fail", "abstain"), 0) | dict(
            zip(names.tolist(), counts.tolist(), strict=True)
        )
        return {
            "method": self.method,
            "rows": len(self.verdict),
            **verdicts,
            "right": None if self.right is None else asdict(self.right),
            "verifiers": [asdict(verifier) for verifier in self.verifiers],
            "pairs": [asdict(pair) for pair in self.pairs],
            "warnings": [asdict(warned) for warned in self.warnings],
            "assumes": list(self.assumes),
            "held_out": self.held_out,
        }


def combine(columns: npt.ArrayLike, names: Sequence[str], prompt: Ints | None = None) -> Combined | Refused:
    """Without labels, from votes 1 (pass), 0 (fail), -1 (abstain): one row per candidate, one column per verifier."""
    table = folded(columns, names)
    refused = too_few(table)
    if refused is not None:
        return refused
    rates = fit(table)
    scores = Scores.at(table, rates, prompt)
    found = pairs(scores)
    refused = copies(found) or too_dependent(table.names, found)
    if refused is not None:
        return refused
    low, high = intervals(scores)
    verifiers = [
        Verifier(
            name=name,
            decided=float(decided),
            phi=Between(float(rates.phi[0, k]), float(low.phi[0, k]), float(high.phi[0, k])),
            psi=Between(float(rates.psi[0, k]), float(low.psi[0, k]), float(high.psi[0, k])),
        )
        for k, (name, decided) in enumerate(zip(table.names, table.decided(), strict=True))
    ]
    voted = (table.patterns >= 0).any(axis=1)
    score = np.where(voted, posterior_of(table, rates)[0], np.nan)[table.pattern_of]
    return Combined(
        method="em",
        score=score,
        verdict=_verdicts(score),
        verifiers=tuple(verifiers),
        right=Between(float(rates.right[0]), float(low.right[0]), float(high.right[0])),
        pairs=tuple(found),
        warnings=tuple(warnings(table, rates, found)),
        assumes=(INDEPENDENT, MOST_BEAT_CHANCE),
    )


def combine_labeled(columns: npt.ArrayLike, names: Sequence[str], labeled: Labeled) -> Combined | Refused:
    """With labels, from votes or scores; NaN where a verifier said nothing."""
    table = np.asarray(columns, dtype=np.float64)
    stacked = stack(table, labeled)
    if isinstance(stacked, Refused):
        return stacked
    known = np.isfinite(table)
    score = np.where(known.any(axis=1), stacked.score, np.nan)
    shares = known.mean(axis=0)
    return Combined(
        method="stack",
        score=score,
        verdict=_verdicts(score),
        verifiers=tuple(Verifier(name, float(share)) for name, share in zip(names, shares, strict=True)),
        held_out=stacked.plain(),
    )


def majority(columns: npt.ArrayLike, names: Sequence[str]) -> Combined:
    """The share of deciding verifiers that pass; a tie abstains."""
    table = folded(columns, names)
    said = (table.patterns >= 0).sum(axis=1)
    passed = (table.patterns == PASS).sum(axis=1)
    share = np.divide(passed, said, out=np.full(len(said), np.nan), where=said > 0)[table.pattern_of]
    verdict = np.where(share == 0.5, "abstain", _verdicts(share))
    deciding = zip(table.names, table.decided(), strict=True)
    return Combined("majority", share, verdict, tuple(Verifier(name, float(decided)) for name, decided in deciding))


def _verdicts(score: Floats) -> npt.NDArray[np.str_]:
    return np.where(np.isnan(score), "abstain", np.where(score >= 0.5, "pass", "fail"))
