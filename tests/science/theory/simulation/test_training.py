"""One round: the fast ways have the distribution of the plain one, and losses minimize what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import ks_2samp

from winnow.science.theory.arrays import Bools, Floats
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.simulation.losses import logistic, ridge
from winnow.science.theory.simulation.noise import FlipNoise, LinearNoise, Noise
from winnow.science.theory.simulation.policies import AgreementPolicy, Policy, RatePolicy
from winnow.science.theory.simulation.sufficient_statistics import draw_mixture_flips, draw_statistics, draw_wishart
from winnow.science.theory.simulation.training import SimulatedRound, simulate_in_chunks, simulate_round
from winnow.science.theory.simulation.world import World

ANGLES = Angles(math.pi / 4, math.pi / 12)
WAYS: dict[str, tuple[Noise, Policy]] = {
    "flips": (FlipNoise(0.3), RatePolicy(0.8, 0.3)),
    "agreement": (LinearNoise(ANGLES), AgreementPolicy(ANGLES)),
    "mixed": (FlipNoise(0.2), AgreementPolicy(ANGLES)),
}
BY_CHANCE = 1e-4
Draw = np.random.Generator


@pytest.mark.parametrize("n", [12, 60, 400])
@pytest.mark.parametrize("strength", [None, 1.0])
@pytest.mark.parametrize("way", WAYS)
def test_students_of_the_fast_way_are_distributed_as_those_of_drawn_rows(
    way: str, strength: float | None, n: int
) -> None:
    config = SimulatedRound(World(10, strength), *WAYS[way], n, lam=0.01)
    fast, plain = np.random.default_rng(1), np.random.default_rng(2)
    found = [
        [simulate(config, rng) for _ in range(600)]
        for simulate, rng in ((simulate_round, fast), (simulate_in_chunks, plain))
    ]
    for field in ("accuracy", "kept", "wrong"):
        ours, theirs = ([getattr(outcome, field) for outcome in outcomes] for outcomes in found)
        assert ks_2samp(ours, theirs, method="asymp").pvalue > BY_CHANCE, field


@pytest.mark.parametrize(("rows", "wrong"), [(1, 0), (2, 1), (5, 2), (40, 0), (40, 15)])
def test_sums_have_the_mean_and_the_spread_of_sums_over_drawn_rows(rows: int, wrong: int) -> None:
    d, strength, rng = 6, 0.8, np.random.default_rng(4)
    labels = np.array([1.0] * (rows - wrong) + [-1.0] * wrong)

    def plain() -> tuple[Floats, Floats]:
        x = rng.standard_normal((rows, d)) + strength * np.eye(1, d)
        return x.T @ x, x.T @ labels

    direct = [draw_mixture_flips(rows - wrong, wrong, d, strength, rng) for _ in range(3000)]
    drawn = [plain() for _ in range(3000)]
    for ours, theirs in (
        ([one.second[0, 0] for one in direct], [one[0][0, 0] for one in drawn]),
        ([one.second[0, 3] for one in direct], [one[0][0, 3] for one in drawn]),
        ([one.second[2, 2] for one in direct], [one[0][2, 2] for one in drawn]),
        ([one.first[0] for one in direct], [one[1][0] for one in drawn]),
        ([one.second[4, 4] * one.first[4] for one in direct], [one[0][4, 4] * one[1][4] for one in drawn]),
        ([np.linalg.det(one.second) for one in direct], [np.linalg.det(one[0]) for one in drawn]),
    ):
        if rows >= d or np.std(theirs) > 1e-9:
            assert ks_2samp(ours, theirs, method="asymp").pvalue > BY_CHANCE


def test_a_wishart_of_few_rows_is_singular_and_of_none_is_zero() -> None:
    rng = np.random.default_rng(0)
    assert np.linalg.matrix_rank(draw_wishart(8, 3, rng)) == 3
    assert not draw_wishart(8, 0, rng).any()
    few = draw_statistics(rng.standard_normal((2, 3)), np.ones(2), 8, rng)
    assert np.linalg.matrix_rank(few.second) == 2


def test_ridge_is_least_squares_and_without_rows_to_spare_the_shortest_one() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 5)), rng.standard_normal(30)
    assert ridge(x, y, 30, 0.0) == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0])
    padded = np.vstack([x, math.sqrt(30 * 0.2) * np.eye(5)])
    assert ridge(x, y, 30, 0.2) == pytest.approx(np.linalg.lstsq(padded, np.r_[y, np.zeros(5)], rcond=None)[0])
    assert x[:3] @ ridge(x[:3], y[:3], 3, 0.0) == pytest.approx(y[:3])


@pytest.mark.parametrize("lam", [1e-6, 1e-2, 10.0])
def test_logistic_ends_where_its_gradient_is_zero_even_on_rows_a_line_can_part(lam: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    for y in (np.sign(x[:, 0]), np.sign(x[:, 0] + rng.standard_normal(200))):
        w = logistic(x, y, 250, lam)
        gradient = lam * w - x.T @ (y * expit(-y * (x @ w))) / 250
        assert np.abs(gradient).max() < 1e-8


def test_accuracy_is_signed_and_what_fresh_rows_say() -> None:
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


def test_a_policy_that_looks_at_all_of_x_gets_all_of_x() -> None:
    seen: list[int] = []

    def last(x: Floats, y: Floats, labels: Floats, rng: Draw) -> Bools:
        seen.append(x.shape[1])
        return np.asarray(x[:, -1] > 0, bool)

    outcome = simulate_round(SimulatedRound(World(7), FlipNoise(0.1), last, 1000), np.random.default_rng(0))
    assert set(seen) == {7}
    assert 400 < outcome.kept < 600
