"""One verifier from several weak ones, with or without labels. Works on arrays of votes and scores."""

from __future__ import annotations

from winnow.statistics.combine.combination import (
    CombinedVotes,
    combine_labeled,
    combine_votes,
    majority_vote,
)
from winnow.statistics.combine.dependence import CombineRefusal
from winnow.statistics.combine.stacking import StackLabels
from winnow.statistics.combine.vote_patterns import threshold_scores

__all__ = [
    "CombineRefusal",
    "CombinedVotes",
    "StackLabels",
    "combine_labeled",
    "combine_votes",
    "majority_vote",
    "threshold_scores",
]
