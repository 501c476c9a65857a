"""Forecast against outcome: predictors come from labels only and are stored before a student is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import winnow
from winnow.science.studies.forecasts import experiment
from winnow.science.studies.forecasts.experiment import RULES, build_task, forecast_student, rule_card
from winnow.science.studies.forecasts.predictors import (
    PREDICTORS,
    compute_predictors,
    fitted_line,
    outcome_deviations,
    plurality_accuracy,
    rank_predictors,
)
from winnow.science.studies.forecasts.study import SMALL, STUDENTS
from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.studies.students.unit_context import UnitContext

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
    selected = [row for row in CANDIDATES if row["right"] or row["index"] == 3]
    forecast = forecast_student(CANDIDATES, selected, LABELS, w=0.5)
    right = sum(row["right"] for row in selected)
    wrong_kept, wrong = len(selected) - right, sum(not row["right"] for row in CANDIDATES)
    psi = wrong_kept / wrong
    assert forecast["precision"] == pytest.approx(right / len(selected))
    assert forecast["served"] == pytest.approx(1.0)
    assert forecast["precision_served"] == pytest.approx(forecast["precision"])
    assert forecast["p_star"] == pytest.approx(1 / (1 + psi))
    assert forecast["p_star_w"] == pytest.approx(1 / (1 + 0.5 * psi))
    assert fitted_line(forecast, generator=0.5) == pytest.approx(0.15 + 0.57 * forecast["precision"] + 0.17)


def test_a_rule_that_keeps_everything_has_the_p_star_of_no_selection() -> None:
    forecast = forecast_student(CANDIDATES, CANDIDATES, LABELS, w=0.25)
    assert forecast["p_star"] == pytest.approx(0.5)
    assert forecast["p_star_w"] == pytest.approx(0.8)


def test_the_truth_of_unlabeled_rows_changes_no_predictor() -> None:
    labels = {key: right for key, right in LABELS.items() if int(key[0][1:]) < 30}
    flipped = [{**row, "right": not row["right"]} if int(row["prompt_id"][1:]) >= 30 else row for row in CANDIDATES]
    selected = [row for row in CANDIDATES if row["index"] < 2]
    assert forecast_student(CANDIDATES, selected, labels, 0.5) == forecast_student(flipped, selected, labels, 0.5)


def test_plurality_accuracy_uses_the_commonest_kept_answer_and_shares_ties() -> None:
    def row(prompt: str, text: str, kept: bool = True) -> Row:
        return {"prompt_id": prompt, "text": text, "kept": kept, "correct": text == "right"}

    rows = [row("a", "right"), row("a", "right"), row("a", "x"), row("b", "right"), row("b", "x"), row("c", "x")]
    assert plurality_accuracy(rows) == pytest.approx((1 + 0.5 + 0) / 3)
    assert plurality_accuracy([row("a", "right", kept=False)]) is None


def test_prompts_served_are_counted_where_the_card_gives_no_value() -> None:
    few_labels = {key: right for key, right in LABELS.items() if int(key[0][1:]) < 3}
    selected = [row for row in CANDIDATES if row["index"] < int(row["prompt_id"][1:]) % 5]
    assert rule_card(CANDIDATES, selected, few_labels, w=0.5)["prompts_served"]["value"] is None
    counted = [any(row["right"] for row in selected if row["prompt_id"] == f"p{prompt}") for prompt in range(3)]
    assert forecast_student(CANDIDATES, selected, few_labels, w=0.5)["served"] == pytest.approx(sum(counted) / 3)


def test_a_predictor_is_none_if_the_card_has_no_value_for_it() -> None:
    card = rule_card(CANDIDATES, CANDIDATES[:1], {}, w=0.5)
    assert compute_predictors(card, []) == dict.fromkeys(PREDICTORS)
    assert fitted_line(dict.fromkeys(PREDICTORS), 0.5) is None


def student(seed: int, outcome: float, prediction: float | None, task: str = "modular") -> Row:
    return {"task": task, "seed": seed, "outcome": outcome, **dict.fromkeys([*PREDICTORS, "line"], prediction)}


def test_only_pairs_of_one_task_and_seed_whose_outcomes_differ_clearly_are_compared() -> None:
    rows = [
        student(0, 0.2, 0.1),
        student(0, 0.4, 0.3),
        student(0, 0.41, 0.2),
        student(1, 0.1, 0.9),
        student(1, 0.9, 0.9),
    ]
    ranking = rank_predictors(rows, clear=0.02)[0]
    assert (ranking.pairs_right, ranking.pairs, ranking.left_out) == (2.5, 3, 0)
    assert rank_predictors([*rows, student(1, 0.5, None)], 0.02)[0].left_out == 1


def test_rank_correlations_are_averaged_over_the_groups_in_which_both_sides_vary() -> None:
    rising = [student(0, 0.1, 0.1), student(0, 0.2, 0.2), student(0, 0.3, 0.2)]
    falling = [student(1, 0.1, 0.9), student(1, 0.2, 0.8), student(1, 0.3, 0.7)]
    constant = [student(2, 0.1, 0.5), student(2, 0.2, 0.5), student(2, 0.3, 0.5)]
    assert rank_predictors([*rising, *falling, *constant], 0.02)[0].spearman == pytest.approx((3**0.5 / 2 - 1) / 2)
    assert rank_predictors(constant, 0.02)[0].spearman is None


def test_errors_count_only_students_with_a_prediction() -> None:
    deviation = outcome_deviations([student(0, 0.5, 0.4), student(0, 0.1, 0.3), student(0, 0.1, None)])[0]
    assert (deviation.number, deviation.students) == ("precision", 2)
    assert deviation.error == pytest.approx(0.15)
    assert deviation.difference == pytest.approx(-0.05)


def test_every_student_has_a_rule_and_every_part_a_task(tmp_path: Path) -> None:
    assert {*STUDENTS} <= {*RULES}
    assert [
        build_task(StudyUnit(part, 0, SMALL, tmp_path)).name for part in ("eigenvalues", "word-problems", "modular")
    ] == [
        "eigenvalues",
        "word-problems",
        "modular",
    ]


def test_the_pool_has_distinct_prompts_that_the_generator_was_not_trained_on(tmp_path: Path) -> None:
    context = experiment.ForecastContext(
        StudyUnit("modular", 0, SMALL | {"modulus": 31, "modular_rows": 100, "modular_pool": 300}, tmp_path)
    )
    prompts = {example.prompt for example in context.pool}
    assert len(prompts) == 300 and not prompts & {
        example.prompt for example in [*context.generator_examples, *context.test]
    }
    small_context = experiment.ForecastContext(
        StudyUnit("modular", 0, SMALL | {"modulus": 11, "modular_rows": 10, "modular_pool": 300}, tmp_path)
    )
    with pytest.raises(
        winnow.UsageError, match=r"^--set modular_pool: is 300, but modular does not have so many different prompts"
    ):
        _ = small_context.pool


@pytest.mark.slow
def test_forecasts_are_stored_before_the_first_student_is_trained_and_never_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small: dict[str, Any] = {"width": 32, "modular_pool": 60, "samples": 2, "labels": 60, "test": 20}
    small |= {"students": ("unverified", "best"), "modular_rows": 60, "modular_steps": 8}
    small |= {"modular_student_steps": 8, "modular_student_batch": 16}
    unit = StudyUnit("modular", 0, SMALL | small, tmp_path)
    calls = []
    train_or_load = UnitContext.train_or_load

    def record_call(self: Any, name: str, *rest: Any) -> Any:
        calls.append((name, (tmp_path / "forecasts.json").exists()))
        return train_or_load(self, name, *rest)

    monkeypatch.setattr(UnitContext, "train_or_load", record_call)
    rows = experiment.forecast_and_outcome(unit)
    assert calls == [("generator", False), ("unverified", True), ("best", True)]
    kept = (tmp_path / "forecasts.json").read_bytes()
    assert json.loads(kept)["best"]["precision"] == rows[1]["precision"]
    assert experiment.forecast_and_outcome(unit) == rows
    assert (tmp_path / "forecasts.json").read_bytes() == kept
