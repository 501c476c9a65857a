"""Every rule of a selection in plain Python, simple enough to be compared with the documented rules by reading.

Rows are dictionaries with `id`, `prompt`, `text`, `score`, `passed` and `excluded`, all present.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from winnow.statistics.row_random import draw_number

Candidate = dict[str, Any]


@dataclass
class OracleChoice:
    """The chosen row numbers, those of the control, and how many rows each rule dropped."""

    rows: list[int]
    control: list[int]
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OracleRules:
    """The rules, named as in `winnow.select`; `excluding` is whether there are evaluation prompts."""

    passed: bool = False
    threshold: float | None = None
    best_of: int | str | None = None
    keep: int = 1
    top_share: float | None = None
    distinct: bool = False
    max_rows: int | None = None
    lower_is_better: bool = False
    seed: int = 0
    excluding: bool = False

    def number(self, purpose: str) -> Callable[[Candidate], tuple[int, int]]:
        """What a row is ranked by where chance decides."""
        return lambda row: (draw_number(self.seed, purpose, row["id"]), row["row"])

    def best_first(self, row: Candidate) -> tuple[float, tuple[int, int]]:
        """What a row is ranked by where its score decides, and chance among equals."""
        return (row["score"] if self.lower_is_better else -row["score"]), self.number("ties")(row)

    def scored(self) -> bool:
        """Whether any rule reads scores."""
        return not (self.threshold is None and self.best_of is None and self.top_share is None)


def all_pass(verdicts: Iterable[str | None]) -> bool | None:
    """Any fail is a fail; every one a pass is a pass; anything else decides nothing."""
    verdict_list = list(verdicts)
    if "fail" in verdict_list:
        return False
    return True if all(word == "pass" for word in verdict_list) else None


def choose_rows(rows: list[Candidate], rules: OracleRules) -> OracleChoice:
    """All rules in their order, then the control."""
    rows = [{**row, "row": number} for number, row in enumerate(rows)]
    left = rows
    dropped: Counter[str] = Counter()
    for reason, rule in _rules(rules):
        kept = rule(left)
        dropped[reason] += len(left) - len(kept)
        left = kept
    gone = {reason: count for reason, count in dropped.items() if count}
    return OracleChoice(_numbers(left), _numbers(_control(rows, left, rules)), gone)


def _rules(rules: OracleRules) -> Iterable[tuple[str, Callable[[list[Candidate]], list[Candidate]]]]:
    if rules.passed:
        yield "undecided", lambda rows: [row for row in rows if row["passed"] is not None]
        yield "fail", lambda rows: [row for row in rows if row["passed"]]
    if rules.scored():
        yield "without score", lambda rows: [row for row in rows if row["score"] is not None]
    if rules.threshold is not None:
        yield "beyond the threshold", lambda rows: [row for row in rows if _reaches(row["score"], rules)]
    if rules.best_of not in (None, "all"):
        yield "not drawn", lambda rows: _of_each_prompt(rows, rules.number("best-of"), int(str(rules.best_of)))
    if rules.best_of is not None:
        yield "not the best of its prompt", lambda rows: _of_each_prompt(rows, rules.best_first, rules.keep)
    if rules.top_share is not None:
        share = rules.top_share
        yield "below the top share", lambda rows: _first(rows, rules.best_first, math.floor(share * len(rows) + 0.5))
    if rules.distinct:
        yield "repeated text", lambda rows: _of_each(rows, _text_of_prompt, lambda row: row["row"], 1)
    if rules.max_rows is not None:
        max_rows = rules.max_rows
        yield "over max-rows", lambda rows: _first(rows, rules.number("max-rows"), max_rows)
    if rules.excluding:
        yield "evaluation prompt", lambda rows: [row for row in rows if not row["excluded"]]


def _reaches(score: float, rules: OracleRules) -> bool:
    assert rules.threshold is not None
    return score <= rules.threshold if rules.lower_is_better else score >= rules.threshold


def _control(rows: list[Candidate], chosen: list[Candidate], rules: OracleRules) -> list[Candidate]:
    """As many of each prompt as were chosen, out of what no rule but the judging ones would have taken away."""
    rows_per_prompt = Counter(row["prompt"] for row in chosen)
    free = [row for row in rows if not (rules.excluding and row["excluded"])]
    if rules.distinct:
        free = _of_each(free, _text_of_prompt, lambda row: row["row"], 1)
    drawn = []
    for prompt, count in rows_per_prompt.items():
        drawn += _first([row for row in free if row["prompt"] == prompt], rules.number("control"), count)
    return drawn


def _first(rows: list[Candidate], rank: Callable[[Candidate], Any], count: int) -> list[Candidate]:
    return sorted(rows, key=rank)[:count]


def _of_each_prompt(rows: list[Candidate], rank: Callable[[Candidate], Any], count: int) -> list[Candidate]:
    return _of_each(rows, lambda row: row["prompt"], rank, count)


def _of_each(
    rows: list[Candidate], group: Callable[[Candidate], Hashable], rank: Callable[[Candidate], Any], count: int
) -> list[Candidate]:
    groups: dict[Hashable, list[Candidate]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    return [row for members in groups.values() for row in _first(members, rank, count)]


def _text_of_prompt(row: Candidate) -> Hashable:
    return row["prompt"], row["text"]


def _numbers(rows: list[Candidate]) -> list[int]:
    return sorted(row["row"] for row in rows)
