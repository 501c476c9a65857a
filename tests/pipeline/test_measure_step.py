"""The step measure has every option of measure as a key, and its card equals that of the Python function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.pipeline.sample_project import run_recipe, write_sample_run
from winnow.pipeline.steps import MeasureStep
from winnow.stages.measure.config import MeasureConfig


def read_card(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "run" / "card.json").read_text())["card"]
    return card


def measure_verdicts(folder: Path, **options: Any) -> Any:
    document = winnow.measure(folder / "run" / "verdicts", label="ok", **{"seed": 3, **options}).to_dict()
    return json.loads(json.dumps(document))


def test_every_option_of_measure_is_a_recipe_key() -> None:
    assert set(MeasureConfig.model_fields) < set(MeasureStep.model_fields)


@pytest.mark.parametrize(
    ("section", "options"),
    [
        (
            "{label: ok, score: judge, threshold: 0.5, lower_is_better: true}",
            {"score": "judge", "threshold": 0.5, "lower_is_better": True},
        ),
        (
            "{label: ok, verdict: 'number,short', cost: [1, 2.5], seed: 7}",
            {"verdict": "number,short", "cost": (1, 2.5), "seed": 7},
        ),
        (
            "{label: ok, verdict: number, holdout: 0.5, classes: 2, w: 0.5, labels_drawn: by-verdict}",
            {"verdict": "number", "holdout": 0.5, "classes": 2, "w": 0.5, "labels_drawn": "by-verdict"},
        ),
    ],
)
def test_the_card_of_a_run_equals_that_of_the_function_with_the_same_options(
    tmp_path: Path, section: str, options: dict[str, Any]
) -> None:
    code, _, err = run_recipe(write_sample_run(tmp_path), "--set", f"measure={section}")
    assert code == 0, err
    assert read_card(tmp_path) == measure_verdicts(tmp_path, **options)


def test_the_file_of_errors_is_relative_to_the_recipe_and_looks_are_counted_in_the_run(tmp_path: Path) -> None:
    section = "{label: ok, verdict: number, errors: wrong.jsonl, holdout: 0.5, look: true}"
    recipe = write_sample_run(tmp_path)
    assert run_recipe(recipe, "--set", f"measure={section}").code == 0
    assert (tmp_path / "wrong.jsonl").is_file()
    assert [path.name for path in (tmp_path / "run").glob("*.looks.jsonl")] == ["card.json.looks.jsonl"]
    assert read_card(tmp_path)["holdout"]["looks"] == 1
    assert run_recipe(recipe, "--set", f"measure={section}").code == 0
    assert read_card(tmp_path)["holdout"]["looks"] == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{holdout: 2}", "recipe.yaml: measure.holdout: 2 must be below 1"),
        ("{look: true}", "recipe.yaml: measure.look: there is no holdout to look at"),
        ("{labels_drawn: by-hand}", "recipe.yaml: measure.labels_drawn: 'by-hand' is not one of"),
        ("{right_if: good}", "recipe.yaml: measure.right_if: 'good' is not a rule"),
        ("{tresholds: 1}", "recipe.yaml: measure.tresholds: is not a key of a recipe. Did you mean 'threshold'"),
    ],
)
def test_an_error_names_the_key_of_the_recipe(tmp_path: Path, section: str, message: str) -> None:
    code, _, err = run_recipe(write_sample_run(tmp_path), "--set", f"measure={section}")
    assert code == 2
    assert message in err
