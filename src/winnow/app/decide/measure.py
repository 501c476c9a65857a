"""The command measure: what a verifier is worth, and the limits it must meet."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from winnow.app.act import TABLE
from winnow.app.decide.labels import VERIFIER, LabelOptions, given
from winnow.app.options import Column, Document, OutputOptions, TableOptions, command, option
from winnow.app.say import say
from winnow.data.errors import UsageError, nearest, shown
from winnow.stages import front

LIMITS = "Limits (exit code 1 where one is not met)"
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
REQUIRED = re.compile(r"\s*([\w.]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*$")


@dataclass(frozen=True)
class VerifierOptions:
    """Which verdicts are measured."""

    verdict: Annotated[
        Column, option("--verdict", "verdicts to measure; several side by side: a,b (default: all)", VERIFIER, "COLUMN")
    ] = None
    threshold: Annotated[float | None, option("--threshold", "measure --score at this threshold", VERIFIER, "T")] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score", VERIFIER)] = False
    by: Annotated[Column, option("--by", "a card for each value of this column too", VERIFIER, "COLUMN")] = None
    classes: Annotated[int | None, option("--classes", "2: labels of two classes, where p* decides", VERIFIER, "2")] = (
        None
    )
    w: Annotated[
        float | None, option("--w", "share of the commonest wrong answer among the wrong, for p*_w", VERIFIER, "SHARE")
    ] = None
    answer: Annotated[
        Column, option("--answer", "the final answers, to estimate --w from the wrong ones", VERIFIER, "COLUMN")
    ] = None
    cost: Annotated[str | None, option("--cost", "cost of a call, one per verifier: 0.002,0.01", VERIFIER, "C")] = None
    errors: Annotated[
        str | None, option("--errors", "write the false passes and false drops, to be read", VERIFIER, "FILE")
    ] = None
    seed: Annotated[int, option("--seed", "seed of the intervals' draws (default 0)", VERIFIER, "N")] = 0


@dataclass(frozen=True)
class LimitOptions:
    """What must hold."""

    gate: Annotated[bool, option("--gate", "the decision must be 'helps'", LIMITS)] = False
    require: Annotated[list[str], option("--require", "for example 'precision.low>=0.85'", LIMITS, "RULE")] = field(
        default_factory=list
    )


@command
def measure(
    table: Annotated[str, TABLE],
    labels: LabelOptions,
    verifier: VerifierOptions,
    limits: LimitOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say what a verifier is worth: what it keeps of right answers, what it lets through, and whether that helps.

    winnow measure v --labels labels.csv --gate
    """
    rules = [_required(text) for text in limits.require]
    options = {**reading.given(), **given(labels), **given(verifier)}
    opened = front.labeled(
        table, labels.labelers, **{name: options.pop(name) for name in list(options) if name in front.READING}
    )
    say(opened.columns.said())
    measured = front.measure(opened, **options)
    say(measured.words())
    if measured.errors is not None:
        say(f"wrote {measured.errors}")
    content = measured.plain()
    unmet = [problem for one in content.get("verifiers", [content]) for problem in _unmet(one, rules, limits.gate)]
    if unmet:
        say(*(f"not met: {problem}" for problem in unmet))
        content["unmet"] = unmet
    return content


@dataclass(frozen=True)
class Requirement:
    """A field of the card, a comparison and a number."""

    path: str
    sign: str
    number: float


def _required(text: str) -> Requirement:
    found = REQUIRED.match(text)
    try:
        if found is not None:
            return Requirement(found[1], found[2], float(found[3]))
    except ValueError:
        pass
    raise UsageError("--require", f"{shown(text)} is no rule", "For example --require 'precision.low>=0.85'")


def _unmet(card: dict[str, Any], rules: list[Requirement], gate: bool) -> list[str]:
    """The limits this card does not meet, in words."""
    name = card["verifier"]
    unmet = [f"{name}: the decision is {card['decision']}, not helps"] if gate and card["decision"] != "helps" else []
    for rule in rules:
        value = _field(card, rule.path)
        if value is None or not SIGNS[rule.sign](value, rule.number):
            unmet.append(f"{name}: {rule.path} is {value}, not {rule.sign} {rule.number:g}")
    return unmet


def _field(card: dict[str, Any], path: str) -> float | None:
    name, _, end = path.partition(".")
    value = card.get(name)
    if name not in card or (isinstance(value, dict) and end not in value):
        known = [key for key, one in card.items() if isinstance(one, int | float | dict)]
        raise UsageError("--require", f"{shown(path)} is no number of the card", nearest(name, known))
    found = value[end] if isinstance(value, dict) else value
    if found is not None and not isinstance(found, int | float):
        raise UsageError("--require", f"{shown(path)} is no number of the card", "Name a number: precision.low")
    return None if found is None else float(found)
