"""Small sums: held-out pairs never occur in training, and the careless judge has its stated rates."""

from __future__ import annotations

from winnow.science.tasks.demo.sum_problems import PASS_RATE_RIGHT, PASS_RATE_WRONG, careless_judge, small_sum_problems
from winnow.science.tasks.task import is_pair_held_out


def test_small_sums_have_two_digits_one_wording_and_no_pair_of_the_test_in_training() -> None:
    train, test = small_sum_problems(2_000, 1), small_sum_problems(500, 2, "test")
    for problems in (train, test):
        assert all(10 <= problem.answer < 100 and " buys " in problem.prompt for problem in problems)
    assert not any(is_pair_held_out(*problem.operands) for problem in train)
    assert all(is_pair_held_out(*problem.operands) for problem in test)
    assert {frozenset(problem.operands) for problem in train}.isdisjoint(
        frozenset(problem.operands) for problem in test
    )


def test_more_problems_of_a_seed_begin_with_the_same_ones() -> None:
    assert small_sum_problems(50, 3) == small_sum_problems(700, 3)[:50]


def test_the_judge_passes_right_and_wrong_answers_at_its_rates_and_repeats_its_verdicts() -> None:
    problems = small_sum_problems(4_000, 5)
    prompts = [problem.prompt for problem in problems]
    right = [f"A: {problem.answer}" for problem in problems]
    wrong = [f"A: {problem.answer + 1}" for problem in problems]
    for texts, rate in ((right, PASS_RATE_RIGHT), (wrong, PASS_RATE_WRONG)):
        verdicts = careless_judge(prompts, texts)
        assert abs(verdicts.count(True) / len(verdicts) - rate) < 0.03
        assert careless_judge(prompts, texts) == verdicts
    assert careless_judge(["What is this?"], ["A: 1"]) == [None]
