"""w, the share of the commonest wrong answer: a high and a low estimate."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.statistics.prompts.commonest_wrong_answer import LEAST_PROMPTS, estimate_commonest_wrong_answer


def drawn(shares: list[float], rows: int, prompts: int, seed: int) -> tuple[np.ndarray, list[str | None]]:
    """Wrong answers of prompts, each drawn with these shares."""
    rng = np.random.default_rng(seed)
    result = rng.choice(len(shares), size=rows * prompts, p=shares)
    return np.repeat(np.arange(prompts), rows), [f"answer {number}" for number in result]


@pytest.mark.parametrize("rows", [2, 3, 6, 12])
@pytest.mark.parametrize("shares", [[0.6, 0.3, 0.1], [0.1] * 10, [0.4, 0.4, 0.2]])
def test_w_lies_between_the_two_estimates(shares: list[float], rows: int) -> None:
    result = estimate_commonest_wrong_answer(*drawn(shares, rows, 4_000, 0))
    assert result.value is not None and result.at_least is not None
    assert result.at_least < max(shares) + 0.015 and result.value > max(shares) - 0.015


def test_with_two_answers_the_low_estimate_is_the_chance_that_they_agree() -> None:
    prompt, result = drawn([0.6, 0.3, 0.1], 2, 500, 1)
    same = np.mean([one == other for one, other in zip(result[::2], result[1::2], strict=True)])
    found = estimate_commonest_wrong_answer(prompt, result)
    assert found.at_least == pytest.approx(same)
    assert found.value == pytest.approx((1 + same) / 2)


def test_more_answers_bring_the_two_estimates_together() -> None:
    few, many = (estimate_commonest_wrong_answer(*drawn([0.6, 0.3, 0.1], rows, 300, 2)) for rows in (2, 40))
    gap = [one.value - one.at_least for one in (few, many) if one.value is not None and one.at_least is not None]
    assert gap[1] < 0.03 < gap[0]


def test_prompts_with_one_wrong_answer_and_empty_answers_are_ignored() -> None:
    prompt, result = drawn([0.5, 0.5], 2, LEAST_PROMPTS, 3)
    alone = np.append(prompt, [100, 101, 101])
    assert estimate_commonest_wrong_answer(alone, [*result, "x", "y", None]) == estimate_commonest_wrong_answer(
        prompt, result
    )


def test_too_few_prompts_give_no_w_and_say_how_many_are_needed() -> None:
    result = estimate_commonest_wrong_answer(*drawn([0.5, 0.5], 2, LEAST_PROMPTS - 1, 4))
    assert result.value is None and result.at_least is None
    assert f"{LEAST_PROMPTS - 1} prompts" in result.why and result.why in result.summary()


def test_answers_count_by_their_weight() -> None:
    prompt = np.repeat(np.arange(LEAST_PROMPTS), 3)
    result: list[str | None] = ["a", "b", "c"] * LEAST_PROMPTS
    found = estimate_commonest_wrong_answer(prompt, result, np.tile([8.0, 1.0, 1.0], LEAST_PROMPTS))
    assert found.value == pytest.approx(0.8)
