"""The other number tasks: answers that agree with Python, exact verifiers, and a held-out test split."""

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
def test_digits_survive_a_round_trip_in_every_base(number: int, base: int) -> None:
    tokens = format_digits(number, digit_count(number, base), base).split()
    assert parse_digits(tokens, base) == parse_digits(["0", *tokens], base) == number
    assert len(tokens) == 1 or tokens[0] != "0"


@pytest.mark.parametrize("tokens", [[], ["x"], ["1", "10"], ["-1"], ["²"], ["00"], ["1" * 5_000]])
def test_tokens_that_are_not_digits_give_none(tokens: list[str]) -> None:
    assert parse_digits(tokens) is None or tokens == ["00"]


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_every_answer_of_an_example_is_right_and_other_answers_are_wrong(task: Task) -> None:
    examples = task.examples(500, seed=1)
    prompts = [example.prompt for example in examples]
    assert task.verify(prompts, [example.answer for example in examples]) == [True] * 500
    for wrong in ("", "9 9 9 9 9 9 9", "x", "- 1"):
        assert task.verify(prompts, [wrong] * 500) == [False] * 500
    assert task.verify(["What is love?"], ["1"]) == [None]


@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_an_example_depends_on_its_index_only_and_the_splits_share_no_prompt(task: Task) -> None:
    train, test = task.examples(60, 2), task.examples(60, 2, "test")
    assert task.examples(20, 2, first=40) == train[40:]
    assert not {example.prompt for example in train} & {example.prompt for example in test}
    assert train != task.examples(60, 3)


@pytest.mark.parametrize("task", [Modular(13), Gcd(most=12)], ids=repr)
def test_no_pair_of_the_test_split_occurs_in_training_in_either_order(task: Task) -> None:
    def pairs(split: str) -> set[frozenset[str]]:
        examples = task.examples(2_000, 0, split)  # type: ignore[arg-type]
        return {
            frozenset(example.prompt.replace(",", "+").replace("base10", "").split(" mod ")[0].split(" + "))
            for example in examples
        }

    assert pairs("train") and pairs("test")
    assert not pairs("train") & pairs("test")


@given(st.integers(1, 9_999), st.integers(1, 9_999), st.integers(2, 40))
def test_common_divisors_agree_with_python(left: int, right: int, base: int) -> None:
    numbers = (format_digits(number, digit_count(number, base), base) for number in (left, right))
    prompt = f"base{base} {' , '.join(numbers)}"
    assert gcd.solve(prompt) == (math.gcd(left, right), base)


@given(st.integers(0, 99_999), st.integers(0, 99_999), st.integers(1, 9_999))
def test_remainders_agree_with_python(left: int, right: int, modulus: int) -> None:
    for sign, value in (("+", left + right), ("-", left - right), ("x", left * right)):
        prompt = f"{format_digits(left, 5)} {sign} {format_digits(right, 5)} mod {format_digits(modulus, 4)}"
        assert modular.solve(prompt) == value % modulus


@given(st.text() | st.text(alphabet="base0123456789,+-x mod"), st.text() | st.text(alphabet="0123456789 "))
def test_the_verifiers_accept_any_text(prompt: str, text: str) -> None:
    for judge in (gcd.verifier, modular.verifier, digit_word_problems.verifier):
        assert judge([prompt], [text])[0] in (None, True, False)


def test_spread_makes_a_divisor_of_one_rare() -> None:
    def ones(task: Gcd) -> float:
        return sum(example.answer == "1" for example in task.examples(2_000, 0)) / 2_000

    assert ones(Gcd()) == pytest.approx(6 / math.pi**2, abs=0.05)
    assert ones(Gcd(spread=50)) < 0.05


def test_digit_word_problems_are_word_problems_with_spaces_between_digits() -> None:
    examples, plain = WordProblems().examples(50, seed=3), generate_problems(50, seed=3)
    assert [example.prompt for example in examples] == [space_digits(problem.prompt) for problem in plain]
    assert [example.answer.replace(" ", "") for example in examples] == [f"A:{problem.answer}" for problem in plain]
    assert (
        right_answer([problem.prompt for problem in plain], [example.answer.replace(" ", "") for example in examples])
        == [True] * 50
    )
    assert (
        digit_word_problems.verifier(
            [examples[0].prompt] * 2, [examples[0].answer.removeprefix("A: "), f"{examples[0].answer} A:"]
        )
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


def test_every_example_on_the_reference_page_of_tasks_is_right_according_to_its_verifier() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "tasks.md").read_text("utf-8").replace("\\|", "|")
    row = re.compile(r"^\| `[^`]+` \| `([^`]+)`, `([^`]+)` \| `([\w.]+):(\w+)` \|$", re.MULTILINE)
    shown = [found for found in row.findall(page) if "..." not in found[0]]
    assert len(shown) == 3
    for prompt, answer, module, name in shown:
        assert getattr(import_module(module), name)([prompt], [answer]) == [True], prompt
