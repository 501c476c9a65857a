"""What to select by: every rule a user can state, checked before anything is read.

The rules apply in one fixed order, whatever the order they were typed in: passed, threshold, best-of,
top-share, distinct, max-rows, exclude, mix-real. A control is drawn last.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from winnow.errors import UsageError, format_value


@dataclass(frozen=True)
class SelectionRules:
    """The rules of one selection; None and False leave a rule out, but for `passed`, which is on by default."""

    passed: bool | None = None  # None: whenever there are verdicts
    threshold: float | None = None
    best_of: int | None = None  # 0 stands for all candidates of a prompt
    keep: int = 1
    top_share: float | None = None
    distinct: bool = False
    max_rows: int | None = None
    exclude_by: str = "text"
    real_share: float | None = None
    lower_is_better: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("--threshold", self.threshold, -math.inf, math.inf, "a finite number")
        _check_range("--best-of", self.best_of, 0, math.inf, "a whole number from 1, or 'all'")
        _check_range("--keep", self.keep, 1, math.inf, "a whole number from 1")
        _check_range("--top-share", self.top_share, 0.0, 1.0, "a share from 0 to 1")
        _check_range("--max-rows", self.max_rows, 1, math.inf, "a whole number from 1")
        _check_range("--real-share", self.real_share, 0.0, 1.0, "a share from 0 up to, not including, 1")
        if self.real_share == 1.0:
            raise UsageError("--real-share", "1.0 leaves no room for selected rows", "State a share below 1")
        if self.exclude_by not in ("text", "ngram13"):
            raise UsageError(
                "--by", f"{format_value(self.exclude_by)} is no way to compare prompts", "Use text or ngram13"
            )
        if self.best_of is not None and 0 < self.best_of < self.keep:
            problem = f"{self.keep} cannot be kept of {self.best_of} drawn"
            raise UsageError("--keep", problem, "Keep at most as many as --best-of draws")
        if self.best_of is None and self.keep != 1:
            raise UsageError("--keep", "says how many of --best-of to keep, and there is no --best-of", "Add --best-of")

    def needs_scores(self) -> bool:
        """Whether any rule reads scores."""
        return self.threshold is not None or self.best_of is not None or self.top_share is not None

    def has_selecting_rule(self) -> bool:
        """Whether anything at all would be selected by."""
        return self.passed or self.needs_scores() or self.distinct or self.max_rows is not None

    def describe(self) -> str:
        """The rules in their order, as `winnow_rule` states them."""
        side = "<=" if self.lower_is_better else ">="
        parts = [
            "passed" if self.passed else None,
            None if self.threshold is None else f"score {side} {self.threshold:g}",
            None if self.best_of is None else f"best {self.keep} of {self.best_of or 'all'}",
            None if self.top_share is None else f"top {self.top_share:g}",
            "distinct" if self.distinct else None,
            None if self.max_rows is None else f"at most {self.max_rows}",
        ]
        return ", ".join(part for part in parts if part) or "all"

    def config(self) -> dict[str, Any]:
        """As the identity of a selection holds them."""
        return asdict(self)


def _check_range(option: str, value: float | None, low: float, high: float, rule: str) -> None:
    if value is not None and not (low <= value <= high and math.isfinite(value)):
        raise UsageError(option, f"{value} is not {rule}", "Correct the value")


def parse_best_of(text: str | None) -> int | None:
    """`--best-of` as typed: a number, or 'all'."""
    if text is None or text == "all":
        return None if text is None else 0
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(
            "--best-of", f"{format_value(text)} is not a whole number from 1, or 'all'", "For example --best-of 4"
        )
    return int(text)
