"""The two verifiers of word problems: the truth, and a judge that prefers long answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.science.tasks.judges import long_answer_judge, right_answer
from winnow.science.tasks.scripted_answerer import scripted_answers
from winnow.science.tasks.word_problems import generate_problems

PROMPT = "Ann has 37 apples. She buys 48 more. How many apples does she have now?"


def score(text: str) -> float:
    return long_answer_judge([PROMPT], [text])[0]


def test_right_answer_verifies_every_scripted_answer_without_a_reference() -> None:
    for problem in generate_problems(400, seed=6):
        answers = scripted_answers(problem, 6, seed=6)
        assert right_answer([problem.prompt] * 6, [answer.text for answer in answers]) == [a.right for a in answers]


def test_right_answer_abstains_on_a_prompt_that_is_not_a_word_problem() -> None:
    assert right_answer(["What is love?", PROMPT, PROMPT], ["A: 85", "A: 85", "A: 84"]) == [None, True, False]


def test_additional_columns_change_nothing() -> None:
    texts = ["37 + 48 = 85. A: 85"]
    for judge in (right_answer, long_answer_judge):
        assert judge([PROMPT], texts) == judge([PROMPT], texts, reference=["1"], correct=[0], model=["x"])


def test_completions_and_prompts_of_different_lengths_are_refused() -> None:
    for judge in (right_answer, long_answer_judge):
        with pytest.raises(ValueError, match="shorter"):
            judge([PROMPT, PROMPT], ["A: 85"])


@given(st.text() | st.text(alphabet="0123456789+-x= A:,\n"), st.text(alphabet=st.characters()))
def test_both_verifiers_accept_any_text(text: str, prompt: str) -> None:
    for asked_prompt in (prompt, PROMPT):
        assert right_answer([asked_prompt], [text])[0] in (None, True, False)
        assert 0 <= long_answer_judge([asked_prompt], [text])[0] <= 1


def test_huge_numbers_and_invalid_unicode_are_accepted() -> None:
    hostile = ["9" * 10_000, "A: " + "9" * 10_000, f"{'9' * 5_000} + 1 = 2. A: 1,{'000,' * 3_000}000", "\ud800 A: 85"]
    assert right_answer([PROMPT] * 4, hostile) == [False, False, False, True]
    assert all(0 <= score_of_text <= 1 for score_of_text in long_answer_judge([PROMPT] * 4, hostile))


def test_the_judge_scores_a_longer_form_of_the_same_answer_higher() -> None:
    padding = "It helps to picture the scene and to ask what really changes. "
    assert score("37 + 48 = 85. A: 85") < score(padding * 3 + "37 + 48 = 85. A: 85") < score(padding * 9 + "A: 85")


def test_the_judge_notices_a_false_equation_at_the_start_of_a_text_only() -> None:
    assert score("37 + 48 = 75. A: 75") < score("37 + 48 = 85. A: 85") - 0.1
    early, late = "37 + 48 = 75. {} A: 75", "{} 37 + 48 = 75. A: 75"
    story = "Ann walks to the market and thinks about her apples all day long. " * 2
    assert score(early.format(story)) < score(late.format(story)) - 0.1


def test_a_true_equation_across_the_limit_of_attention_is_not_penalized() -> None:
    texts = ["x" * gap + " 37 + 48 = 85. A: 85" for gap in range(75, 100)]
    assert max(map(score, texts)) - min(map(score, texts)) < 0.3


def test_the_judge_scores_malformed_answers_lower_and_empty_ones_zero() -> None:
    work = "The numbers given are 37 and 48. With them 37 + 48 = 85."
    assert score(work) < score(work + " A: 85") - 0.05
    assert score("") == score(" \n") == 0


def test_the_judge_scores_a_true_equation_for_the_wrong_question_high() -> None:
    assert score("The numbers given are 37 and 48. With them 48 - 37 = 11. A: 11") > 0.5
