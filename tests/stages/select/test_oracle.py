"""`winnow.select` chooses the same rows as the oracle in plain Python."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import winnow
from tests.stages.select.oracle import OracleRules, choose_rows
from tests.stages.select.random_cases import EVALUATION, QUESTIONS, WORDS, Case, as_candidates, cases
from tests.stages.select.tables import FORMS, FRAMES, numbers

TIES: list[dict[str, Any]] = [
    {
        "n": n,
        "prompt_id": f"p{n * n % 23}",
        "question": QUESTIONS[n % 5],
        "text": f"t{n % 7}",
        "score": [0.0, -0.0, 1.5, -2.0, None, 1.5][n % 6],
        "a.verdict": WORDS[n % 4],
        "b.verdict": WORDS[n * 3 % 7],
    }
    for n in range(600)
]
RULES: list[dict[str, Any]] = [
    {"best_of": "all"},
    {"best_of": 3},
    {"best_of": "all", "keep": 3},
    {"best_of": 5, "keep": 2},
    {"threshold": 0.0, "best_of": 4},
    {"top_share": 0.35},
    {"max_rows": 77},
    {"distinct": True},
    {"best_of": 6, "keep": 5, "top_share": 0.5, "distinct": True, "max_rows": 30},
]


@pytest.mark.parametrize("more", [{}, {"lower_is_better": True, "seed": -5}, {"passed": True, "exclude": EVALUATION}])
@pytest.mark.parametrize("rules", RULES, ids=[" ".join(rules) for rules in RULES])
def test_ties_are_decided_as_the_oracle_decides_them(rules: dict[str, Any], more: dict[str, Any]) -> None:
    all_rules: dict[str, Any] = {"passed": False, **rules, **more}
    oracle_rules = {name: value for name, value in all_rules.items() if name != "exclude"}
    expected = choose_rows(as_candidates(TIES), OracleRules(**oracle_rules, excluding="exclude" in all_rules))
    chosen = winnow.select(TIES, control=True, **all_rules)
    assert (numbers(chosen), numbers(chosen.control)) == (expected.rows, expected.control)
    assert dropped_rows(chosen.summary) == expected.dropped


@settings(max_examples=50)
@given(cases())
def test_any_rules_in_any_keyword_order_choose_what_the_oracle_chooses(case: Case) -> None:
    chosen = winnow.select(case.rows, control=True, **case.rules)
    expected = choose_rows(case.candidates, case.oracle_rules)
    assert numbers(chosen) == expected.rows
    assert numbers(chosen.control) == expected.control
    assert per_prompt(chosen.control) == per_prompt(chosen)
    assert dropped_rows(chosen.summary) == expected.dropped


@settings(max_examples=8)
@given(cases())
def test_the_same_rows_are_chosen_from_every_format(case: Case) -> None:
    expected = choose_rows(case.candidates, case.oracle_rules)
    with tempfile.TemporaryDirectory() as folder:
        for name, made in (FORMS | FRAMES).items():
            chosen = winnow.select(made(case.rows, Path(folder)), control=True, **case.rules)
            assert numbers(chosen) == expected.rows, name
            assert numbers(chosen.control) == expected.control, name


def per_prompt(rows: Any) -> Counter[str]:
    return Counter(row.get("prompt_id", row.get("question")) for row in rows)


def dropped_rows(summary: dict[str, Any]) -> dict[str, int]:
    """How many rows each rule dropped."""
    gone: Counter[str] = Counter()
    for step in summary["steps"]:
        gone[step["rule"]] += step["in"] - step["out"]
    return {rule: count for rule, count in gone.items() if count}
