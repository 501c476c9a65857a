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

from winnow.statistics.combine.dawid_skene import fit_dawid_skene, posterior_right
from winnow.statistics.combine.dependence import (
    CombineRefusal,
    CombineWarning,
    find_combine_warnings,
    refuse_copies,
    refuse_dependent,
    refuse_too_few,
)
from winnow.statistics.combine.stacking import StackLabels, stack_scores
from winnow.statistics.combine.standard_errors import (
    LikelihoodScores,
    PairDependence,
    estimate_rate_intervals,
    measure_pairs,
)
from winnow.statistics.combine.vote_patterns import PASS, Floats, Ints
from winnow.statistics.combine.vote_patterns import count_vote_patterns as folded

ASSUME_MOST_BEAT_CHANCE = "most verifiers, weighted by the rows they decide, pass right rows more often than wrong ones"
ASSUME_INDEPENDENCE = "given right or wrong, verifiers err independently of one another"


@dataclass(frozen=True)
class RateInterval:
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class VerifierRates:
    """What the votes say of one verifier; phi and psi None where the method does not estimate them."""

    name: str
    decided: float
    phi: RateInterval | None = None
    psi: RateInterval | None = None


@dataclass(frozen=True, eq=False)
class CombinedVotes:
    """A score (NaN where nobody decided) and a verdict per row, and what they rest on."""

    method: str
    score: Floats
    verdict: npt.NDArray[np.str_]
    verifiers: tuple[VerifierRates, ...]
    right: RateInterval | None = None
    pairs: tuple[PairDependence, ...] = ()
    warnings: tuple[CombineWarning, ...] = ()
    assumes: tuple[str, ...] = ()
    held_out: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
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


def combine_votes(
    columns: npt.ArrayLike, names: Sequence[str], prompt: Ints | None = None
) -> CombinedVotes | CombineRefusal:
    """Without labels, from votes 1 (pass), 0 (fail), -1 (abstain): one row per candidate, one column per verifier."""
    table = folded(columns, names)
    refusal = refuse_too_few(table)
    if refusal is not None:
        return refusal
    rates = fit_dawid_skene(table)
    scores = LikelihoodScores.at_rates(table, rates, prompt)
    pair_dependences = measure_pairs(scores)
    refusal = refuse_copies(pair_dependences) or refuse_dependent(table.names, pair_dependences)
    if refusal is not None:
        return refusal
    low, high = estimate_rate_intervals(scores)
    verifiers = [
        VerifierRates(
            name=name,
            decided=float(decided),
            phi=RateInterval(float(rates.phi[0, k]), float(low.phi[0, k]), float(high.phi[0, k])),
            psi=RateInterval(float(rates.psi[0, k]), float(low.psi[0, k]), float(high.psi[0, k])),
        )
        for k, (name, decided) in enumerate(zip(table.names, table.decided_shares(), strict=True))
    ]
    has_vote = (table.patterns >= 0).any(axis=1)
    score = np.where(has_vote, posterior_right(table, rates)[0], np.nan)[table.pattern_of]
    return CombinedVotes(
        method="em",
        score=score,
        verdict=_verdicts_from_scores(score),
        verifiers=tuple(verifiers),
        right=RateInterval(float(rates.right[0]), float(low.right[0]), float(high.right[0])),
        pairs=tuple(pair_dependences),
        warnings=tuple(find_combine_warnings(table, rates, pair_dependences)),
        assumes=(ASSUME_INDEPENDENCE, ASSUME_MOST_BEAT_CHANCE),
    )


def combine_labeled(
    columns: npt.ArrayLike, names: Sequence[str], labeled: StackLabels
) -> CombinedVotes | CombineRefusal:
    """With labels, from votes or scores; NaN where a verifier said nothing."""
    table = np.asarray(columns, dtype=np.float64)
    stacked = stack_scores(table, labeled)
    if isinstance(stacked, CombineRefusal):
        return stacked
    is_scored = np.isfinite(table)
    score = np.where(is_scored.any(axis=1), stacked.score, np.nan)
    shares = is_scored.mean(axis=0)
    return CombinedVotes(
        method="stack",
        score=score,
        verdict=_verdicts_from_scores(score),
        verifiers=tuple(VerifierRates(name, float(share)) for name, share in zip(names, shares, strict=True)),
        held_out=stacked.to_dict(),
    )


def majority_vote(columns: npt.ArrayLike, names: Sequence[str]) -> CombinedVotes:
    """The share of deciding verifiers that pass; a tie abstains."""
    table = folded(columns, names)
    decided_counts = (table.patterns >= 0).sum(axis=1)
    pass_counts = (table.patterns == PASS).sum(axis=1)
    share = np.divide(pass_counts, decided_counts, out=np.full(len(decided_counts), np.nan), where=decided_counts > 0)[
        table.pattern_of
    ]
    verdict = np.where(share == 0.5, "abstain", _verdicts_from_scores(share))
    deciding = zip(table.names, table.decided_shares(), strict=True)
    return CombinedVotes(
        "majority", share, verdict, tuple(VerifierRates(name, float(decided)) for name, decided in deciding)
    )


def _verdicts_from_scores(score: Floats) -> npt.NDArray[np.str_]:
    return np.where(np.isnan(score), "abstain", np.where(score >= 0.5, "pass", "fail"))
