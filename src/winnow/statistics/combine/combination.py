"""One verdict per row from several weak verifiers.

The majority vote is the baseline. A row passes if its score, the chance of being right, is at least one
half; a row that nobody decided, or a tied majority, abstains. A refusal is a result, not an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.statistics.card_inputs import Floats, Integers
from winnow.statistics.combine.dawid_skene import (
    LikelihoodScores,
    estimate_rate_intervals,
    fit_dawid_skene,
    posterior_right,
)
from winnow.statistics.combine.dependence import (
    CombineRefusal,
    PairDependence,
    find_combine_warnings,
    measure_pairs,
    refuse_copies,
    refuse_dependent,
    refuse_too_few,
)
from winnow.statistics.combine.stacking import StackLabels, stack_scores
from winnow.statistics.combine.vote_patterns import PASS, count_vote_patterns
from winnow.statistics.intervals import EstimateWarning, IntervalEstimate
from winnow.storage.canonical_json import to_plain

ASSUME_MOST_BEAT_CHANCE = "most verifiers, weighted by the rows they decide, pass right rows more often than wrong ones"
DOCUMENT_FIELDS = ("right", "verifiers", "pairs", "warnings", "assumes", "held_out")
ASSUME_INDEPENDENCE = "given that a row is right or wrong, verifiers err independently of one another"


@dataclass(frozen=True)
class VerifierRates:
    """The estimates of one verifier; phi and psi are None where the method does not estimate them."""

    name: str
    decided: float
    phi: IntervalEstimate | None = None
    psi: IntervalEstimate | None = None


@dataclass(frozen=True, eq=False)
class CombinedVotes:
    """A score (NaN where nobody decided) and a verdict per row, with the estimates they rest on."""

    method: str
    score: Floats
    verdict: npt.NDArray[np.str_]
    verifiers: tuple[VerifierRates, ...]
    right: IntervalEstimate | None = None
    pairs: tuple[PairDependence, ...] = ()
    warnings: tuple[EstimateWarning, ...] = ()
    assumes: tuple[str, ...] = ()
    held_out: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document, without the rows."""
        return {
            "method": self.method,
            "rows": len(self.verdict),
            **{verdict: int((self.verdict == verdict).sum()) for verdict in ("pass", "fail", "abstain")},
            **{name: to_plain(getattr(self, name)) for name in DOCUMENT_FIELDS},
        }


def combine_votes(
    columns: npt.ArrayLike, names: Sequence[str], prompt: Integers | None = None
) -> CombinedVotes | CombineRefusal:
    """Combine votes 1 (pass), 0 (fail), -1 (abstain) without labels; one row per candidate, one column per verifier."""
    table = count_vote_patterns(columns, names)
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
            phi=IntervalEstimate(float(rates.phi[0, k]), float(low.phi[0, k]), float(high.phi[0, k])),
            psi=IntervalEstimate(float(rates.psi[0, k]), float(low.psi[0, k]), float(high.psi[0, k])),
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
        right=IntervalEstimate(float(rates.right[0]), float(low.right[0]), float(high.right[0])),
        pairs=tuple(pair_dependences),
        warnings=tuple(find_combine_warnings(table, rates, pair_dependences)),
        assumes=(ASSUME_INDEPENDENCE, ASSUME_MOST_BEAT_CHANCE),
    )


def combine_labeled(
    columns: npt.ArrayLike, names: Sequence[str], labeled: StackLabels
) -> CombinedVotes | CombineRefusal:
    """Combine votes or scores with labels; NaN where a verifier decided nothing."""
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
        held_out={"ridge": stacked.ridge, "log_loss": stacked.log_loss, "accuracy": stacked.accuracy},
    )


def majority_vote(columns: npt.ArrayLike, names: Sequence[str]) -> CombinedVotes:
    """Return the share of deciding verifiers that pass; a tie abstains."""
    table = count_vote_patterns(columns, names)
    decided_counts = (table.patterns >= 0).sum(axis=1)
    pass_counts = (table.patterns == PASS).sum(axis=1)
    unknown = np.full(len(decided_counts), np.nan)
    share = np.divide(pass_counts, decided_counts, out=unknown, where=decided_counts > 0)[table.pattern_of]
    verdict = np.where(share == 0.5, "abstain", _verdicts_from_scores(share))
    deciding = zip(table.names, table.decided_shares(), strict=True)
    verifiers = tuple(VerifierRates(name, float(decided)) for name, decided in deciding)
    return CombinedVotes("majority", share, verdict, verifiers)


def _verdicts_from_scores(score: Floats) -> npt.NDArray[np.str_]:
    return np.where(np.isnan(score), "abstain", np.where(score >= 0.5, "pass", "fail"))
