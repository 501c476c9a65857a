"""Too few or dependent verifiers are refused, and independent ones are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.simulated.verifier_votes import NAMES, drawn, pair_that_knows_nothing
from winnow.statistics.combine.combination import CombinedVotes, combine_votes
from winnow.statistics.combine.dependence import CombineRefusal, PairDependence, refuse_dependent

Table = np.ndarray


def flipped(votes: Table, share: float, seed: int) -> Table:
    """The same votes but for a share of slips."""
    return np.where(np.random.default_rng(seed).random(votes.shape) < share, 1 - votes, votes)


def refusal(votes: Table) -> CombineRefusal:
    """What combining is refused with."""
    result = combine_votes(votes, NAMES[: votes.shape[1]])
    assert isinstance(result, CombineRefusal)
    return result


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_all_copies_of_one_verifier_are_named_in_the_refusal(share: float) -> None:
    base = drawn(2_000)[0][:, 0]
    result = refusal(np.stack([flipped(base, share, seed) for seed in range(5)], axis=1))
    assert result.code == "copies"
    assert "a, b, c, d, e are too dependent: they agree like copies" in result.problem


def test_two_copies_among_five_are_refused_even_if_one_abstains_at_times() -> None:
    votes = drawn(2_000)[0]
    votes[:, 3] = votes[:, 1]
    votes[::3, 3] = -1
    assert "b, d are too dependent" in refusal(votes).problem


CASES: dict[str, tuple[Callable[[Table], Table], str]] = {
    "two verifiers": (lambda votes: votes[:, :2], "without labels three are needed"),
    "one verifier": (lambda votes: votes[:, :1], "without labels three are needed"),
    "no row": (lambda votes: votes[:0], "fewer than 10 passes"),
    "one row": (lambda votes: votes[:1], "fewer than 10 passes"),
    "one that only passes": (lambda votes: np.c_[votes[:, :4], np.ones(len(votes))], "e: fewer than 10 passes"),
    "one that only abstains": (lambda votes: np.c_[votes[:, :4], -np.ones(len(votes))], "e: fewer than 10 passes"),
    "no row with three": (
        lambda votes: np.where(np.arange(len(votes))[:, None] % 5 // 2 == np.arange(3) % 3, votes[:, :3], -1),
        "0 rows are decided by three",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_too_few_verifiers_or_votes_are_refused(case: str) -> None:
    change, text = CASES[case]
    result = refusal(change(drawn(2_000)[0]))
    assert (result.code, text in result.problem) == ("too-few", True), result


def test_fewer_than_three_independent_verifiers_are_refused() -> None:
    names = ("a", "b", "c", "d")
    tied = [
        PairDependence("a", "b", 900, 0.6, 9.0, 0.5),
        PairDependence("a", "c", 900, 0.1, 0.5, 0.6),
        PairDependence("c", "d", 900, 0.1, 9.0, 0.04),
    ]
    result = refuse_dependent(names, tied)
    assert result is not None and "4 verifiers are too dependent: 2 of them err independently" in result.problem
    assert "a and b: correlation 0.50" in result.problem
    assert refuse_dependent((*names, "e"), tied) is None
    assert refuse_dependent(names, tied[1:]) is None  # not sure, or too little to matter


@pytest.mark.parametrize("slips", [0.03, 0.1])
def test_a_pair_of_uninformative_near_copies_is_refused(slips: float) -> None:
    assert refusal(pair_that_knows_nothing(3_000, slips)[0]).code in ("copies", "too-dependent")


def test_independent_verifiers_are_rarely_called_dependent_and_never_refused() -> None:
    result = [combine_votes(drawn(600, seed)[0], NAMES) for seed in range(150)]
    assert all(isinstance(one, CombinedVotes) for one in result)
    called = sum(
        any(warned.code == "dependent" for warned in one.warnings) for one in result if isinstance(one, CombinedVotes)
    )
    assert called <= 7  # 1.5 expected


def test_a_dependent_pair_beside_three_independent_verifiers_gives_a_warning() -> None:
    votes, truth = pair_that_knows_nothing(3_000, 0.2)
    result = combine_votes(votes, NAMES)
    assert isinstance(result, CombinedVotes)
    assert {warned.code for warned in result.warnings} == {"dependent", "two-readings"}
    assert any(warned.words.startswith("d and e agree more than the model explains") for warned in result.warnings)
    assert np.mean((result.verdict == "pass") == truth) > 0.85


def test_three_verifiers_give_the_warning_that_independence_cannot_be_checked() -> None:
    result = combine_votes(drawn(2_000, verifiers=3)[0], NAMES[:3])
    assert isinstance(result, CombinedVotes)
    assert [warned.code for warned in result.warnings] == ["not-checkable"]
