"""What the combined verdict promises: a verdict per row, what it assumes, and the same answer twice."""

from __future__ import annotations

import json

import numpy as np

from tests.simulated.verifier_votes import NAMES, drawn
from winnow.statistics.combine import (
    CombinedVotes,
    CombineRefusal,
    StackLabels,
    combine_labeled,
    combine_votes,
    majority_vote,
)


def test_rows_get_score_and_verdict_and_rows_nobody_decided_abstain() -> None:
    votes, truth = drawn(2_000, abstain=0.3)
    votes[:7] = -1
    said = combine_votes(votes, NAMES)
    assert isinstance(said, CombinedVotes)
    voted = (votes >= 0).any(axis=1)
    assert set(said.verdict[~voted]) == {"abstain"} and np.isnan(said.score[~voted]).all()
    assert (said.verdict[voted] == "pass").tolist() == (said.score[voted] >= 0.5).tolist()
    by_majority = majority_vote(votes, NAMES).verdict
    assert np.mean((said.verdict == "pass")[voted] == truth[voted]) > np.mean(
        (by_majority == "pass")[voted] == truth[voted]
    )


def test_the_plain_result_is_json_and_its_books_balance() -> None:
    votes, truth = drawn(1_000, abstain=0.3)
    known = np.arange(1_000) < 300
    for said in (
        combine_votes(votes, NAMES),
        majority_vote(votes, NAMES),
        combine_labeled(np.where(votes < 0, np.nan, votes), NAMES, StackLabels(known, truth)),
    ):
        assert isinstance(said, CombinedVotes)
        plain = said.to_dict()
        json.dumps(plain, allow_nan=False)
        assert plain["pass"] + plain["fail"] + plain["abstain"] == plain["rows"] == 1_000
        assert [verifier["name"] for verifier in plain["verifiers"]] == list(NAMES)


def test_the_same_votes_give_the_same_answer() -> None:
    votes, _ = drawn(1_000)
    one, other = combine_votes(votes, NAMES), combine_votes(votes, NAMES)
    assert one.to_dict() == other.to_dict()


def test_the_assumptions_are_part_of_the_result() -> None:
    said = combine_votes(drawn(1_000)[0], NAMES)
    assert isinstance(said, CombinedVotes)
    assert any("independently" in words for words in said.assumes)
    assert any("most verifiers" in words for words in said.assumes)


def test_a_majority_counts_the_deciding_and_abstains_on_a_tie() -> None:
    said = majority_vote([[1, 1, 0], [1, 0, -1], [-1, -1, -1], [0, -1, -1]], ["a", "b", "c"])
    assert said.verdict.tolist() == ["pass", "abstain", "abstain", "fail"]
    assert said.score[:2].tolist() == [2 / 3, 0.5] and np.isnan(said.score[2])


def test_a_labeled_row_that_no_verifier_scored_abstains() -> None:
    votes, truth = drawn(200)
    columns = votes.astype(float)
    columns[0] = np.nan
    said = combine_labeled(columns, NAMES, StackLabels(np.ones(200, dtype=bool), truth))
    assert isinstance(said, CombinedVotes)
    assert said.verdict[0] == "abstain"


def test_a_refusal_leaves_the_majority() -> None:
    votes, _ = drawn(300, verifiers=2)
    assert isinstance(combine_votes(votes, NAMES[:2]), CombineRefusal)
    assert set(majority_vote(votes, NAMES[:2]).verdict) == {"pass", "fail", "abstain"}
