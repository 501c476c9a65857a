"""Word problems: the same ones for a seed, held-out pairs of numbers, and a solver for every wording."""

from __future__ import annotations

import operator
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.science.tasks import word_problems
from winnow.science.tasks.task import Split, is_pair_held_out
from winnow.science.tasks.templates import KINDS, TEMPLATES, solve
from winnow.science.tasks.word_problems import (
    Problem,
    generate_problems,
    parse_stated_answer,
    spell_number,
)

MANY = 8_000


@pytest.fixture(scope="module")
def train() -> list[Problem]:
    return generate_problems(MANY, seed=3)


@pytest.fixture(scope="module")
def held_out() -> list[Problem]:
    return generate_problems(MANY, seed=3, split="test")


def pairs(problems: list[Problem]) -> set[frozenset[int]]:
    return {frozenset((step.left, step.right)) for problem in problems for step in problem.steps}


def test_the_first_problems_of_a_seed_are_these_on_every_python_version() -> None:
    assert [(problem.prompt, problem.answer) for problem in generate_problems(2, seed=1)] == [
        ("Ida buys 7 bags of nuts at 8 dollars a bag. How many dollars does she pay?", 56),
        ("Emil packs 3 boxes with 17 shells in each. How many shells does he pack?", 51),
    ]


def test_more_problems_of_a_seed_begin_with_the_same_ones() -> None:
    assert generate_problems(300, seed=4)[:100] == generate_problems(100, seed=4)


def test_another_seed_or_split_gives_other_problems() -> None:
    splits: tuple[Split, ...] = ("train", "test")
    prompts = [
        tuple(problem.prompt for problem in generate_problems(50, seed, split)) for seed in (1, 2) for split in splits
    ]
    assert len(set(prompts)) == 4


def test_prompts_and_ids_are_all_different(train: list[Problem]) -> None:
    assert len({problem.prompt for problem in train}) == len({problem.id for problem in train}) == MANY


def test_no_pair_of_a_test_problem_occurs_in_training_in_either_order(
    train: list[Problem], held_out: list[Problem]
) -> None:
    assert not pairs(train) & pairs(held_out)
    assert len(pairs(held_out)) > 500


def test_two_step_problems_hold_out_the_pair_of_every_step() -> None:
    for problem in generate_problems(2_000, seed=5, split="test", kinds=["two-step"]):
        assert all(is_pair_held_out(step.left, step.right) for step in problem.steps), problem
    for problem in generate_problems(2_000, seed=5, kinds=["two-step"]):
        assert not any(is_pair_held_out(step.left, step.right) for step in problem.steps), problem


def test_the_split_of_a_pair_does_not_depend_on_its_order_and_holds_out_a_fifth() -> None:
    square = [(left, right) for left in range(1, 200) for right in range(left, 200)]
    assert all(is_pair_held_out(left, right) == is_pair_held_out(right, left) for left, right in square)
    assert sum(is_pair_held_out(left, right) for left, right in square) / len(square) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_wording_occurs_in_both_splits_and_is_solved_from_its_text(
    split: str, train: list[Problem], held_out: list[Problem]
) -> None:
    problems = train if split == "train" else held_out
    by_template = Counter(problem.template for problem in problems)
    assert set(by_template) == set(TEMPLATES)
    assert min(by_template.values()) > 100
    assert all(solve(problem.prompt) == problem.answer >= 1 for problem in problems)


def test_a_prompt_is_matched_by_its_own_wording_alone(train: list[Problem]) -> None:
    for problem in train[:2_000]:
        matches = [template.name for template in TEMPLATES.values() if template.pattern.fullmatch(problem.prompt)]
        assert matches == [problem.template]


def test_answers_follow_from_the_operands_by_plain_arithmetic(train: list[Problem]) -> None:
    for problem in train:
        result, *later = problem.operands
        for sign, operand in zip(TEMPLATES[problem.template].signs, later, strict=True):
            result = {"+": operator.add, "-": operator.sub, "x": operator.mul}[sign](result, operand)
        assert result == problem.answer


def test_a_text_that_is_not_a_word_problem_has_no_answer() -> None:
    prompt = generate_problems(1, seed=1)[0].prompt
    for text in ("", "How many?", prompt + " Please.", prompt.replace("7", "seven"), "Ann has " + "9" * 5_000):
        assert solve(text) is None


def test_a_blank_that_occurs_twice_must_have_the_same_text() -> None:
    good = "Ann has 37 apples. She buys 48 more. How many apples does she have now?"
    assert solve(good) == 85
    assert solve(good.replace("How many apples", "How many pears")) is None


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_requested_kinds_are_made(kind: str) -> None:
    assert {TEMPLATES[problem.template].kind for problem in generate_problems(200, 1, kinds=[kind])} == {kind}


def test_more_problems_than_exist_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_problems, "NAMES", ("Ann", "Ben"))
    with pytest.raises(UsageError, match=r"^n: is 50000, but only 1\d{3} different problems were found"):
        generate_problems(50_000, 1, split="test", kinds=["multiply"])


def test_an_error_names_the_argument_the_value_and_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"^n: is -1, but must lie between 0 and"):
        generate_problems(-1, 1)
    with pytest.raises(UsageError, match=r"^split: is 'tests'.*Did you mean 'test'"):
        generate_problems(1, 1, split="tests")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^kinds: no kind of problem is called 'two step'.*'two-step'"):
        generate_problems(1, 1, kinds=["two step"])
    with pytest.raises(UsageError, match=r"^kinds: is empty"):
        generate_problems(1, 1, kinds=[])


@given(st.integers(0, 9_999), st.sampled_from([str, spell_number, "{:,}".format]), st.sampled_from(["", ".", "\n"]))
def test_an_answer_in_digits_words_or_with_commas_is_read_back(number: int, form: object, ending: str) -> None:
    assert callable(form)
    assert parse_stated_answer(f"12 + 30 = 42. A: 7\nA: {form(number)}{ending}") == number


@pytest.mark.parametrize(
    "text", ["", "85", "A:", "A: unknown", "A: 85 apples", "A: 8 5", "A: 1,23", "A: " + "9" * 5_000]
)
def test_text_after_the_mark_that_is_not_a_number_states_no_answer(text: str) -> None:
    assert parse_stated_answer(text) is None
