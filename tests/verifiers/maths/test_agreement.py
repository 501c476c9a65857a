"""What is decided without math-verify is what math-verify decides."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.verifiers.maths.random_answers import AnswerWriter
from winnow.verifiers.maths.comparison_code import ComparisonCode
from winnow.verifiers.maths.comparison_worker import compare_answer
from winnow.verifiers.maths.exact_forms import compare_forms, normalize_layout, read_form
from winnow.verifiers.maths.latex_values import surely_different


@pytest.mark.parametrize("seed", range(2))
def test_exact_forms_decide_as_math_verify_does(seed: int) -> None:
    decisions: Counter[bool | None] = Counter()
    for answer, reference in AnswerWriter(seed).simple_pairs(300):
        forms = [read_form(normalize_layout(text)) for text in (answer, reference)]
        if forms[0] is None or forms[1] is None or (is_equal := compare_forms(forms[0], forms[1])) is None:
            decisions[None] += 1
            continue
        decisions[is_equal] += 1
        wanted = ComparisonCode.MATCH if is_equal else ComparisonCode.MISMATCH
        assert compare_answer(answer, reference, False) == wanted, (answer, reference)
    assert min(decisions[True], decisions[False]) > 30
    assert decisions[None] < 150


def test_expressions_called_different_are_so_to_math_verify() -> None:
    pairs = [pair for pair in AnswerWriter(7).expression_pairs(250) if surely_different(*pair)]
    assert len(pairs) > 80
    assert [pair for pair in pairs if compare_answer(*pair, False) == ComparisonCode.MATCH] == []
