"""The commands that decide: measure, plan, forecast, outcome and combine."""

from __future__ import annotations

import operator
import re
from typing import Annotated, Any, NamedTuple

import typer

from winnow.cli.console import open_table, print_lines, report_result
from winnow.cli.options import Document, OutOption, TableArgument, cli_option, command
from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.combine.config import CombineConfig
from winnow.stages.forecast.config import ForecastConfig
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.outcome.config import OutcomeConfig
from winnow.stages.plan.config import PlanConfig
from winnow.stages.table_config import TableConfig

LIMITS = "Limits (exit code 1 if one is not met)"
COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
REQUIREMENT = re.compile(r"\s*([\w.]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*$")


@command
def measure(
    table: TableArgument,
    config: MeasureConfig,
    reading: TableConfig,
    gate: Annotated[bool, cli_option("--gate", "The decision must be 'helps'.", LIMITS)] = False,
    require: Annotated[
        list[str], cli_option("--require", "A rule on the card, for example 'precision.low>=0.85'.", LIMITS, "RULE")
    ] = [],  # noqa: B006  # Typer reads the default
) -> Document:
    """Measure the error rates of a verifier: what it keeps of right and wrong answers, and whether that helps.

    winnow measure v --labels labels.csv --gate
    """
    from winnow.stages.measure.stage import measure, open_labeled

    requirements = [_parse_requirement(text) for text in require]
    opened = open_labeled(table, reading, config)
    print_lines(opened.columns.summary())
    result = measure(opened, config)
    print_lines(result.describe())
    if result.errors is not None:
        print_lines(f"wrote {result.errors}")
    document = result.to_dict()
    cards = document.get("verifiers", [document])
    unmet = [problem for card in cards for problem in _unmet_limits(card, requirements, gate)]
    if unmet:
        print_lines(*(f"not met: {problem}" for problem in unmet))
        document["unmet"] = unmet
    return document


class CardRequirement(NamedTuple):
    """A field of the card, a comparison and a number."""

    path: str
    sign: str
    number: float


def _parse_requirement(text: str) -> CardRequirement:
    match = REQUIREMENT.match(text)
    try:
        if match is not None:
            return CardRequirement(match[1], match[2], float(match[3]))
    except ValueError:
        pass
    raise UsageError("--require", f"{format_value(text)} is not a rule", "For example --require 'precision.low>=0.85'")


def _unmet_limits(card: dict[str, Any], requirements: list[CardRequirement], gate: bool) -> list[str]:
    name = card["verifier"]
    unmet = [f"{name}: the decision is {card['decision']}, not helps"] if gate and card["decision"] != "helps" else []
    for path, sign, number in requirements:
        value = _card_number(card, path)
        if value is None or not COMPARISONS[sign](value, number):
            unmet.append(f"{name}: {path} is {value}, not {sign} {number:g}")
    return unmet


def _card_number(card: dict[str, Any], path: str) -> float | None:
    name, _, end = path.partition(".")
    value = card.get(name)
    if name not in card or (isinstance(value, dict) and end not in value):
        known = [key for key, entry in card.items() if isinstance(entry, int | float | dict)]
        raise UsageError("--require", f"{format_value(path)} is not a number of the card", suggest_name(name, known))
    number = value[end] if isinstance(value, dict) else value
    if number is not None and not isinstance(number, int | float):
        raise UsageError("--require", f"{format_value(path)} is not a number of the card", "Name one: precision.low")
    return number


@command
def plan(
    table: TableArgument,
    config: PlanConfig,
    reading: TableConfig,
    out: Annotated[str, cli_option("--out", "The file to fill in: .csv, .jsonl or .parquet.", None, "FILE")],
) -> Document:
    """Choose which candidates to label, in which order; it needs no label yet.

    winnow plan v --for measure --budget 200 --out to-label.csv
    """
    from winnow.stages.plan.stage import plan_labels
    from winnow.storage.locations.location import parse_location

    result = plan_labels(open_table(table, reading), config, parse_location(out))
    print_lines(result.describe())
    return result.to_dict()


@command
def forecast(table: TableArgument, config: ForecastConfig, reading: TableConfig) -> Document:
    """Forecast which selection rule to use: curves of best-of-N, thresholds and top shares, and the select command.

    winnow forecast candidates.jsonl --score judge --labels labels.csv
    """
    from winnow.stages.forecast.stage import forecast

    result = forecast(open_table(table, reading), config)
    print_lines(result.describe())
    return result.to_dict()


@command
def outcome(
    forecast: Annotated[
        str, typer.Argument(metavar="FORECAST", help="the folder of a pilot, or the file of winnow forecast --out")
    ],
    config: OutcomeConfig,
) -> Document:
    """Record what training gave, and compare it with the forecast; later forecasts show the record.

    winnow outcome pilot --file control --score 0.64 --n 500
    """
    from winnow.stages.outcome.stage import record_outcome

    result = record_outcome(forecast, config)
    print_lines(result.describe())
    return result.to_dict()


@command
def combine(
    table: TableArgument,
    config: CombineConfig,
    reading: TableConfig,
    out: OutOption = None,
) -> Document:
    """Combine weak verifiers into one: without labels from at least three, or by learning from labels.

    winnow combine t.jsonl --scores judge_a,judge_b,judge_c --out c
    """
    from winnow.api.keywords import to_location
    from winnow.stages.combine.stage import combine, open_unlabeled

    opened = open_unlabeled(table, reading)
    print_lines(opened.columns.summary())
    return report_result(combine(opened, config, reading, to_location(out)), out)
