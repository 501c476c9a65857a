"""What folding votes promises: every row finds its own votes again, and what is no vote is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.statistics.combine.vote_patterns import count_vote_patterns, threshold_scores


@given(st.integers(0, 60), st.integers(1, 12), st.integers(0, 9))
def test_rows_folded_to_patterns_unfold_to_the_same_rows(rows: int, verifiers: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(-1, 2, (rows, verifiers))
    folded = count_vote_patterns(table, [f"v{k}" for k in range(verifiers)])
    assert folded.patterns[folded.pattern_of].tolist() == table.tolist()
    assert folded.counts.tolist() == np.bincount(folded.pattern_of, minlength=len(folded.counts)).tolist()
    assert len(np.unique(folded.patterns, axis=0)) == len(folded.patterns)


def test_verifiers_know_the_share_of_rows_they_decide() -> None:
    assert count_vote_patterns([[1, -1], [0, -1], [-1, 1], [1, -1]], ["a", "b"]).decided_shares().tolist() == [
        0.75,
        0.25,
    ]


@pytest.mark.parametrize(
    ("table", "names", "words"),
    [
        ([[1, 2]], ["a", "b"], "2 is not a vote"),
        ([[1, 0.5]], ["a", "b"], "0.5 is not a vote"),
        ([[1, 0]], ["a"], "does not fit 1 verifiers"),
        ([1, 0], ["a", "b"], "does not fit"),
        ([[1, 0]], ["a", "a"], "names a verifier twice"),
    ],
)
def test_what_is_no_table_of_votes_is_refused(table: list[list[float]], names: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        count_vote_patterns(table, names)


def test_scores_are_cut_at_their_median_or_where_one_says_and_nothing_is_an_abstention() -> None:
    scores = [[0.1, np.nan], [0.2, 5.0], [0.3, np.inf], [0.4, 7.0]]
    assert threshold_scores(scores).tolist() == [[0, -1], [0, 0], [1, -1], [1, 1]]
    assert threshold_scores(scores, [0.4, 5.0]).tolist() == [[0, -1], [0, 1], [0, -1], [1, 1]]
    assert threshold_scores([[np.nan], [np.nan]]).tolist() == [[-1], [-1]]
