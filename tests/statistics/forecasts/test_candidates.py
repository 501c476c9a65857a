"""The weights of a rule are its exact chances; ties are shared, whatever the order of the rows."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from winnow.statistics.card_inputs import Booleans
from winnow.statistics.forecasts.candidates import (
    ScoredCandidates,
    best_of_n_weights,
    commonest_answer_weights,
    keep_top_share,
    kept_row_weights,
    make_candidates,
    rank_by_score,
)

SCORES = st.lists(st.integers(0, 3), min_size=1, max_size=8)
PROMPTS = st.lists(SCORES, min_size=1, max_size=4)


def table(scores: list[list[int]]) -> ScoredCandidates:
    prompts = np.repeat(np.arange(len(scores)), [len(one) for one in scores])
    return make_candidates(prompts, np.concatenate(scores).astype(float))


def enumerated(scores: list[int], n: int) -> list[float]:
    """Goes through every set of n rows; the tied best of a set share it equally."""
    n = min(n, len(scores))
    weights = [0.0] * len(scores)
    for drawn in combinations(range(len(scores)), n):
        top = max(scores[row] for row in drawn)
        tied = [row for row in drawn if scores[row] == top]
        for row in tied:
            weights[row] += 1 / len(tied) / comb(len(scores), n)
    return weights


@given(PROMPTS, st.integers(1, 9))
def test_best_of_n_weights_equal_the_enumerated_chances(scores: list[list[int]], n: int) -> None:
    expected = np.concatenate([enumerated(one, n) for one in scores])
    np.testing.assert_allclose(best_of_n_weights(table(scores), n), expected, atol=1e-12)


@given(PROMPTS, st.integers(1, 9), st.integers(0, 99))
def test_weights_do_not_depend_on_the_order_of_rows(scores: list[list[int]], n: int, seed: int) -> None:
    candidates = table(scores)
    order = np.random.default_rng(seed).permutation(candidates.rows)
    mixed = make_candidates(candidates.prompt[order], candidates.score[order])
    np.testing.assert_allclose(best_of_n_weights(mixed, n), best_of_n_weights(candidates, n)[order], atol=1e-12)


@given(PROMPTS, st.integers(1, 9))
def test_only_the_order_of_scores_matters(scores: list[list[int]], n: int) -> None:
    candidates = table(scores)
    np.testing.assert_array_equal(
        best_of_n_weights(make_candidates(candidates.prompt, np.exp(candidates.score)), n),
        best_of_n_weights(candidates, n),
    )


def test_weights_of_a_hundred_thousand_candidates_add_up_to_1_and_rise_with_rank() -> None:
    weights = best_of_n_weights(make_candidates(np.zeros(100_000), np.arange(100_000.0)), 1000)
    assert abs(weights.sum() - 1) < 1e-6
    assert (np.diff(weights) >= 0).all()


@given(PROMPTS, st.data())
def test_the_commonest_kept_answer_of_a_prompt_gets_all_its_weight(
    scores: list[list[int]], data: st.DataObject
) -> None:
    candidates = table(scores)
    answers = np.array(data.draw(st.lists(st.integers(0, 2), min_size=candidates.rows, max_size=candidates.rows)))
    kept: Booleans = candidates.score >= data.draw(st.integers(0, 4))
    weights = commonest_answer_weights(candidates.prompt, answers, kept)
    for prompt in range(candidates.prompts):
        own = kept & (candidates.prompt == prompt)
        result = np.bincount(answers[own], weights[own], 3)
        counts = np.bincount(answers[own], minlength=3)
        wins = (counts == counts.max()) & (counts > 0)
        np.testing.assert_allclose(result, wins / max(wins.sum(), 1), atol=1e-12)
    assert (weights[~kept] == 0).all()


def test_kept_rows_of_a_prompt_share_its_weight_equally() -> None:
    candidates = table([[1, 2, 3], [0, 0]])
    np.testing.assert_allclose(kept_row_weights(candidates, candidates.score >= 2), [0, 0.5, 0.5, 0, 0])


@given(PROMPTS, st.floats(0.0, 1.0), st.integers(0, 5))
def test_a_top_share_keeps_the_rounded_number_of_best_rows(scores: list[list[int]], share: float, seed: int) -> None:
    candidates = table(scores)
    kept = keep_top_share(rank_by_score(candidates, seed), share)
    assert kept.sum() == int(share * candidates.rows + 0.5)
    if kept.any() and not kept.all():
        assert candidates.score[kept].min() >= candidates.score[~kept].max()
