"""The command measure: what a verifier is worth, and the limits it must meet."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from winnow import api
from winnow.cli.commands import TABLE_ARGUMENT
from winnow.cli.console import print_lines
from winnow.cli.label_options import VERIFIER_PANEL, LabelOptions, to_keywords
from winnow.cli.options import Column, Document, OutputOptions, TableOptions, command, option
from winnow.errors import UsageError, format_value, suggest_name

LIMITS_PANEL = "Limits (exit code 1 where one is not met)"
COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
REQUIREMENT_PATTERN = re.compile(r"\s*([\w.]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*$")


@dataclass(frozen=True)
class VerifierOptions:
    """Which verdicts are measured."""

    verdict: Annotated[
        Column,
        option("--verdict", "verdicts to measure; several side by side: a,b (default: all)", VERIFIER_PANEL, "COLUMN"),
    ] = None
    threshold: Annotated[
        float | None, option("--threshold", "measure --score at this threshold", VERIFIER_PANEL, "T")
    ] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score", VERIFIER_PANEL)] = False
    by: Annotated[Column, option("--by", "a card for each value of this column too", VERIFIER_PANEL, "COLUMN")] = None
    classes: Annotated[
        int | None, option("--classes", "2: labels of two classes, where p* decides", VERIFIER_PANEL, "2")
    ] = None
    w: Annotated[
        float | None,
        option("--w", "share of the commonest wrong answer among the wrong, for p*_w", VERIFIER_PANEL, "SHARE"),
    ] = None
    answer: Annotated[
        Column, option("--answer", "the final answers, to estimate --w from the wrong ones", VERIFIER_PANEL, "COLUMN")
    ] = None
    cost: Annotated[
        str | None, option("--cost", "cost of a call, one per verifier: 0.002,0.01", VERIFIER_PANEL, "C")
    ] = None
    errors: Annotated[
        str | None, option("--errors", "write the false passes and false drops, to be read", VERIFIER_PANEL, "FILE")
    ] = None
    seed: Annotated[int, option("--seed", "seed of the intervals' draws (default 0)", VERIFIER_PANEL, "N")] = 0


@dataclass(frozen=True)
class LimitOptions:
    """What must hold."""

    gate: Annotated[bool, option("--gate", "the decision must be 'helps'", LIMITS_PANEL)] = False
    require: Annotated[list[str], option("--require", "for example 'precision.low>=0.85'", LIMITS_PANEL, "RULE")] = (
        field(default_factory=list)
    )


@command
def measure(
    table: Annotated[str, TABLE_ARGUMENT],
    labels: LabelOptions,
    verifier: VerifierOptions,
    limits: LimitOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say what a verifier is worth: what it keeps of right answers, what it lets through, and whether that helps.

    winnow measure v --labels labels.csv --gate
    """
    rules = [_parse_requirement(text) for text in limits.require]
    options = {**reading.to_keywords(), **to_keywords(labels), **to_keywords(verifier)}
    opened = api.open_labeled_table(
        table, labels.labelers, **{name: options.pop(name) for name in list(options) if name in api.TABLE_KEYWORDS}
    )
    print_lines(opened.columns.summary())
    result = api.measure(opened, **options)
    print_lines(result.describe())
    if result.errors is not None:
        print_lines(f"wrote {result.errors}")
    content = result.to_dict()
    unmet = [
        problem for card in content.get("verifiers", [content]) for problem in _unmet_limits(card, rules, limits.gate)
    ]
    if unmet:
        print_lines(*(f"not met: {problem}" for problem in unmet))
        content["unmet"] = unmet
    return content


@dataclass(frozen=True)
class CardRequirement:
    """A field of the card, a comparison and a number."""

    path: str
    sign: str
    number: float


def _parse_requirement(text: str) -> CardRequirement:
    match = REQUIREMENT_PATTERN.match(text)
    try:
        if match is not None:
            return CardRequirement(match[1], match[2], float(match[3]))
    except ValueError:
        pass
    raise UsageError("--require", f"{format_value(text)} is no rule", "For example --require 'precision.low>=0.85'")


def _unmet_limits(card: dict[str, Any], rules: list[CardRequirement], gate: bool) -> list[str]:
    """The limits this card does not meet, in words."""
    name = card["verifier"]
    unmet = [f"{name}: the decision is {card['decision']}, not helps"] if gate and card["decision"] != "helps" else []
    for rule in rules:
        value = _card_number(card, rule.path)
        if value is None or not COMPARISONS[rule.sign](value, rule.number):
            unmet.append(f"{name}: {rule.path} is {value}, not {rule.sign} {rule.number:g}")
    return unmet


def _card_number(card: dict[str, Any], path: str) -> float | None:
    name, _, end = path.partition(".")
    value = card.get(name)
    if name not in card or (isinstance(value, dict) and end not in value):
        known = [key for key, entry in card.items() if isinstance(entry, int | float | dict)]
        raise UsageError("--require", f"{format_value(path)} is no number of the card", suggest_name(name, known))
    found = value[end] if isinstance(value, dict) else value
    if found is not None and not isinstance(found, int | float):
        raise UsageError("--require", f"{format_value(path)} is no number of the card", "Name a number: precision.low")
    return None if found is None else float(found)
