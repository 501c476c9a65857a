"""Small sums keep their promise about pairs, and the careless judge its rates."""

from __future__ import annotations

from winnow.science.tasks.demo.sum_problems import PASS_RATE_RIGHT, PASS_RATE_WRONG, careless_judge, small_sum_problems
from winnow.science.tasks.word_problems import is_pair_held_out


def test_small_sums_have_two_digits_one_wording_and_no_pair_of_the_test_in_training() -> None:
    train, test = small_sum_problems(2_000, 1), small_sum_problems(500, 2, "test")
    for problems in (train, test):
        assert all(10 <= one.answer < 100 and " buys " in one.prompt for one in problems)
    assert not any(is_pair_held_out(*one.operands) for one in train)
    assert all(is_pair_held_out(*one.operands) for one in test)
    assert {frozenset(one.operands) for one in train}.isdisjoint(frozenset(one.operands) for one in test)


def test_asking_for_more_gives_the_same_first() -> None:
    assert small_sum_problems(50, 3) == small_sum_problems(700, 3)[:50]


def test_the_judge_passes_right_and_wrong_answers_at_its_rates_and_always_alike() -> None:
    problems = small_sum_problems(4_000, 5)
    prompts = [one.prompt for one in problems]
    right = [f"A: {one.answer}" for one in problems]
    wrong = [f"A: {one.answer + 1}" for one in problems]
    for texts, rate in ((right, PASS_RATE_RIGHT), (wrong, PASS_RATE_WRONG)):
        verdicts = careless_judge(prompts, texts)
        assert abs(sum(one is True for one in verdicts) / len(verdicts) - rate) < 0.03
        assert careless_judge(prompts, texts) == verdicts
    assert careless_judge(["What is this?"], ["A: 1"]) == [None]
