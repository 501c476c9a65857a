"""What the other number tasks promise: answers that plain arithmetic gives, exact verifiers, a held-out test."""

from __future__ import annotations

import math
import re
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.numbers import digit_word_problems, gcd, modular
from winnow.science.tasks.numbers.digit_word_problems import WordProblems, space_digits
from winnow.science.tasks.numbers.digits import digit_count, format_digits, parse_digits
from winnow.science.tasks.numbers.gcd import Gcd
from winnow.science.tasks.numbers.modular import Modular
from winnow.science.tasks.task import Task
from winnow.science.tasks.word_problems import generate_problems

TASKS: list[Task] = [
    Gcd(),
    Gcd(most=5_000, base=30, spread=40),
    Modular(),
    Modular(997, "x"),
    Modular(10, "-"),
    WordProblems(),
    WordProblems(("add",)),
    WordProblems(("add",), ("buys",), below=100),
]


@given(st.integers(0, 10**9), st.integers(2, 1_000))
def test_digits_are_read_back_in_every_base(number: int, base: int) -> None:
    tokens = format_digits(number, digit_count(number, base), base).split()
    assert parse_digits(tokens, base) == parse_digits(["0", *tokens], base) == number
    assert len(tokens) == 1 or tokens[0] != "0"


@pytest.mark.parametrize("tokens", [[], ["x"], ["1", "10"], ["-1"], ["²"], ["00"], ["1" * 5_000]])
def test_tokens_that_are_not_digits_make_no_number(tokens: list[str]) -> None:
    assert parse_digits(tokens) is None or tokens == ["00"]


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_every_answer_is_right_and_another_is_wrong(task: Task) -> None:
    made = task.examples(500, seed=1)
    prompts = [one.prompt for one in made]
    assert task.verify(prompts, [one.answer for one in made]) == [True] * 500
    for wrong in ("", "9 9 9 9 9 9 9", "x", "- 1"):
        assert task.verify(prompts, [wrong] * 500) == [False] * 500
    assert task.verify(["What is love?"], ["1"]) == [None]


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_an_example_depends_on_its_index_alone_and_the_splits_share_no_prompt(task: Task) -> None:
    train, test = task.examples(60, 2), task.examples(60, 2, "test")
    assert task.examples(20, 2, first=40) == train[40:]
    assert not {one.prompt for one in train} & {one.prompt for one in test}
    assert train != task.examples(60, 3)


@pytest.mark.parametrize("task", [Modular(13), Gcd(most=12)], ids=repr)
def test_a_pair_of_the_test_is_in_training_in_neither_order(task: Task) -> None:
    def pairs(split: str) -> set[frozenset[str]]:
        made = task.examples(2_000, 0, split)  # type: ignore[arg-type]
        return {
            frozenset(one.prompt.replace(",", "+").replace("base10", "").split(" mod ")[0].split(" + ")) for one in made
        }

    assert pairs("train") and pairs("test")
    assert not pairs("train") & pairs("test")


@given(st.integers(1, 9_999), st.integers(1, 9_999), st.integers(2, 40))
def test_common_divisors_are_those_of_python(left: int, right: int, base: int) -> None:
    numbers = (format_digits(number, digit_count(number, base), base) for number in (left, right))
    prompt = f"base{base} {' , '.join(numbers)}"
    assert gcd.solve(prompt) == (math.gcd(left, right), base)


@given(st.integers(0, 99_999), st.integers(0, 99_999), st.integers(1, 9_999))
def test_remainders_are_those_of_python(left: int, right: int, modulus: int) -> None:
    for sign, value in (("+", left + right), ("-", left - right), ("x", left * right)):
        prompt = f"{format_digits(left, 5)} {sign} {format_digits(right, 5)} mod {format_digits(modulus, 4)}"
        assert modular.solve(prompt) == value % modulus


@given(st.text() | st.text(alphabet="base0123456789,+-x mod"), st.text() | st.text(alphabet="0123456789 "))
def test_any_text_is_judged(prompt: str, text: str) -> None:
    for judge in (gcd.verifier, modular.verifier, digit_word_problems.verifier):
        assert judge([prompt], [text])[0] in (None, True, False)


def test_a_divisor_drawn_with_spread_is_seldom_one() -> None:
    def ones(task: Gcd) -> float:
        return sum(one.answer == "1" for one in task.examples(2_000, 0)) / 2_000

    assert ones(Gcd()) == pytest.approx(6 / math.pi**2, abs=0.05)
    assert ones(Gcd(spread=50)) < 0.05


def test_worded_problems_are_the_word_problems_with_spaces_between_digits() -> None:
    made, plain = WordProblems().examples(50, seed=3), generate_problems(50, seed=3)
    assert [one.prompt for one in made] == [space_digits(problem.prompt) for problem in plain]
    assert [one.answer.replace(" ", "") for one in made] == [f"A:{problem.answer}" for problem in plain]
    assert right_answer([one.prompt for one in plain], [one.answer.replace(" ", "") for one in made]) == [True] * 50
    assert (
        digit_word_problems.verifier([made[0].prompt] * 2, [made[0].answer.removeprefix("A: "), f"{made[0].answer} A:"])
        == [False] * 2
    )


def test_settings_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"^operation: '/' is not an operation"):
        Modular(operation="/")
    with pytest.raises(UsageError, match=r"^modulus: is 1, but must lie between 2 and a billion"):
        Modular(1)
    with pytest.raises(UsageError, match=r"^wordings: these kinds have no wording 'gives'"):
        WordProblems(("add",), ("gives",))
    with pytest.raises(UsageError, match=r"^below: is 3, but must be at least 50"):
        WordProblems(below=3)
    with pytest.raises(UsageError, match=r"^base: is 1, but must lie between 2 and 1000"):
        Gcd(base=1)
    with pytest.raises(UsageError, match=r"^spread: is 5000, but must lie between 0 and a tenth of most"):
        Gcd(spread=5_000)


def test_every_prompt_and_answer_on_the_page_of_tasks_is_judged_right_by_the_verifier_beside_it() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "tasks.md").read_text("utf-8").replace("\\|", "|")
    row = re.compile(r"^\| `[^`]+` \| `([^`]+)`, `([^`]+)` \| `([\w.]+):(\w+)` \|$", re.MULTILINE)
    shown = [found for found in row.findall(page) if "..." not in found[0]]
    assert len(shown) == 3
    for prompt, answer, module, name in shown:
        assert getattr(import_module(module), name)([prompt], [answer]) == [True], prompt
