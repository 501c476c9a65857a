"""The commands that decide before training: measure, plan and forecast."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from winnow.app.act import TABLE
from winnow.app.options import Column, Document, OutputOptions, TableOptions, command, option
from winnow.app.say import say
from winnow.data.errors import UsageError, nearest, shown
from winnow.stages import front

LABELS = "Labels"
VERIFIER = "The verifier"
LIMITS = "Limits (exit code 1 where one is not met)"
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
REQUIRED = re.compile(r"\s*([\w.]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*$")


LabelsFile = Annotated[
    str | None, option("--labels", "labels in another file, joined by id, else by row", LABELS, "FILE")
]
RightIf = Annotated[str | None, option("--right-if", "when a grade means right: 'grade>=4'", LABELS, "RULE")]


@dataclass(frozen=True)
class LabelOptions:
    """Where the labels are and what they mean."""

    labels: LabelsFile = None
    label: Annotated[Column, option("--label", "right or wrong, or a grade; several: a,b", LABELS, "COLUMN")] = None
    right_if: RightIf = None
    grade_range: Annotated[
        str | None, option("--grade-range", "grades stay grades between these ends: 1,5", LABELS, "LOW,HIGH")
    ] = None
    labels_drawn: Annotated[
        str,
        option("--labels-drawn", "random (default), by-verdict, or by-label (half and half)", LABELS, "HOW"),
    ] = "random"
    labels_by: Annotated[
        str | None, option("--labels-by", "the model that made the labels: agreement, not truth", LABELS, "MODEL")
    ] = None


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
    cost: Annotated[str | None, option("--cost", "cost of a call, one per verifier: 0.002,0.01", VERIFIER, "C")] = None
    errors: Annotated[
        Path | None, option("--errors", "write the false passes and false drops, to be read", VERIFIER, "FILE")
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
    options = {**reading.given(), **_given(labels), **_given(verifier)}
    opened = front.table(table, **{name: options.pop(name) for name in list(options) if name in front.READING})
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
class ForecastOptions:
    """What to forecast."""

    labels: LabelsFile = None
    label: Annotated[Column, option("--label", "right or wrong, or a grade with --right-if", LABELS, "COLUMN")] = None
    right_if: RightIf = None
    n: Annotated[str | None, option("--n", "sizes of best-of-N: 1,2,4,8 (default: powers of two)", None, "N")] = None
    regime: Annotated[
        str, option("--regime", "who is trained on the result: self (default), teacher or pretrain", None, "REGIME")
    ] = "self"
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score")] = False
    seed: Annotated[int, option("--seed", "seed of the intervals' draws (default 0)", None, "N")] = 0


@dataclass(frozen=True)
class PlanOptions:
    """What the labels are for."""

    aim: Annotated[str, option("--for", "measure (default) or forecast", None, "AIM")] = "measure"
    budget: Annotated[int, option("--budget", "how many labels (default 200)", None, "N")] = 200
    verdict: Annotated[Column, option("--verdict", "the verdicts to measure", VERIFIER, "COLUMN")] = None
    n: Annotated[str | None, option("--n", "sizes of best-of-N to forecast: 1,2,4,8", None, "N")] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score")] = False
    seed: Annotated[int, option("--seed", "seed of the draws (default 0)", None, "N")] = 0


@command
def plan(
    table: Annotated[str, TABLE],
    out: Annotated[Path, option("--out", "the file to fill in: FILE.csv, FILE.jsonl or FILE.parquet", None, "FILE")],
    asked: PlanOptions,
    reading: TableOptions,
    output: OutputOptions,
) -> Document:
    """Say which candidates to label, in which order; works without any label yet.

    winnow plan v --for measure --budget 200 --out to-label.csv
    """
    opened = front.table(table, **reading.given())
    say(opened.columns.said())
    options = {**_given_of(asked, "aim", "budget", "verdict", "lower_is_better", "seed")}
    made = front.plan(opened, out, n=None if asked.n is None else _sizes(asked.n), **options)
    say(f"{made['labels']:,} rows to label, of {made['prompts']:,} prompts, in order: {out}")
    ways = {"measure": "--labels-drawn by-verdict", "forecast": f"--score {opened.columns.score}"}
    back = f"  winnow {asked.aim} {table} {ways[asked.aim]} --labels {out}"
    say("fill in the column correct (1 or 0), then:", back)
    return made


@command
def forecast(
    table: Annotated[str, TABLE], asked: ForecastOptions, reading: TableOptions, output: OutputOptions
) -> Document:
    """Say which rule to select by: best-of-N, threshold and top-share curves, and the select line that does it.

    winnow forecast candidates.jsonl --score judge --labels labels.csv
    """
    opened = front.table(table, **reading.given(), **_given_of(asked, "labels", "label"))
    say(opened.columns.said())
    more = _given_of(asked, "right_if", "regime", "lower_is_better", "seed")
    foreseen = front.forecast(opened, n=None if asked.n is None else _sizes(asked.n), **more)
    say(foreseen.words())
    return foreseen.plain()


def _sizes(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UsageError("--n", f"{shown(text)} is not a list of whole numbers from 1", "For example --n 1,2,4,8")
    return [int(part) for part in parts]


def _given_of(options: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in _given(options).items() if name in names}


def _given(options: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if value is not None}


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
    return None if found is None else float(found)
