"""The scripted answerer: the same answers for a seed, realistic mistakes, and the truth about each answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import mean

import pytest

from winnow.errors import UsageError
from winnow.science.tasks.mistakes import MISTAKES, carry_amount, correct_solution, mistaken_solution
from winnow.science.tasks.scripted_answerer import (
    MALFORMED,
    MISTAKE_WEIGHTS,
    ScriptedAnswer,
    chance_right,
    scripted_answers,
)
from winnow.science.tasks.templates import ArithmeticStep, solve
from winnow.science.tasks.word_problems import Problem, generate_problems, parse_stated_answer

PER_PROBLEM = 8


@pytest.fixture(scope="module")
def answered() -> list[tuple[Problem, list[ScriptedAnswer]]]:
    return [(problem, scripted_answers(problem, PER_PROBLEM, seed=2)) for problem in generate_problems(1_500, seed=2)]


def problem_like(prompt: str) -> Problem:
    """The problem with this prompt."""
    template = {
        "Ann has 37 apples. She buys 48 more. How many apples does she have now?": ("buys", (37, 48)),
        "A shop has 52 pens and sells 37 of them. How many pens remain?": ("sells", (52, 37)),
        "Ann packs 7 boxes with 18 pens in each. How many pens does she pack?": ("boxes", (7, 18)),
        "Ann fills 7 boxes with 18 pens each and has 5 left over. How many pens are there in all?": (
            "boxes_extra",
            (7, 18, 5),
        ),
    }[prompt]
    answer = solve(prompt)
    assert answer is not None
    return Problem("p0001", prompt, answer, template[1], template[0])


BUYS = problem_like("Ann has 37 apples. She buys 48 more. How many apples does she have now?")
SELLS = problem_like("A shop has 52 pens and sells 37 of them. How many pens remain?")
BOXES = problem_like("Ann packs 7 boxes with 18 pens in each. How many pens does she pack?")
EXTRA = problem_like("Ann fills 7 boxes with 18 pens each and has 5 left over. How many pens are there in all?")


@pytest.mark.parametrize(
    ("problem", "mistake", "equations", "value"),
    [
        (BUYS, "carry forgotten", ("37 + 48 = 75",), 75),
        (SELLS, "carry forgotten", ("52 - 37 = 25",), 25),
        (BOXES, "carry forgotten", ("7 x 18 = 76",), 76),
        (EXTRA, "carry forgotten", ("7 x 18 = 76", "76 + 5 = 81"), 81),
        (BUYS, "wrong operation", ("48 - 37 = 11",), 11),
        (SELLS, "wrong operation", ("52 + 37 = 89",), 89),
        (BOXES, "wrong operation", ("7 + 18 = 25",), 25),
        (BUYS, "digits swapped", ("37 + 48 = 85",), 58),
        (EXTRA, "second step dropped", ("7 x 18 = 126",), 126),
    ],
)
def test_a_mistake_leads_to_the_equations_that_a_person_would_write(
    problem: Problem, mistake: str, equations: tuple[str, ...], value: int
) -> None:
    solution = mistaken_solution(problem, mistake)
    assert solution is not None
    assert (solution.equations, solution.value) == (equations, value)


def test_a_mistake_that_the_problem_does_not_allow_gives_none() -> None:
    assert mistaken_solution(BUYS, "second step dropped") is None
    assert (
        carry_amount(ArithmeticStep(31, "+", 48))
        == carry_amount(ArithmeticStep(58, "-", 31))
        == carry_amount(ArithmeticStep(4, "x", 12))
        == 0
    )


def test_every_mistake_gives_a_wrong_number_and_every_problem_allows_a_mistake(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    for problem, _ in answered:
        solutions = [mistaken_solution(problem, name) for name in MISTAKES]
        assert any(solutions)
        assert all(solution.value >= 0 and solution.value != problem.answer for solution in solutions if solution)
        assert correct_solution(problem).value == problem.answer


def test_more_answers_of_a_seed_begin_with_the_same_ones() -> None:
    assert scripted_answers(BUYS, 20, seed=1)[:8] == scripted_answers(BUYS, 8, seed=1)
    assert scripted_answers(BUYS, 20, seed=1) != scripted_answers(BUYS, 20, seed=2)


def test_the_answerer_says_correctly_whether_an_answer_is_right(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    for problem, answers in answered:
        for answer in answers:
            assert answer.right == (parse_stated_answer(answer.text) == solve(problem.prompt)), answer
            assert answer.right == (answer.mistake is None)


def test_every_mistake_and_every_malformed_answer_occurs(answered: list[tuple[Problem, list[ScriptedAnswer]]]) -> None:
    counts = Counter(answer.mistake for _, answers in answered for answer in answers)
    assert set(counts) == {None, *MISTAKES, *MALFORMED}
    assert set(MISTAKE_WEIGHTS) == set(MISTAKES)
    malformed = sum(counts[name] for name in MALFORMED) / counts.total()
    assert 0.03 < malformed < 0.05
    assert max(counts[name] for name in MISTAKES) < 0.4 * (counts.total() - counts[None])


def test_malformed_answers_have_the_fault_they_are_named_for(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    texts = defaultdict(list)
    for _, answers in answered:
        for answer in answers:
            texts[answer.mistake].append(answer.text)
    assert set(texts["empty"]) == {""}
    assert all(text.endswith("A: unknown") for text in texts["answer unknown"])
    assert all(text and "A:" not in text for text in (*texts["no answer line"], *texts["cut off"]))
    assert all(text.endswith(".") for text in texts["no answer line"])


def test_some_prompts_are_nearly_always_answered_right_and_some_nearly_never(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    right = [mean(answer.right for answer in answers) for _, answers in answered]
    assert sum(share == 1 for share in right) > 0.1 * len(right)
    assert sum(share <= 1 / PER_PROBLEM for share in right) > 0.08 * len(right)


def test_well_formed_answers_are_right_as_often_as_chance_right_states(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    well_formed = [
        (chance_right(problem), answer.right)
        for problem, answers in answered
        for answer in answers
        if answer.mistake not in MALFORMED
    ]
    for low, high in ((0, 0.4), (0.4, 0.7), (0.7, 1)):
        group = [(chance, right) for chance, right in well_formed if low <= chance < high]
        assert mean(right for _, right in group) == pytest.approx(mean(chance for chance, _ in group), abs=0.03)


def test_the_commonest_wrong_answer_of_a_prompt_has_at_least_half_of_the_wrong_ones_on_average() -> None:
    shares = []
    for problem in generate_problems(200, seed=9):
        stated = (
            parse_stated_answer(answer.text) for answer in scripted_answers(problem, 100, seed=9) if not answer.right
        )
        wrong = Counter(value for value in stated if value is not None)
        shares.append(max(wrong.values(), default=0) / max(1, wrong.total()))
    assert 0.5 < mean(shares) < 0.75


def test_wrong_answers_are_longer_on_average(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    length = {
        right: mean(len(answer.text) for _, answers in answered for answer in answers if answer.right is right)
        for right in (True, False)
    }
    assert length[False] > 1.5 * length[True]


def test_few_numbers_are_written_in_words_and_some_with_a_separator(
    answered: list[tuple[Problem, list[ScriptedAnswer]]],
) -> None:
    stated = [answer.text.rpartition("A:")[2].strip() for _, answers in answered for answer in answers if answer.right]
    in_words = sum(text[:1].isalpha() for text in stated) / len(stated)
    assert 0.01 < in_words < 0.03
    assert any("," in text for text in stated)


def test_a_negative_number_of_answers_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^n: is -1, but must be 0 or more"):
        scripted_answers(BUYS, -1, seed=1)
