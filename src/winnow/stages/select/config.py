"""The options of select: the rules, the other tables, and the control.

The rules apply in one order, whatever the order in which they are given: passed, threshold, best-of, top-share,
distinct, max-rows, exclude, mix-real. The control is drawn last.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from winnow.errors import UsageError
from winnow.stages.config import LowerIsBetter, StageConfig, option

RULES = "Rules (applied in this order)"
OTHER = "Beside the selection"
rule_option = partial(option, panel=RULES)


def _read_best_of(value: Any) -> Any:
    """`4` and `"4"` are numbers; 'all' stays."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("a whole number from 1, or 'all'")


class SelectConfig(StageConfig):
    """Which rows to train on."""

    passed: Annotated[
        bool | None,
        rule_option(
            "Keep rows whose verdict is pass; on by default where there are verdicts.", flag="--passed/--no-passed"
        ),
    ] = None
    threshold: Annotated[
        float | None,
        rule_option("Keep rows whose score is at least this.", metavar="T", allow_inf_nan=False),
    ] = None
    best_of: Annotated[
        int | Literal["all"] | None,
        BeforeValidator(_read_best_of),
        rule_option(
            "Draw N scored candidates of each prompt and keep the best of them.", metavar="N|all", command_type=str
        ),
    ] = None
    keep: Annotated[int, rule_option("How many of the candidates of best-of to keep.", metavar="K", ge=1)] = 1
    top_share: Annotated[
        float | None, rule_option("Keep this share of the remaining rows, by score.", metavar="S", ge=0, le=1)
    ] = None
    distinct: Annotated[bool, rule_option("Keep each text once per prompt.")] = False
    max_rows: Annotated[int | None, rule_option("Keep at most N rows, drawn by a seeded hash.", metavar="N", ge=1)] = (
        None
    )
    exclude: Annotated[
        Any,
        rule_option(
            "Leave out the prompts of this table, for example an evaluation set.", metavar="FILE", command_type=str
        ),
    ] = None
    exclude_by: Annotated[
        Literal["text", "ngram13"],
        rule_option(
            "How exclude compares prompts: the whole text, or any 13 words in a row.",
            flag="--by",
            metavar="text|ngram13",
        ),
    ] = "text"
    mix_real: Annotated[Any, rule_option("Add real rows from this table.", metavar="FILE", command_type=str)] = None
    real_share: Annotated[
        float | None, rule_option("The share of the result that is real.", metavar="A", ge=0, lt=1)
    ] = None
    control: Annotated[
        Any,
        option(
            "Also write a control: as many rows of each prompt, drawn at random.",
            panel=OTHER,
            metavar="FILE",
            command_type=str,
        ),
    ] = False
    lower_is_better: LowerIsBetter = False
    seed: Annotated[int, option("The seed of draws and ties.", panel=OTHER, metavar="N")] = 0

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.best_of is None and self.keep != 1:
            raise UsageError("--keep", "needs --best-of, which is not given", "Add --best-of")
        if isinstance(self.best_of, int) and self.best_of < self.keep:
            problem = f"{self.keep} cannot be kept of the {self.best_of} drawn"
            raise UsageError("--keep", problem, "Keep at most as many as --best-of draws")
        if (self.mix_real is None) != (self.real_share is None):
            raise UsageError("--mix-real", "--mix-real and --real-share go together", "Give both, or neither")
        return self

    def needs_scores(self) -> bool:
        """Whether any rule reads scores."""
        return self.threshold is not None or self.best_of is not None or self.top_share is not None

    def has_selecting_rule(self) -> bool:
        """Whether any rule selects rows; excluding and mixing alone do not."""
        return bool(self.passed) or self.needs_scores() or self.distinct or self.max_rows is not None

    def describe(self) -> str:
        """The rules in their order, as the column `winnow_rule` states them."""
        side = "<=" if self.lower_is_better else ">="
        parts = [
            "passed" if self.passed else None,
            None if self.threshold is None else f"score {side} {self.threshold:g}",
            None if self.best_of is None else f"best {self.keep} of {self.best_of}",
            None if self.top_share is None else f"top {self.top_share:g}",
            "distinct" if self.distinct else None,
            None if self.max_rows is None else f"at most {self.max_rows}",
        ]
        return ", ".join(part for part in parts if part) or "all"
