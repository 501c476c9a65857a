"""One round: the fast methods have the distribution of the direct one, and the losses are minimized."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import ks_2samp

from winnow.science.theory.arrays import Bools, Floats
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.simulation.rows import (
    AgreementPolicy,
    FlipNoise,
    LinearNoise,
    Noise,
    Policy,
    RatePolicy,
    World,
)
from winnow.science.theory.simulation.sufficient_statistics import draw_mixture_flips, draw_statistics, draw_wishart
from winnow.science.theory.simulation.training import (
    SimulatedRound,
    logistic,
    ridge,
    simulate_in_chunks,
    simulate_round,
)

ANGLES = Angles(math.pi / 4, math.pi / 12)
SETTINGS: dict[str, tuple[Noise, Policy]] = {
    "flips": (FlipNoise(0.3), RatePolicy(0.8, 0.3)),
    "agreement": (LinearNoise(ANGLES), AgreementPolicy(ANGLES)),
    "mixed": (FlipNoise(0.2), AgreementPolicy(ANGLES)),
}
MIN_P_VALUE = 1e-4
Rng = np.random.Generator


@pytest.mark.parametrize("n", [12, 60, 400])
@pytest.mark.parametrize("strength", [None, 1.0])
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_fast_methods_have_the_distribution_of_drawn_rows(setting: str, strength: float | None, n: int) -> None:
    config = SimulatedRound(World(10, strength), *SETTINGS[setting], n, lam=0.01)
    fast, by_rows = np.random.default_rng(1), np.random.default_rng(2)
    outcomes_of_both = [
        [simulate(config, rng) for _ in range(600)]
        for simulate, rng in ((simulate_round, fast), (simulate_in_chunks, by_rows))
    ]
    for field in ("accuracy", "kept", "wrong"):
        first, second = ([getattr(outcome, field) for outcome in outcomes] for outcomes in outcomes_of_both)
        assert ks_2samp(first, second, method="asymp").pvalue > MIN_P_VALUE, field


@pytest.mark.parametrize(("rows", "wrong"), [(1, 0), (2, 1), (5, 2), (40, 0), (40, 15)])
def test_drawn_statistics_have_the_distribution_of_sums_over_drawn_rows(rows: int, wrong: int) -> None:
    d, strength, rng = 6, 0.8, np.random.default_rng(4)
    labels = np.array([1.0] * (rows - wrong) + [-1.0] * wrong)

    def by_rows() -> tuple[Floats, Floats]:
        x = rng.standard_normal((rows, d)) + strength * np.eye(1, d)
        return x.T @ x, x.T @ labels

    direct = [draw_mixture_flips(rows - wrong, wrong, d, strength, rng) for _ in range(3000)]
    drawn = [by_rows() for _ in range(3000)]
    for first, second in (
        ([statistics.second[0, 0] for statistics in direct], [statistics[0][0, 0] for statistics in drawn]),
        ([statistics.second[0, 3] for statistics in direct], [statistics[0][0, 3] for statistics in drawn]),
        ([statistics.second[2, 2] for statistics in direct], [statistics[0][2, 2] for statistics in drawn]),
        ([statistics.first[0] for statistics in direct], [statistics[1][0] for statistics in drawn]),
        (
            [statistics.second[4, 4] * statistics.first[4] for statistics in direct],
            [statistics[0][4, 4] * statistics[1][4] for statistics in drawn],
        ),
        (
            [np.linalg.det(statistics.second) for statistics in direct],
            [np.linalg.det(statistics[0]) for statistics in drawn],
        ),
    ):
        if rows >= d or np.std(second) > 1e-9:
            assert ks_2samp(first, second, method="asymp").pvalue > MIN_P_VALUE


def test_a_wishart_of_few_rows_is_singular_and_of_none_is_zero() -> None:
    rng = np.random.default_rng(0)
    assert np.linalg.matrix_rank(draw_wishart(8, 3, rng)) == 3
    assert not draw_wishart(8, 0, rng).any()
    few = draw_statistics(rng.standard_normal((2, 3)), np.ones(2), 8, rng)
    assert np.linalg.matrix_rank(few.second) == 2


def test_ridge_is_least_squares_and_the_shortest_solution_with_few_rows() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 5)), rng.standard_normal(30)
    assert ridge(x, y, 30, 0.0) == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0])
    padded = np.vstack([x, math.sqrt(30 * 0.2) * np.eye(5)])
    assert ridge(x, y, 30, 0.2) == pytest.approx(np.linalg.lstsq(padded, np.r_[y, np.zeros(5)], rcond=None)[0])
    assert x[:3] @ ridge(x[:3], y[:3], 3, 0.0) == pytest.approx(y[:3])


@pytest.mark.parametrize("lam", [1e-6, 1e-2, 10.0])
def test_logistic_ends_at_a_zero_gradient_even_on_separable_rows(lam: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    for y in (np.sign(x[:, 0]), np.sign(x[:, 0] + rng.standard_normal(200))):
        w = logistic(x, y, 250, lam)
        gradient = lam * w - x.T @ (y * expit(-y * (x @ w))) / 250
        assert np.abs(gradient).max() < 1e-8


def test_accuracy_is_signed_and_agrees_with_fresh_rows() -> None:
    rng = np.random.default_rng(0)
    w = np.array([1.0, 0.7, -0.2])
    for world in (World(3), World(3, 1.3)):
        x, y = world.draw(200_000, rng)
        assert (np.sign(x @ w) == y).mean() == pytest.approx(world.accuracy(w), abs=0.005)
        assert world.accuracy(-w) == pytest.approx(1 - world.accuracy(w))
        assert world.accuracy(np.array([1.0, 0.0, 0.0])) == pytest.approx(world.bayes_accuracy())


def test_a_round_that_keeps_nothing_has_no_accuracy() -> None:
    for loss in (ridge, logistic):
        outcome = simulate_round(
            SimulatedRound(World(4), FlipNoise(0.1), RatePolicy(0.0, 0.0), 50, loss), np.random.default_rng(0)
        )
        assert math.isnan(outcome.accuracy)
        assert outcome.kept == 0


def test_a_policy_without_the_attribute_sees_gets_all_of_x() -> None:
    seen: list[int] = []

    def keep_by_last_coordinate(x: Floats, y: Floats, labels: Floats, rng: Rng) -> Bools:
        seen.append(x.shape[1])
        return np.asarray(x[:, -1] > 0, bool)

    outcome = simulate_round(
        SimulatedRound(World(7), FlipNoise(0.1), keep_by_last_coordinate, 1000), np.random.default_rng(0)
    )
    assert set(seen) == {7}
    assert 400 < outcome.kept < 600
