"""Joint draws: the interval of one share, and the correlation of shares from the same prompts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaincinv, stdtrit

from winnow.statistics.card_inputs import Floats
from winnow.statistics.intervals import (
    DRAWS,
    ShareEstimate,
    ShareRows,
    correlate_shares,
    draw_joint,
    estimate_shares,
    interval_from_draws,
    t_adjusted_rows,
    two_sided_p_value,
)


def share(value: float, n: float) -> ShareEstimate:
    """A share of independent rows."""
    return ShareEstimate(value, n, np.inf, np.zeros(1), 0.0, int(n))


def ends(x: int, n: int) -> tuple[float, float]:
    """The 95% interval of x of n."""
    figure = interval_from_draws(x / n, draw_joint([share(x / n, n)])[0], 0.95)
    assert figure.low is not None and figure.high is not None
    return figure.low, figure.high


@given(st.integers(1, 300), st.data())
def test_an_interval_lies_between_jeffreys_and_clopper_pearson(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    low, high = ends(x, n)
    widest = (betaincinv(x, n - x + 1, 0.025) if x else 0.0, betaincinv(x + 1, n - x, 0.975) if x < n else 1.0)
    middle = betaincinv(x + 0.5, n - x + 0.5, [0.025, 0.975])
    # Quantiles of 20,000 draws wander by about a hundredth of the width.
    play = 0.03 * (high - low) + 1e-9
    assert widest[0] - play <= low <= max(middle[0], 0) + play
    assert middle[1] - play <= high <= widest[1] + play


def test_an_observed_share_of_0_or_1_is_an_end_of_its_interval() -> None:
    assert ends(0, 20)[0] == 0 and ends(20, 20)[1] == 1
    assert ends(0, 20)[1] == pytest.approx(1 - 0.05 ** (1 / 20), rel=0.02)


def covers(n: int, truth: float) -> float:
    """The exact chance that the interval of a binomial contains its truth."""
    k = np.arange(n + 1)
    log = np.concatenate([[0.0], np.cumsum(np.log((n - k[:-1]) / (k[:-1] + 1)))])
    chance = np.exp(log + k * np.log(truth) + (n - k) * np.log1p(-truth))
    inside = [low <= truth <= high for low, high in (ends(int(x), n) for x in k)]
    return float(chance[inside].sum())


@pytest.mark.parametrize("n", [5, 20, 60])
def test_intervals_cover_shares_near_0_and_1(n: int) -> None:
    assert min(covers(n, truth) for truth in (0.001, 0.004, 0.013, 0.03, 0.08, 0.21, 0.37, 0.5, 0.93, 0.999)) > 0.925


def rows(outcome: Floats, prompt: list[int]) -> ShareRows:
    """One side."""
    return ShareRows(outcome, np.array(prompt, dtype=np.int64), None, max(prompt) + 1)


def test_the_effective_size_of_independent_rows_is_their_number() -> None:
    (result,) = estimate_shares([rows(np.array([1.0, 0, 1, 1, 0]), [0, 1, 2, 3, 4])])
    assert (
        (result.value, result.rows) == (0.6, 5)
        and result.effective == pytest.approx(5)
        and t_adjusted_rows(result, 0.95) == pytest.approx(5)
    )


def test_the_effective_size_of_equal_rows_of_a_prompt_is_the_number_of_prompts() -> None:
    rng = np.random.default_rng(0)
    outcome = np.repeat((rng.random(200) < 0.4).astype(np.float64), 5)
    (result,) = estimate_shares([rows(outcome, list(np.repeat(np.arange(200), 5)))])
    assert result.effective == pytest.approx(200, rel=0.02)
    assert result.degrees == pytest.approx(199)
    assert t_adjusted_rows(result, 0.95) == pytest.approx(result.effective * (1.959964 / stdtrit(199, 0.975)) ** 2)


def test_two_prompts_that_agree_by_chance_get_the_worst_correlation() -> None:
    (result,) = estimate_shares([rows(np.array([1.0] * 9 + [0] + [1.0] * 9 + [0]), [0] * 10 + [1] * 10)])
    assert result.effective == pytest.approx(20 / 5.5) and result.degrees == pytest.approx(1.0)


def test_rows_that_are_all_right_get_the_worst_correlation() -> None:
    (result,) = estimate_shares([rows(np.ones(80), list(np.repeat(np.arange(10), 8)))])
    assert result.effective == pytest.approx(80 / 4.5)


def test_grades_have_a_larger_effective_size_than_binary_labels() -> None:
    grades = np.linspace(0.4, 0.6, 50)
    (result,) = estimate_shares([rows(grades, list(range(50)))])
    assert result.effective == pytest.approx(0.25 / ((grades - 0.5) ** 2).mean() * 50)


def test_draws_are_correlated_as_the_influences_are() -> None:
    rng = np.random.default_rng(2)
    common = rng.standard_normal((2, 400))
    one, other = common[0], 0.6 * common[0] + 0.8 * common[1]
    result = [ShareEstimate(0.5, 400.0, np.inf, u / 1e3, float(np.sqrt((u**2).sum())) / 1e3, 400) for u in (one, other)]
    want = correlate_shares(result)[0, 1]
    drawn = draw_joint(result)
    assert want == pytest.approx(0.6, abs=0.15)
    assert np.mean((drawn[0] - 0.5) * (drawn[1] - 0.5)) / (drawn[0].std() * drawn[1].std()) == pytest.approx(
        want, abs=4 / np.sqrt(DRAWS)
    )


def test_identical_shares_have_identical_draws() -> None:
    u = np.random.default_rng(3).standard_normal(50)
    same = [ShareEstimate(0.3, 50.0, np.inf, u, float(np.sqrt((u**2).sum())), 50)] * 2
    drawn = draw_joint(same)
    assert np.abs(drawn[0] - drawn[1]).max() < 1e-9


def test_two_prompts_give_no_correlation_of_shares() -> None:
    result = [ShareEstimate(0.5, 9.0, 1.0, np.array([0.1, -0.1]) * s, 0.15, 9) for s in (1, 1.4)]
    assert np.array_equal(correlate_shares(result), np.eye(2))


def test_a_two_sided_p_value_is_small_when_all_draws_agree_and_never_0() -> None:
    assert two_sided_p_value(np.ones(999)) == pytest.approx(0.002)
    assert two_sided_p_value(np.zeros(999)) == 1.0
