"""Regression over rounds and token editing: closed forms agree with the means of simulations that draw every label."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds import regression as r

SIZE = r.RegressionSize(4, 20, noise=0.5)


def is_mean_near(simulated: Floats, expected: Floats, errors: float = 4.5) -> bool:
    """Whether the means over runs are within their standard errors of the expected values."""
    spread = simulated.std(axis=0, ddof=1) / np.sqrt(len(simulated))
    return bool((np.abs(simulated.mean(axis=0) - expected) <= errors * spread).all())


def test_closed_forms_agree_with_simulated_means() -> None:
    rng = np.random.default_rng(0)
    assert is_mean_near(r.simulate_replace(SIZE, 8, 4000, rng), r.replace_error(SIZE, 8))
    assert is_mean_near(r.simulate_accumulate(SIZE, 8, 4000, rng), r.accumulate_error(SIZE, 8))
    for a in (0.3, 0.9):
        assert is_mean_near(r.simulate_averaged(SIZE, 8, 4000, a, rng), r.averaged_error(SIZE, 8, a))
    assert r.averaged_error(SIZE, 8, 1.0) == pytest.approx(r.replace_error(SIZE, 8))


def test_the_noise_of_a_fit_has_the_moments_of_fits_to_drawn_rows() -> None:
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(4000):
        x = rng.standard_normal((SIZE.rows, SIZE.d))
        drawn.append(np.linalg.lstsq(x, SIZE.noise * rng.standard_normal(SIZE.rows), rcond=None)[0])
    fitted_noise = r.fit_noise(SIZE, (4000,), rng)
    for power in (1, 2):
        difference = (fitted_noise**power).mean(axis=0) - (np.array(drawn) ** power).mean(axis=0)
        spread = np.sqrt((fitted_noise**power).var(axis=0) / 4000 + (np.array(drawn) ** power).var(axis=0) / 4000)
        assert (np.abs(difference) < 4.5 * spread).all()


def test_subsampling_lies_between_accumulating_and_replacing() -> None:
    rng = np.random.default_rng(2)
    simulated = r.simulate_subsample(SIZE, 12, 400, rng).mean(axis=0)
    assert r.accumulate_error(SIZE, 12)[-1] < simulated[-1] < r.replace_error(SIZE, 12)[-1]
    assert is_mean_near(r.simulate_subsample(SIZE, 1, 2000, rng), r.replace_error(SIZE, 1))


def test_too_few_rows_are_refused_with_the_number_needed() -> None:
    with pytest.raises(ValueError, match="more than d \\+ 1 = 5"):
        r.base_error(r.RegressionSize(4, 5))


def simulate_edits(x: Floats, sets: list[Ints], runs: int, rng: np.random.Generator) -> Floats:
    """Token editing with every label drawn, for one X: the error after each set, runs x edits."""
    inverse = np.linalg.pinv(x)
    y = SIZE.noise * rng.standard_normal((runs, SIZE.rows))
    errors = [((y @ inverse.T) ** 2).sum(axis=1)]
    for rows in sets:
        w = y @ inverse.T
        y[:, rows] = (w @ x.T + SIZE.noise * rng.standard_normal(y.shape))[:, rows]
        errors.append(((y @ inverse.T) ** 2).sum(axis=1))
    return np.stack(errors, axis=1)


def test_the_exact_process_agrees_with_simulations_that_draw_every_label() -> None:
    rng = np.random.default_rng(3)
    for sets in (
        r.disjoint_blocks(SIZE, 5),
        r.fixed_rows(SIZE, 0.5, 6),
        r.redrawn_rows(SIZE, 0.3, 6, rng),
        r.disjoint_blocks(SIZE, 4, 0.4),
    ):
        x = np.random.default_rng(7).standard_normal((SIZE.rows, SIZE.d))
        expected = r.exact_errors(SIZE, sets, np.random.default_rng(7))
        assert is_mean_near(simulate_edits(x, sets, 6000, rng), expected)


def test_sets_of_rows_have_the_requested_number_and_size() -> None:
    assert sorted(np.concatenate(r.disjoint_blocks(SIZE, 5)).tolist()) == list(range(20))
    assert [len(rows) for rows in r.disjoint_blocks(SIZE, 5, 0.5)] == [2] * 5
    assert all((rows == np.arange(5)).all() for rows in r.fixed_rows(SIZE, 0.25, 3))
    simulated = r.redrawn_rows(SIZE, 0.25, 3, np.random.default_rng(0))
    assert [len(set(rows.tolist())) for rows in simulated] == [5, 5, 5]


def test_the_explicit_bound_has_the_second_moment_of_an_inverse_wishart() -> None:
    rng = np.random.default_rng(4)
    squares = []
    for _ in range(3000):
        x = rng.standard_normal((SIZE.rows, SIZE.d))
        squares.append(np.trace(np.linalg.matrix_power(np.linalg.inv(x.T @ x), 2)))
    bound = r.claimed_bound(SIZE, 9.0, 0.5)
    moment = ((bound - r.base_error(SIZE)) * 0.5 / SIZE.noise**2) ** 2 / 9
    assert np.mean(squares) == pytest.approx(moment, abs=4.5 * np.std(squares) / np.sqrt(3000))
