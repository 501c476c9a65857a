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

from winnow.stages.decide.combine.hearing import Floats, Hearing
from winnow.stages.decide.combine.voters import NO_VOTE, Voice, VotesArray
from winnow.stats.card import card
from winnow.stats.combine import Combined, Labeled, combine_labeled
from winnow.stats.evidence import Counts, How
from winnow.stats.evidence import Labeled as Judgments
from winnow.stats.paired import Comparison, Judged, Labels, compare
from winnow.stats.words import Card

CODES = {"pass": 1, "fail": 0, "abstain": NO_VOTE}


@dataclass(frozen=True, eq=False)
class Learned:
    """Cards by name, the combined one first; how they differ; the share of labels each one's verdicts match."""

    cards: dict[str, Card]
    comparison: Comparison
    best: str
    accuracy: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        first, *others = ({"verifier": name, **one.plain()} for name, one in self.cards.items())
        return {
            "card": first,
            "beside": others,
            "differences": self.comparison.plain()["pairs"],
            "best_single": self.best,
            "accuracy": self.accuracy,
        }


def codes_of(combined: Combined) -> VotesArray:
    """1 pass, 0 fail, -1 abstain."""
    codes = np.full(len(combined.verdict), NO_VOTE, np.int8)
    for word, code in CODES.items():
        codes[combined.verdict == word] = code
    return codes


def learned(hearing: Hearing, labeled: Labeled, verdicts: Mapping[str, VotesArray], how: How) -> Learned:
    """Cards of these verdicts (the combination's first, the majority's second) and of the best verifier alone."""
    alone = {voice.name: _alone(voice, labeled) for voice in hearing.voices}
    weight = _weight(hearing, labeled.known)
    right = labeled.right[labeled.known]
    accuracy = {
        name: float(np.average(codes[labeled.known] == right, weights=weight))
        for name, codes in {**alone, **verdicts}.items()
    }
    best = max(alone, key=lambda name: accuracy[name])
    judged, cards = [], {}
    prompt = np.arange(len(hearing.rows)) if hearing.prompt is None else hearing.prompt
    for name, codes in {**verdicts, best: alone[best]}.items():
        counts, decided = _counts(codes, hearing.prompt), labeled.known & (codes != NO_VOTE)
        kept_of, decided_of = _per_prompt(codes == 1, hearing), _per_prompt(codes != NO_VOTE, hearing)
        rows = Judgments(
            codes[decided] == 1,
            labeled.right[decided].astype(np.float64),
            prompt[decided],
            _weight(hearing, decided),
            None if kept_of is None else kept_of[decided],
            None if decided_of is None else decided_of[decided],
        )
        cards[name] = card(counts, rows, how)
        kept_of_labeled = None if kept_of is None else kept_of[labeled.known]
        judged.append(Judged(name, counts, codes[labeled.known], None, kept_of_labeled))
    whole = _per_prompt(np.ones(len(prompt), np.bool_), hearing)
    rows_of = None if whole is None else whole[labeled.known]
    labels = Labels(right.astype(np.float64), prompt[labeled.known], weight, rows_of)
    return Learned(cards, compare(judged, labels, how), best, accuracy)


def _per_prompt(which: npt.NDArray[np.bool_], hearing: Hearing) -> Floats | None:
    """For each row, how many such rows its prompt has."""
    if hearing.prompt is None:
        return None
    counted: Floats = np.bincount(hearing.prompt, which)[hearing.prompt].astype(np.float64)
    return counted


def _alone(voice: Voice, labeled: Labeled) -> VotesArray:
    """One verifier's verdicts: its votes, or its score cut by the labels of other folds."""
    if voice.threshold is None:
        return voice.votes()
    fitted = combine_labeled(voice.numbers()[:, None], [voice.name], labeled)
    return codes_of(fitted) if isinstance(fitted, Combined) else voice.votes()


def _counts(codes: VotesArray, prompt: npt.NDArray[np.int64] | None) -> Counts:
    kept, decided = int((codes == 1).sum()), int((codes != NO_VOTE).sum())
    whole = Counts(kept, decided - kept, abstain=len(codes) - decided)
    if prompt is None or not decided:
        return whole
    keeps, decides = np.bincount(prompt, codes == 1), np.bincount(prompt, codes != NO_VOTE)
    spread = float(((keeps - kept / decided * decides) ** 2).sum())
    with_kept = {number: count for number, count in enumerate(np.bincount(keeps.astype(np.int64)).tolist()) if count}
    return replace(whole, prompts=int((decides > 0).sum()), spread=spread, with_kept=with_kept)


def _weight(hearing: Hearing, rows: npt.NDArray[np.bool_]) -> Floats | None:
    """How many rows each label speaks for, where a plan drew them all."""
    if hearing.drawn is None:
        return None
    drawn = hearing.drawn[rows]
    return None if not len(drawn) or np.isnan(drawn).any() else 1.0 / drawn
