"""The estimate equals that of Dawid and Skene, and right is not mistaken for wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated.verifier_votes import NAMES, PHI, PSI, drawn, pair_that_knows_nothing
from winnow.statistics.combine.dawid_skene import (
    PSEUDO_COUNT,
    find_likelier_rates,
    fit_dawid_skene,
    log_likelihood,
    orient_rates,
    posterior_right,
)
from winnow.statistics.combine.vote_patterns import count_vote_patterns


def row_by_row(table: np.ndarray, steps: int = 3_000) -> tuple[float, list[float], list[float], np.ndarray]:
    """Dawid and Skene as one would write it down, without patterns; half a row is added to every count."""
    result = table >= 0
    chance = (np.where(result, table, 0).sum(axis=1) + PSEUDO_COUNT) / (result.sum(axis=1) + 2 * PSEUDO_COUNT)
    for _ in range(steps):
        right = (chance.sum() + PSEUDO_COUNT) / (len(table) + 2 * PSEUDO_COUNT)
        rates = []
        for weight in (chance, 1 - chance):
            rates.append(
                [
                    (weight[table[:, k] == 1].sum() + PSEUDO_COUNT) / (weight[result[:, k]].sum() + 2 * PSEUDO_COUNT)
                    for k in range(table.shape[1])
                ]
            )
        odds = np.full((2, len(table)), [[right], [1 - right]])
        for side, rate in enumerate(rates):
            for k, passes in enumerate(rate):
                odds[side] *= np.where(table[:, k] == 1, passes, np.where(table[:, k] == 0, 1 - passes, 1.0))
        chance = odds[0] / odds.sum(axis=0)
    return float(right), rates[0], rates[1], chance


def test_rates_by_pattern_equal_rates_row_by_row() -> None:
    table, _ = drawn(150, seed=5, abstain=0.2)
    patterns = count_vote_patterns(table, NAMES)
    result = fit_dawid_skene(patterns)
    right, phi, psi, chance = row_by_row(table)
    assert result.right[0] == pytest.approx(right, abs=1e-3)
    assert result.phi[0] == pytest.approx(phi, abs=1e-3)
    assert result.psi[0] == pytest.approx(psi, abs=1e-3)
    assert posterior_right(patterns, result)[0][patterns.pattern_of] == pytest.approx(chance, abs=1e-3)


def test_rates_of_independent_verifiers_are_found_from_votes_alone() -> None:
    table, truth = drawn(50_000)
    patterns = count_vote_patterns(table, NAMES)
    found = fit_dawid_skene(patterns)
    assert found.right[0] == pytest.approx(0.6, abs=0.02)
    assert found.phi[0] == pytest.approx(PHI, abs=0.02)
    assert found.psi[0] == pytest.approx(PSI, abs=0.02)
    result = posterior_right(patterns, found)[0][patterns.pattern_of]
    assert np.mean((result >= 0.5) == truth) > np.mean((table.sum(axis=1) >= 3) == truth) + 0.005
    assert result[result > 0.5].mean() == pytest.approx(truth[result > 0.5].mean(), abs=0.01)


def test_one_verifier_that_is_mostly_wrong_does_not_turn_right_into_wrong() -> None:
    table, truth = drawn(5_000)
    table[:, 4] = 1 - table[:, 0]
    patterns = count_vote_patterns(table, NAMES)
    result = fit_dawid_skene(patterns)
    assert np.mean((posterior_right(patterns, result)[0][patterns.pattern_of] >= 0.5) == truth) > 0.85
    assert result.phi[0, 4] < result.psi[0, 4]


@given(st.permutations(range(60)), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter(order: list[int], seed: int) -> None:
    table, _ = drawn(60, seed)
    one, other = (
        fit_dawid_skene(count_vote_patterns(table, NAMES)),
        fit_dawid_skene(count_vote_patterns(table[order], NAMES)),
    )
    assert one.largest_change(other).max() < 1e-9


def test_inverting_all_votes_swaps_phi_and_one_minus_psi() -> None:
    table, _ = drawn(2_000, seed=2)
    usual, turned = (
        fit_dawid_skene(count_vote_patterns(table, NAMES)),
        fit_dawid_skene(count_vote_patterns(1 - table, NAMES)),
    )
    assert turned.right[0] == pytest.approx(1 - usual.right[0], abs=1e-4)
    assert turned.phi[0] == pytest.approx(1 - usual.psi[0], abs=1e-4)


def test_swapping_right_and_wrong_keeps_the_likelihood_and_is_undone() -> None:
    table, _ = drawn(500, seed=3)
    patterns = count_vote_patterns(table, NAMES)
    result = fit_dawid_skene(patterns)
    swapped = type(result)(1 - result.right, result.psi, result.phi)
    assert log_likelihood(patterns, swapped) == pytest.approx(log_likelihood(patterns, result), rel=1e-12)
    assert orient_rates(patterns, swapped).largest_change(result).max() < 1e-12
    assert orient_rates(patterns, result).largest_change(result).max() == 0


def test_a_likelier_solution_than_that_of_the_majority_is_found() -> None:
    table, truth = pair_that_knows_nothing(3_000, 0.2)
    patterns = count_vote_patterns(table, NAMES)
    result = fit_dawid_skene(patterns)
    other = find_likelier_rates(patterns, result)
    right = [np.mean((posterior_right(patterns, r)[0][patterns.pattern_of] >= 0.5) == truth) for r in (result, other)]
    assert right[0] > 0.85 and right[1] < 0.7
    assert log_likelihood(patterns, other)[0] > log_likelihood(patterns, result)[0]


def test_independent_verifiers_have_one_solution() -> None:
    patterns = count_vote_patterns(drawn(3_000, seed=1)[0], NAMES)
    result = fit_dawid_skene(patterns)
    assert find_likelier_rates(patterns, result).largest_change(result).max() < 1e-3
