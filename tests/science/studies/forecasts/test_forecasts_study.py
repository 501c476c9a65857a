"""Forecast against outcome: predictors from labels alone, stored before a student is trained, and fair ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

import winnow
from winnow.science.studies.forecasts import experiment
from winnow.science.studies.forecasts.experiment import RULES, build_task, forecast_student, rule_card
from winnow.science.studies.forecasts.predictors import PREDICTORS, compute_predictors, fitted_line, plurality_accuracy
from winnow.science.studies.forecasts.rank_metrics import outcome_deviations, rank_predictors, spearman_correlation
from winnow.science.studies.forecasts.settings import SMALL, STUDENTS
from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.studies.students.small_model import ModelCache

CANDIDATES: list[Row] = [
    {
        "prompt_id": f"p{prompt}",
        "index": index,
        "text": "yes" if (prompt + index) % 3 else "no",
        "right": bool((prompt + index) % 3),
    }
    for prompt in range(90)
    for index in range(4)
]
LABELS = {(row["prompt_id"], row["index"]): row["right"] for row in CANDIDATES}


def test_with_every_row_labeled_the_predictors_equal_direct_counts() -> None:
    chosen = [row for row in CANDIDATES if row["right"] or row["index"] == 3]
    found = forecast_student(CANDIDATES, chosen, LABELS, w=0.5)
    right = sum(row["right"] for row in chosen)
    wrong_kept, wrong = len(chosen) - right, sum(not row["right"] for row in CANDIDATES)
    psi = wrong_kept / wrong
    assert found["precision"] == pytest.approx(right / len(chosen))
    assert found["served"] == pytest.approx(1.0)
    assert found["precision_served"] == pytest.approx(found["precision"])
    assert found["p_star"] == pytest.approx(1 / (1 + psi))
    assert found["p_star_w"] == pytest.approx(1 / (1 + 0.5 * psi))
    assert fitted_line(found, generator=0.5) == pytest.approx(0.15 + 0.57 * found["precision"] + 0.17)


def test_a_rule_that_keeps_everything_has_the_p_star_of_no_selection() -> None:
    found = forecast_student(CANDIDATES, CANDIDATES, LABELS, w=0.25)
    assert found["p_star"] == pytest.approx(0.5)
    assert found["p_star_w"] == pytest.approx(0.8)


def test_the_truth_of_an_unlabeled_row_changes_no_predictor() -> None:
    labels = {name: right for name, right in LABELS.items() if int(name[0][1:]) < 30}
    flipped = [{**row, "right": not row["right"]} if int(row["prompt_id"][1:]) >= 30 else row for row in CANDIDATES]
    chosen = [row for row in CANDIDATES if row["index"] < 2]
    assert forecast_student(CANDIDATES, chosen, labels, 0.5) == forecast_student(flipped, chosen, labels, 0.5)


def test_plurality_goes_by_the_commonest_kept_answer_and_shares_ties() -> None:
    def row(prompt: str, text: str, kept: bool = True) -> Row:
        return {"prompt_id": prompt, "text": text, "kept": kept, "correct": text == "right"}

    rows = [row("a", "right"), row("a", "right"), row("a", "x"), row("b", "right"), row("b", "x"), row("c", "x")]
    assert plurality_accuracy(rows) == pytest.approx((1 + 0.5 + 0) / 3)
    assert plurality_accuracy([row("a", "right", kept=False)]) is None


def test_prompts_served_are_counted_where_the_card_gives_no_value() -> None:
    few = {name: right for name, right in LABELS.items() if int(name[0][1:]) < 3}
    chosen = [row for row in CANDIDATES if row["index"] < int(row["prompt_id"][1:]) % 5]
    assert rule_card(CANDIDATES, chosen, few, w=0.5)["prompts_served"]["value"] is None
    counted = [any(row["right"] for row in chosen if row["prompt_id"] == f"p{prompt}") for prompt in range(3)]
    assert forecast_student(CANDIDATES, chosen, few, w=0.5)["served"] == pytest.approx(sum(counted) / 3)


def test_a_predictor_that_the_card_cannot_give_is_none() -> None:
    card = rule_card(CANDIDATES, CANDIDATES[:1], {}, w=0.5)
    assert compute_predictors(card, []) == dict.fromkeys(PREDICTORS)
    assert fitted_line(dict.fromkeys(PREDICTORS), 0.5) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_rank_correlation_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = ([float(pair[side]) for pair in pairs] for side in (0, 1))
    found = spearman_correlation(first, second)
    if len({*first}) < 2 or len({*second}) < 2:
        assert found is None
    else:
        assert found == pytest.approx(float(spearmanr(first, second).statistic))


def student(seed: int, outcome: float, prediction: float | None, task: str = "modular") -> Row:
    return {"task": task, "seed": seed, "outcome": outcome, **dict.fromkeys([*PREDICTORS, "line"], prediction)}


def test_pairs_are_compared_within_a_task_and_seed_and_only_where_outcomes_differ_clearly() -> None:
    rows = [
        student(0, 0.2, 0.1),
        student(0, 0.4, 0.3),
        student(0, 0.41, 0.2),
        student(1, 0.1, 0.9),
        student(1, 0.9, 0.9),
    ]
    found = rank_predictors(rows, clear=0.02)[0]
    assert (found.pairs_right, found.pairs, found.left_out) == (2.5, 3, 0)
    assert rank_predictors([*rows, student(1, 0.5, None)], 0.02)[0].left_out == 1


def test_errors_count_only_students_with_a_prediction() -> None:
    found = outcome_deviations([student(0, 0.5, 0.4), student(0, 0.1, 0.3), student(0, 0.1, None)])[0]
    assert (found.number, found.students) == ("precision", 2)
    assert found.error == pytest.approx(0.15)
    assert found.difference == pytest.approx(-0.05)


def test_every_student_has_a_rule_and_every_part_a_task(tmp_path: Path) -> None:
    assert {*STUDENTS} <= {*RULES}
    assert [
        build_task(StudyUnit(part, 0, SMALL, tmp_path)).name for part in ("eigenvalues", "word-problems", "modular")
    ] == [
        "eigenvalues",
        "word-problems",
        "modular",
    ]


def test_the_pool_has_different_prompts_that_the_generator_never_learned_from(tmp_path: Path) -> None:
    context = experiment.ForecastContext(
        StudyUnit("modular", 0, SMALL | {"modulus": 31, "modular_rows": 100, "modular_pool": 300}, tmp_path)
    )
    prompts = {example.prompt for example in context.pool}
    assert len(prompts) == 300 and not prompts & {one.prompt for one in [*context.generator_examples, *context.test]}
    few = experiment.ForecastContext(
        StudyUnit("modular", 0, SMALL | {"modulus": 11, "modular_rows": 10, "modular_pool": 300}, tmp_path)
    )
    with pytest.raises(
        winnow.UsageError, match=r"^--set modular_pool: is 300, but modular does not have so many different prompts"
    ):
        _ = few.pool


@pytest.mark.slow
def test_forecasts_are_stored_before_the_first_student_is_trained_and_never_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small: dict[str, Any] = {"width": 32, "modular_pool": 60, "samples": 2, "labels": 60, "test": 20}
    small |= {"students": ("unverified", "best"), "modular_rows": 60, "modular_steps": 8}
    small |= {"modular_student_steps": 8, "modular_student_batch": 16}
    unit = StudyUnit("modular", 0, SMALL | small, tmp_path)
    seen = []
    train_or_load = ModelCache.train_or_load

    def watched(self: Any, name: str, *rest: Any) -> Any:
        seen.append((name, (tmp_path / "forecasts.json").exists()))
        return train_or_load(self, name, *rest)

    monkeypatch.setattr(ModelCache, "train_or_load", watched)
    rows = experiment.forecast_and_outcome(unit)
    assert seen == [("generator", False), ("unverified", True), ("best", True)]
    kept = (tmp_path / "forecasts.json").read_bytes()
    assert json.loads(kept)["best"]["precision"] == rows[1]["precision"]
    assert experiment.forecast_and_outcome(unit) == rows
    assert (tmp_path / "forecasts.json").read_bytes() == kept
