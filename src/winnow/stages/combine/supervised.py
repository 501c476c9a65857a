"""What labels say about a combination: the cards of the combined verdict, of the majority, and of the best verifier.

The combined verdict of a labeled row comes from a fit that did not see its prompt, so its card is measured; the same
holds for the threshold of a single score. The best single verifier is chosen on the same labels, which favors it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.stages.combine.votes import NO_VOTE, VerifierVotes, Votes, VoteTable
from winnow.stages.labels import Booleans, Floats, label_weights
from winnow.stages.measure.cards import CardBuilder
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.measure.evidence import KEPT, NO_VERDICT, VERDICT_CODES, Evidence, LabeledEvidence, PromptSums
from winnow.statistics.combine.combination import CombinedVotes, combine_labeled
from winnow.statistics.combine.stacking import StackLabels


def verdict_codes(combined: CombinedVotes) -> Votes:
    """The verdicts as votes."""
    return np.select([combined.verdict == "pass", combined.verdict == "fail"], [1, 0], NO_VOTE).astype(np.int8)


def evaluate_supervised(
    table: VoteTable, labeled: StackLabels, label: str, verdicts: Mapping[str, Votes], seed: int
) -> dict[str, Any]:
    """Measure verdicts, of which the combined ones are first, and the best single verifier on the labels."""
    single = {verifier.name: _single_verdicts(verifier, labeled) for verifier in table.verifiers}
    right, weights = labeled.right[labeled.known], label_weights(table.drawn, labeled.known)
    accuracy = {
        name: float(np.average(codes[labeled.known] == right, weights=weights))
        for name, codes in {**single, **verdicts}.items()
    }
    best = max(single, key=lambda name: accuracy[name])
    evidence = _make_evidence(table, labeled, label, {**verdicts, best: single[best]})
    config = MeasureConfig(seed=seed)
    builder = CardBuilder(evidence, config.label_options(), config)
    measured = [builder.measure_verifier(verifier, 0) for verifier in range(len(evidence.verifiers))]
    first, *others = ({"verifier": one.verifier, **one.card.to_dict()} for one in measured)
    comparison = builder.compare_verifiers()
    return {
        "card": first,
        "beside": others,
        "differences": [] if comparison is None else comparison.to_dict()["pairs"],
        "best_single": best,
        "accuracy": accuracy,
    }


def _single_verdicts(verifier: VerifierVotes, labeled: StackLabels) -> Votes:
    """The verdicts of one verifier: its votes, or its score at a threshold from the labels of other folds."""
    if verifier.threshold is None:
        return verifier.votes()
    fit = combine_labeled(verifier.numbers()[:, None], [verifier.name], labeled)
    return verdict_codes(fit) if isinstance(fit, CombinedVotes) else verifier.votes()


def _make_evidence(table: VoteTable, labeled: StackLabels, label: str, verdicts: Mapping[str, Votes]) -> Evidence:
    """The verdicts as evidence that cards are made from."""
    codes, known = np.stack(list(verdicts.values())), labeled.known
    counts = np.stack([np.bincount(one - NO_VERDICT, minlength=len(VERDICT_CODES)) for one in codes])
    rows = int(known.sum())
    nothing = np.full(rows, None, object)
    evidence = LabeledEvidence(
        row=table.rows[known],
        key=nothing,
        prompt=(np.arange(len(known)) if table.prompt is None else table.prompt)[known],
        verdict=codes[:, known],
        label=labeled.right[known].astype(np.float64)[None],
        drawn=np.full(rows, np.nan) if table.drawn is None else table.drawn[known],
        slice=nothing,
        answer=nothing,
    )
    if table.prompt is None:
        return Evidence(tuple(verdicts), (label,), {None: counts}, {}, evidence)
    kept, decided = _count_by_prompt(codes == KEPT, table.prompt), _count_by_prompt(codes != NO_VOTE, table.prompt)
    evidence = replace(
        evidence,
        prompt_kept=kept[:, evidence.prompt],
        prompt_decided=decided[:, evidence.prompt],
        prompt_rows=np.bincount(table.prompt)[evidence.prompt].astype(np.float64),
    )
    sums = [PromptSums.from_counts(*one) for one in zip(kept, decided, strict=True)]
    return Evidence(tuple(verdicts), (label,), {None: counts}, {None: sums}, evidence)


def _count_by_prompt(masks: Booleans, prompt: npt.NDArray[np.int64]) -> Floats:
    return np.stack([np.bincount(prompt, mask) for mask in masks])
