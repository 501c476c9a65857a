"""The public functions: their keywords are the options of their stage, with the same defaults and documentation."""

from __future__ import annotations

import inspect

import pytest
from pydantic_core import PydanticUndefined

import winnow
from winnow.stages import STAGES
from winnow.stages.config import StageConfig
from winnow.stages.table_config import TableConfig

WITHOUT_TABLE = {"outcome"}
OTHER_THAN_OPTIONS = {"source", "out", "verifiers", "forecast", "model", "held_out", "verifier", "settings"}
"""What a function takes beside options: the table, where results go, and objects that a command names by path."""


def fields_of(stage: str) -> dict[str, object]:
    configs: list[type[StageConfig]] = [STAGES[stage].config(), *([] if stage in WITHOUT_TABLE else [TableConfig])]
    return {name: field.default for config in configs for name, field in config.model_fields.items()}


@pytest.mark.parametrize("stage", STAGES)
def test_a_public_function_writes_out_every_option_of_its_stage_with_its_default(stage: str) -> None:
    parameters = inspect.signature(getattr(winnow, stage)).parameters
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    for name, default in fields_of(stage).items():
        if name in OTHER_THAN_OPTIONS and name not in parameters:
            continue
        assert name in parameters, f"winnow.{stage} lacks {name}"
        expected = inspect.Parameter.empty if default is PydanticUndefined else default
        assert parameters[name].default == expected, f"winnow.{stage}({name})"
    unknown = set(parameters) - set(fields_of(stage)) - OTHER_THAN_OPTIONS
    assert not unknown, f"winnow.{stage} takes {sorted(unknown)}, which no config declares"


@pytest.mark.parametrize("stage", STAGES)
def test_help_of_a_public_function_describes_every_option(stage: str) -> None:
    text = inspect.getdoc(getattr(winnow, stage)) or ""
    for name in fields_of(stage):
        if name in inspect.signature(getattr(winnow, stage)).parameters:
            assert f"{name}: " in text, f"help(winnow.{stage}) does not describe {name}"
