"""The options of combine: which verifiers, and what the result is called."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from winnow.errors import UsageError, format_value
from winnow.stages.config import Names, Seed, StageConfig, option
from winnow.stages.labels import RightIf

NAME = re.compile(r"[^\W\d][\w-]*")


def _check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise UsageError("--name", f"{format_value(name)} is not a name", "Use letters, digits, _ and -")
    return name


class CombineConfig(StageConfig):
    """How verifiers are combined. Labels are used only if `labels`, `label` or `right_if` is given."""

    scores: Annotated[
        Names,
        option(
            "Columns of verdicts or scores, or names of verifiers; by default all columns of verdicts.",
            metavar="A,B,C",
            command_type=str,
        ),
    ] = ()
    name: Annotated[
        str, AfterValidator(_check_name), option("What the combined verifier is called.", metavar="NAME")
    ] = "combined"
    right_if: RightIf = None
    seed: Seed = 0
