"""Combined verdicts: one per row, with the assumptions stated."""

from __future__ import annotations

import json

import numpy as np

from tests.simulated.verifier_votes import NAMES, drawn
from winnow.statistics.combine.combination import CombinedVotes, combine_labeled, combine_votes, majority_vote
from winnow.statistics.combine.dependence import CombineRefusal
from winnow.statistics.combine.stacking import StackLabels


def test_rows_get_score_and_verdict_and_rows_nobody_decided_abstain() -> None:
    votes, truth = drawn(2_000, abstain=0.3)
    votes[:7] = -1
    result = combine_votes(votes, NAMES)
    assert isinstance(result, CombinedVotes)
    voted = (votes >= 0).any(axis=1)
    assert set(result.verdict[~voted]) == {"abstain"} and np.isnan(result.score[~voted]).all()
    assert (result.verdict[voted] == "pass").tolist() == (result.score[voted] >= 0.5).tolist()
    by_majority = majority_vote(votes, NAMES).verdict
    assert np.mean((result.verdict == "pass")[voted] == truth[voted]) > np.mean(
        (by_majority == "pass")[voted] == truth[voted]
    )


def test_the_document_is_json_and_its_counts_add_up() -> None:
    votes, truth = drawn(1_000, abstain=0.3)
    known = np.arange(1_000) < 300
    for result in (
        combine_votes(votes, NAMES),
        majority_vote(votes, NAMES),
        combine_labeled(np.where(votes < 0, np.nan, votes), NAMES, StackLabels(known, truth)),
    ):
        assert isinstance(result, CombinedVotes)
        plain = result.to_dict()
        json.dumps(plain, allow_nan=False)
        assert plain["pass"] + plain["fail"] + plain["abstain"] == plain["rows"] == 1_000
        assert [verifier["name"] for verifier in plain["verifiers"]] == list(NAMES)


def test_the_same_votes_give_the_same_answer() -> None:
    votes, _ = drawn(1_000)
    first, again = combine_votes(votes, NAMES), combine_votes(votes, NAMES)
    assert isinstance(first, CombinedVotes) and isinstance(again, CombinedVotes)
    assert first.to_dict() == again.to_dict()


def test_the_assumptions_are_part_of_the_result() -> None:
    result = combine_votes(drawn(1_000)[0], NAMES)
    assert isinstance(result, CombinedVotes)
    assert any("independently" in text for text in result.assumes)
    assert any("most verifiers" in text for text in result.assumes)


def test_a_majority_counts_the_deciding_and_abstains_on_a_tie() -> None:
    result = majority_vote([[1, 1, 0], [1, 0, -1], [-1, -1, -1], [0, -1, -1]], ["a", "b", "c"])
    assert result.verdict.tolist() == ["pass", "abstain", "abstain", "fail"]
    assert result.score[:2].tolist() == [2 / 3, 0.5] and np.isnan(result.score[2])


def test_a_labeled_row_that_no_verifier_scored_abstains() -> None:
    votes, truth = drawn(200)
    columns = votes.astype(float)
    columns[0] = np.nan
    result = combine_labeled(columns, NAMES, StackLabels(np.ones(200, dtype=bool), truth))
    assert isinstance(result, CombinedVotes)
    assert result.verdict[0] == "abstain"


def test_a_majority_is_available_where_combining_is_refused() -> None:
    votes, _ = drawn(300, verifiers=2)
    assert isinstance(combine_votes(votes, NAMES[:2]), CombineRefusal)
    assert set(majority_vote(votes, NAMES[:2]).verdict) == {"pass", "fail", "abstain"}
