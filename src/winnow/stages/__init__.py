"""The stages: one package per operation, listed here in one table.

A stage is a package with `config.py` (its options, declared once), the work, and `report.py` (what it returns). The
command line, recipes, the test of the public functions and the reference pages go through the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from winnow.errors import UsageError
from winnow.plugins import load_plugins

if TYPE_CHECKING:
    from winnow.stages.config import StageConfig


@dataclass(frozen=True)
class StageInfo:
    """What the table of stages says of a stage."""

    name: str
    group: str
    summary: str
    config_path: str
    """The config as `module:Class`."""
    step_path: str | None = None
    """The step of recipes as `module:Class`, for stages of other packages."""
    command_path: str | None = None
    """The command as `module:function`, for stages of other packages."""

    def config(self) -> type[StageConfig]:
        """The config of the stage, imported on first use."""
        config: type[StageConfig] = resolve_name(self.config_path)
        return config

    def recipe_step(self) -> Any:
        """The class that checks and runs a recipe section of this name."""
        if self.step_path is None:
            raise UsageError(self.name, "is a stage without a step for recipes", "Use its command")
        return resolve_name(self.step_path)


def all_stages() -> dict[str, StageInfo]:
    """The stages of winnow, and those that installed packages add through the entry points `winnow.stages`."""
    return {**load_plugins("winnow.stages", StageInfo), **STAGES}


def _describe_own_stage(name: str, group: str, summary: str) -> StageInfo:
    return StageInfo(name, group, summary, f"winnow.stages.{name}.config:{name.capitalize()}Config")


STAGES = {
    stage.name: stage
    for stage in (
        _describe_own_stage(
            "measure", "Decide", "Measure the error rates of a verifier:  winnow measure v --labels labels.csv"
        ),
        _describe_own_stage(
            "plan", "Decide", "Choose which candidates to label:  winnow plan v --for measure --out to-label.csv"
        ),
        _describe_own_stage(
            "forecast", "Decide", "Forecast which selection rule to use:  winnow forecast t.jsonl --score judge"
        ),
        _describe_own_stage(
            "outcome", "Decide", "Record what training gave:  winnow outcome pilot --score 0.71 --n 500"
        ),
        _describe_own_stage(
            "combine", "Decide", "Combine weak verifiers into one:  winnow combine t.jsonl --scores a,b,c --out c"
        ),
        _describe_own_stage("verify", "Act", "Judge every candidate:  winnow verify t.jsonl --with exact --out v"),
        _describe_own_stage("select", "Act", "Choose the rows to train on:  winnow select v --passed --out s.jsonl"),
        _describe_own_stage("edit", "Act", "Edit texts token by token:  winnow edit t.jsonl --model DIR --out e.jsonl"),
        _describe_own_stage("train", "Act", "Train a small student:  winnow train s.jsonl --out student --steps 400"),
    )
}
"""The stages by name, in the order in which `winnow --help` lists them."""
