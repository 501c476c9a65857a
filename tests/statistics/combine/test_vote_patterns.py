"""Patterns give back the votes, and invalid votes are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.statistics.combine.vote_patterns import count_vote_patterns, threshold_scores


@given(st.integers(0, 60), st.integers(1, 12), st.integers(0, 9))
def test_patterns_give_back_the_rows(rows: int, verifiers: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(-1, 2, (rows, verifiers))
    patterns = count_vote_patterns(table, [f"v{k}" for k in range(verifiers)])
    assert patterns.patterns[patterns.pattern_of].tolist() == table.tolist()
    assert patterns.counts.tolist() == np.bincount(patterns.pattern_of, minlength=len(patterns.counts)).tolist()
    assert len(np.unique(patterns.patterns, axis=0)) == len(patterns.patterns)


def test_decided_shares_count_the_votes_of_each_verifier() -> None:
    assert count_vote_patterns([[1, -1], [0, -1], [-1, 1], [1, -1]], ["a", "b"]).decided_shares().tolist() == [
        0.75,
        0.25,
    ]


@pytest.mark.parametrize(
    ("table", "names", "message"),
    [
        ([[1, 2]], ["a", "b"], "2 is not a vote"),
        ([[1, 0.5]], ["a", "b"], "0.5 is not a vote"),
        ([[1, 0]], ["a"], "does not fit 1 verifiers"),
        ([1, 0], ["a", "b"], "does not fit"),
        ([[1, 0]], ["a", "a"], "names a verifier twice"),
    ],
)
def test_an_invalid_table_of_votes_is_refused(table: list[list[float]], names: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        count_vote_patterns(table, names)


def test_scores_are_cut_at_the_median_or_a_threshold_and_missing_ones_abstain() -> None:
    scores = [[0.1, np.nan], [0.2, 5.0], [0.3, np.inf], [0.4, 7.0]]
    assert threshold_scores(scores).tolist() == [[0, -1], [0, 0], [1, -1], [1, 1]]
    assert threshold_scores(scores, [0.4, 5.0]).tolist() == [[0, -1], [0, 1], [0, -1], [1, 1]]
    assert threshold_scores([[np.nan], [np.nan]]).tolist() == [[-1], [-1]]
