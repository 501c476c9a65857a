"""Intervals of rates cover the truth, and pairs of verifiers have a measured dependence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from tests.simulated.verifier_votes import NAMES, PHI, PSI, drawn
from winnow.statistics.combine.dawid_skene import (
    DawidSkeneRates,
    LikelihoodScores,
    estimate_rate_intervals,
    fit_dawid_skene,
    log_likelihood,
)
from winnow.statistics.combine.dependence import measure_pairs
from winnow.statistics.combine.vote_patterns import count_vote_patterns

TRUTH = np.array([0.6, *PHI, *PSI])


def flat(rates: DawidSkeneRates) -> np.ndarray:
    """right, phi, psi in a row."""
    return np.concatenate([rates.right, rates.phi[0], rates.psi[0]])


def test_scores_are_the_derivatives_of_the_likelihood() -> None:
    patterns = count_vote_patterns(drawn(200, abstain=0.2)[0], NAMES)
    result = fit_dawid_skene(patterns)
    scores, at, step = LikelihoodScores.at_rates(patterns, result), logit(flat(result)), 1e-5
    for place in range(len(at)):
        moved = []
        for sign in (1, -1):
            there = expit(at + sign * step * (np.arange(len(at)) == place))
            rates = DawidSkeneRates(there[:1], there[None, 1:6], there[None, 6:])
            single = [replace(patterns, counts=only) for only in np.eye(len(patterns.counts))]
            moved.append([log_likelihood(pattern, rates)[0] for pattern in single])
        slope = (np.array(moved[0]) - np.array(moved[1])) / (2 * step)
        assert scores.of_pattern[:, place] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("abstain", [0.0, 0.3])
def test_intervals_cover_the_true_rates_in_about_95_percent(abstain: float) -> None:
    tables, inside = 150, []
    for seed in range(tables):
        patterns = count_vote_patterns(drawn(800, seed, abstain=abstain)[0], NAMES)
        low, high = estimate_rate_intervals(LikelihoodScores.at_rates(patterns, fit_dawid_skene(patterns)))
        inside.append((flat(low) <= TRUTH) & (flat(high) >= TRUTH))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)
    assert np.mean(inside, axis=0).min() > 0.9 - 4 * math.sqrt(0.9 * 0.1 / tables)


def test_rows_of_one_prompt_that_repeat_each_other_count_once() -> None:
    once = drawn(400, seed=6)[0]
    four_times, prompt = np.repeat(once, 4, axis=0), np.repeat(np.arange(400), 4)
    result = []
    for table, codes in ((once, None), (four_times, prompt), (four_times, None)):
        patterns = count_vote_patterns(table, NAMES)
        low, high = estimate_rate_intervals(LikelihoodScores.at_rates(patterns, fit_dawid_skene(patterns), codes))
        result.append(flat(high) - flat(low))
    assert result[1] == pytest.approx(result[0], rel=0.12)
    assert result[2] == pytest.approx(result[0] / 2, rel=0.12)


def test_one_prompt_per_row_changes_nothing() -> None:
    patterns = count_vote_patterns(drawn(300)[0], NAMES)
    rates = fit_dawid_skene(patterns)
    alone, one_each = (
        LikelihoodScores.at_rates(patterns, rates),
        LikelihoodScores.at_rates(patterns, rates, np.arange(300)[::-1].copy()),
    )
    assert flat(estimate_rate_intervals(one_each)[0]) == pytest.approx(
        flat(estimate_rate_intervals(alone)[0]), abs=2e-3
    )


def test_pairs_have_kappa_and_their_excess_agreement() -> None:
    table, _ = drawn(20_000, seed=8)
    table[:, 1] = np.where(np.random.default_rng(1).random(20_000) < 0.3, table[:, 0], table[:, 1])
    patterns = count_vote_patterns(table, NAMES)
    result = {
        (pair.first, pair.second): pair
        for pair in measure_pairs(LikelihoodScores.at_rates(patterns, fit_dawid_skene(patterns)))
    }
    assert len(result) == 10
    agree, by_chance = np.mean(table[:, 0] == table[:, 1]), np.mean(table[:, 0]) * np.mean(table[:, 1])
    by_chance += (1 - np.mean(table[:, 0])) * (1 - np.mean(table[:, 1]))
    assert result["a", "b"].kappa == pytest.approx((agree - by_chance) / (1 - by_chance))
    errors = {names: pair.errors or 0.0 for names, pair in result.items()}
    assert max(errors, key=lambda names: errors[names]) in {("a", "b"), ("c", "d"), ("c", "e"), ("d", "e")}
    assert max(errors.values()) > 4


def test_three_verifiers_have_no_excess_agreement_to_test() -> None:
    patterns = count_vote_patterns(drawn(500, verifiers=3)[0], NAMES[:3])
    assert {pair.errors for pair in measure_pairs(LikelihoodScores.at_rates(patterns, fit_dawid_skene(patterns)))} == {
        None
    }


def test_verifiers_without_common_rows_or_without_variation_have_no_kappa() -> None:
    patterns = count_vote_patterns([[1, -1, 1], [-1, 0, 1], [0, -1, 1], [-1, 1, 1]], ["a", "b", "c"])
    result = measure_pairs(LikelihoodScores.at_rates(patterns, fit_dawid_skene(patterns)))
    assert (result[0].rows, result[0].kappa) == (0, None)
