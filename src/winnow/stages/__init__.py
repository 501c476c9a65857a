"""The stages: one package per operation, listed here in one table.

A stage is a package with `config.py` (its options, declared once), the work, and `report.py` (what it returns). The
command line, recipes, the test of the public functions and the reference pages go through the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from winnow.errors import UsageError
from winnow.plugins import load_plugins

if TYPE_CHECKING:
    from winnow.stages.config import StageConfig


@dataclass(frozen=True)
class StageInfo:
    """A line of the table of stages."""

    name: str
    group: str
    summary: str
    config_path: str
    """The config as `module:Class`."""
    step_path: str | None = None
    """The step of recipes as `module:Class`, where recipes have the stage."""
    command_path: str | None = None
    """The command as `module:function`, for stages of other packages."""

    def config(self) -> type[StageConfig]:
        """The config of the stage, imported on first use."""
        config: type[StageConfig] = _import(self.config_path)
        return config

    def recipe_step(self) -> Any:
        """The step that a recipe section of this name is checked with and run by."""
        if self.step_path is None:
            raise UsageError(self.name, "is a stage without a step for recipes", "Use its command")
        return _import(self.step_path)


def _import(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def all_stages() -> dict[str, StageInfo]:
    """The stages of winnow, and those that installed packages add through the entry points `winnow.stages`."""
    return {**load_plugins("winnow.stages", StageInfo), **STAGES}


STAGES = {
    stage.name: stage
    for stage in (
        StageInfo(
            "measure",
            "Decide",
            "Measure the error rates of a verifier:  winnow measure v --labels labels.csv",
            "winnow.stages.measure.config:MeasureConfig",
            step_path="winnow.pipeline.steps.measure:MeasureStep",
        ),
        StageInfo(
            "plan",
            "Decide",
            "Choose which candidates to label:  winnow plan v --for measure --out to-label.csv",
            "winnow.stages.plan.config:PlanConfig",
        ),
        StageInfo(
            "forecast",
            "Decide",
            "Forecast which selection rule to use:  winnow forecast t.jsonl --score judge",
            "winnow.stages.forecast.config:ForecastConfig",
        ),
        StageInfo(
            "outcome",
            "Decide",
            "Record what training gave:  winnow outcome pilot --score 0.71 --n 500",
            "winnow.stages.outcome.config:OutcomeConfig",
        ),
        StageInfo(
            "combine",
            "Decide",
            "Combine weak verifiers into one:  winnow combine t.jsonl --scores a,b,c --out c",
            "winnow.stages.combine.config:CombineConfig",
        ),
        StageInfo(
            "verify",
            "Act",
            "Judge every candidate:  winnow verify t.jsonl --with exact --out v",
            "winnow.stages.verify.config:VerifyConfig",
            step_path="winnow.pipeline.steps.verify:VerifyStep",
        ),
        StageInfo(
            "select",
            "Act",
            "Choose the rows to train on:  winnow select v --passed --out s.jsonl",
            "winnow.stages.select.config:SelectConfig",
            step_path="winnow.pipeline.steps.select:SelectStep",
        ),
        StageInfo(
            "edit",
            "Act",
            "Edit texts token by token:  winnow edit t.jsonl --model DIR --out e.jsonl",
            "winnow.stages.edit.config:EditConfig",
            step_path="winnow.pipeline.steps.edit:EditStep",
        ),
        StageInfo(
            "train",
            "Act",
            "Train a small student:  winnow train s.jsonl --out student --steps 400",
            "winnow.stages.train.config:TrainConfig",
            step_path="winnow.pipeline.steps.train:TrainStep",
        ),
    )
}
"""The stages by name, in the order in which `winnow --help` lists them."""
