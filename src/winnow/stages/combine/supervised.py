"""What labels say of a combination: the card of the combined verdict, of the majority, and of the best verifier alone.

A labeled row's combined verdict comes from a fit that did not see its prompt, so its card is measured and not
flattered. A verifier alone votes as it does; a score alone is cut where the labels of the other folds say, so it is
held out as well. The best is chosen on the same labels, which flatters it and not the combination.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.stages.combine.vote_columns import NO_VOTE, VerifierVotes, VotesArray
from winnow.stages.combine.votes_reader import Floats, VoteTable
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import LabeledRows as Judgments
from winnow.statistics.card_inputs import MeasureOptions, VerdictCounts
from winnow.statistics.card_report import Card
from winnow.statistics.combine import CombinedVotes, StackLabels, combine_labeled
from winnow.statistics.paired_comparison import ComparedVerifier, SharedLabels, VerifierComparison, compare_verifiers

VERDICT_CODES = {"pass": 1, "fail": 0, "abstain": NO_VOTE}


@dataclass(frozen=True, eq=False)
class SupervisedReport:
    """Cards by name, the combined one first; how they differ; the share of labels each one's verdicts match."""

    cards: dict[str, Card]
    comparison: VerifierComparison
    best: str
    accuracy: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        first, *others = ({"verifier": name, **one.to_dict()} for name, one in self.cards.items())
        return {
            "card": first,
            "beside": others,
            "differences": self.comparison.to_dict()["pairs"],
            "best_single": self.best,
            "accuracy": self.accuracy,
        }


def verdict_codes(combined: CombinedVotes) -> VotesArray:
    """1 pass, 0 fail, -1 abstain."""
    codes = np.full(len(combined.verdict), NO_VOTE, np.int8)
    for word, code in VERDICT_CODES.items():
        codes[combined.verdict == word] = code
    return codes


def evaluate_supervised(
    vote_table: VoteTable, labeled: StackLabels, verdicts: Mapping[str, VotesArray], label_options: MeasureOptions
) -> SupervisedReport:
    """Cards of these verdicts (the combination's first, the majority's second) and of the best verifier alone."""
    single_verdicts = {verifier.name: _single_verdicts(verifier, labeled) for verifier in vote_table.verifiers}
    weight = _label_weights(vote_table, labeled.known)
    right = labeled.right[labeled.known]
    accuracy = {
        name: float(np.average(codes[labeled.known] == right, weights=weight))
        for name, codes in {**single_verdicts, **verdicts}.items()
    }
    best = max(single_verdicts, key=lambda name: accuracy[name])
    compared, cards = [], {}
    prompt = np.arange(len(vote_table.rows)) if vote_table.prompt is None else vote_table.prompt
    for name, codes in {**verdicts, best: single_verdicts[best]}.items():
        counts, decided = _verdict_counts(codes, vote_table.prompt), labeled.known & (codes != NO_VOTE)
        prompt_kept, prompt_decided = (
            _count_per_prompt(codes == 1, vote_table),
            _count_per_prompt(codes != NO_VOTE, vote_table),
        )
        rows = Judgments(
            codes[decided] == 1,
            labeled.right[decided].astype(np.float64),
            prompt[decided],
            _label_weights(vote_table, decided),
            None if prompt_kept is None else prompt_kept[decided],
            None if prompt_decided is None else prompt_decided[decided],
        )
        cards[name] = estimate_card(counts, rows, label_options)
        prompt_kept_labeled = None if prompt_kept is None else prompt_kept[labeled.known]
        compared.append(ComparedVerifier(name, counts, codes[labeled.known], None, prompt_kept_labeled))
    prompt_rows = _count_per_prompt(np.ones(len(prompt), np.bool_), vote_table)
    prompt_rows_labeled = None if prompt_rows is None else prompt_rows[labeled.known]
    labels = SharedLabels(right.astype(np.float64), prompt[labeled.known], weight, prompt_rows_labeled)
    return SupervisedReport(cards, compare_verifiers(compared, labels, label_options), best, accuracy)


def _count_per_prompt(mask: npt.NDArray[np.bool_], vote_table: VoteTable) -> Floats | None:
    """For each row, how many such rows its prompt has."""
    if vote_table.prompt is None:
        return None
    counts: Floats = np.bincount(vote_table.prompt, mask)[vote_table.prompt].astype(np.float64)
    return counts


def _single_verdicts(verifier: VerifierVotes, labeled: StackLabels) -> VotesArray:
    """One verifier's verdicts: its votes, or its score cut by the labels of other folds."""
    if verifier.threshold is None:
        return verifier.votes()
    fit = combine_labeled(verifier.numbers()[:, None], [verifier.name], labeled)
    return verdict_codes(fit) if isinstance(fit, CombinedVotes) else verifier.votes()


def _verdict_counts(codes: VotesArray, prompt: npt.NDArray[np.int64] | None) -> VerdictCounts:
    kept, decided = int((codes == 1).sum()), int((codes != NO_VOTE).sum())
    totals = VerdictCounts(kept, decided - kept, abstain=len(codes) - decided)
    if prompt is None or not decided:
        return totals
    kept_by_prompt, decided_by_prompt = np.bincount(prompt, codes == 1), np.bincount(prompt, codes != NO_VOTE)
    spread = float(((kept_by_prompt - kept / decided * decided_by_prompt) ** 2).sum())
    with_kept = {
        number: count for number, count in enumerate(np.bincount(kept_by_prompt.astype(np.int64)).tolist()) if count
    }
    return replace(totals, prompts=int((decided_by_prompt > 0).sum()), spread=spread, with_kept=with_kept)


def _label_weights(vote_table: VoteTable, rows: npt.NDArray[np.bool_]) -> Floats | None:
    """How many rows each label speaks for, where a plan drew them all."""
    if vote_table.drawn is None:
        return None
    drawn = vote_table.drawn[rows]
    return None if not len(drawn) or np.isnan(drawn).any() else 1.0 / drawn
