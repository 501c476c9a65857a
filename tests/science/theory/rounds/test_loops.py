"""Gaussians, symbols, real data and contracting loops: closed forms agree with simulations and obey their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.science.theory.rounds import contracting_loop, symbols
from winnow.science.theory.rounds import gaussians as g


def is_mean_near(drawn: np.ndarray, expected: object, errors: float = 4.5) -> bool:
    """Whether the means over runs are within their standard errors of the expected values."""
    spread = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    return bool((np.abs(drawn.mean(axis=0) - expected) <= errors * spread + 1e-12).all())


@pytest.mark.parametrize("n", [5, 20])
def test_expected_variances_agree_with_simulated_means(n: int) -> None:
    rng = np.random.default_rng(n)
    assert is_mean_near(g.simulate_accumulate(n, 10, 20_000, rng), g.accumulate_variance(n, 10))
    assert is_mean_near(g.simulate_replace(n, 5, 50_000, rng), g.replace_variance(n, 5)[-1])
    assert is_mean_near(g.simulate_subsample(n, 10, 8_000, "without", rng), g.subsample_variance(n, 10))
    assert is_mean_near(g.simulate_subsample(n, 10, 8_000, "with", rng), g.subsample_variance(n, 10, "with"))
    assert is_mean_near(g.simulate_contraction(n, 50_000, rng), g.contraction(n))


def test_refitting_drawn_samples_agrees_with_the_chi_square_shortcut() -> None:
    rng, v = np.random.default_rng(0), np.ones(20_000)
    for _ in range(4):
        v = (rng.standard_normal((20_000, 6)) * np.sqrt(v)[:, None]).var(axis=1)
    assert is_mean_near(v, g.replace_variance(6, 4)[-1])


@given(st.integers(2, 200))
def test_accumulating_keeps_more_than_subsampling_and_that_more_than_replacing(n: int) -> None:
    rounds = 30
    variances = g.accumulate_variance(n, rounds), g.subsample_variance(n, rounds), g.replace_variance(n, rounds)
    assert (variances[0][1:] > variances[1][1:]).all() and (variances[1][1:] > variances[2][1:]).all()
    assert variances[0][-1] > g.accumulate_limit(n) > 0


def test_surviving_symbols_agree_with_the_branching_process() -> None:
    counts, rng = symbols.zipf_counts(3_000, 60_000), np.random.default_rng(0)
    drawn = np.array([symbols.simulate_alive(counts, 8, rng) for _ in range(60)])
    assert drawn.mean(axis=0) == pytest.approx(symbols.expected_alive(counts, 8), rel=0.02)
    assert symbols.survival_exponents(3) == pytest.approx([1, 1 - np.exp(-1), 1 - np.exp(-(1 - np.exp(-1)))])


def test_verified_retraining_follows_its_formula_and_ends_at_the_verifiers_center() -> None:
    rng, start, center = np.random.default_rng(0), np.array([1.0, 0.5]), np.array([0.0, 0.3])
    drawn = np.array([contracting_loop.simulate_squared_distances(start, center, 40, 1.0, 5, rng) for _ in range(800)])
    assert is_mean_near(
        drawn, contracting_loop.expected_squared_distance(float(((start - center) ** 2).sum()), 2, 40, 1.0, 5)
    )
    fast, slow = (contracting_loop.expected_squared_distance(4.0, 2, 10_000, tau, 60) for tau in (0.5, 2.0))
    assert fast[3] < slow[3]
    assert max(fast[-1], slow[-1]) < 1e-3


@given(st.floats(0, 1), st.floats(0.8, 1.5), st.integers(2, 20))
def test_the_distance_to_real_data_stays_below_its_bound(a: float, power: float, symbol_count: int) -> None:
    real = symbols.zipf_counts(symbol_count, 1000) / symbols.zipf_counts(symbol_count, 1000).sum()
    drawn, e = symbols.simulate_loop(real, symbols.sharpening_generator(power), a, 20)
    assert (drawn <= symbols.distance_bound(a, e, 20) + 1e-12).all()


def test_weak_labels_agree_with_their_formulas_and_focusing_is_better() -> None:
    rng, u0, pull = np.random.default_rng(0), 0.7, 0.05
    drawn = np.array([contracting_loop.simulate_share_solved(u0, pull, 20, True, 5_000, rng) for _ in range(200)])
    focused, unfocused = (
        contracting_loop.focused_share_solved(u0, 0.5, 0.1, 20),
        contracting_loop.unfocused_share_solved(u0, 0.5, 0.1, 20),
    )
    assert is_mean_near(drawn, focused)
    drawn_unfocused = np.array(
        [contracting_loop.simulate_share_solved(u0, pull, 20, False, 5_000, rng) for _ in range(200)]
    )
    assert drawn_unfocused.mean(axis=0) == pytest.approx(unfocused, rel=0.02)
    assert (focused[1:] > unfocused[1:]).all()


@given(st.floats(0.05, 0.95), st.integers(2, 12), st.integers(0, 2**31))
def test_no_budget_adds_less_error_than_the_growing_one(rho: float, rounds: int, seed: int) -> None:
    plan = contracting_loop.best_budget(rho, rounds, 1000.0)
    assert plan.sum() == pytest.approx(1000)
    assert plan[1:] / plan[:-1] == pytest.approx([1 / rho] * (rounds - 1))
    other = 1000 * np.random.default_rng(seed).dirichlet(np.ones(rounds)) + 1e-9
    assert contracting_loop.added_error(plan, rho) <= contracting_loop.added_error(other, rho) * (1 + 1e-6)
