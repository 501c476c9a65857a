"""Public functions that decide: measure, plan, forecast, outcome and combine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from winnow.api.keywords import PathLike, public, to_location
from winnow.stages.combine.config import CombineConfig
from winnow.stages.forecast.config import ForecastConfig
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.outcome.config import OutcomeConfig
from winnow.stages.plan.config import PlanConfig
from winnow.stages.table_config import TableConfig, open_input
from winnow.storage.locations.location import parse_location

if TYPE_CHECKING:
    from winnow.stages.combine.report import Combination
    from winnow.stages.forecast.report import ForecastReport
    from winnow.stages.measure.cards import MeasureReport
    from winnow.stages.outcome.stage import OutcomeReport
    from winnow.stages.plan.stage import PlanReport


@public(TableConfig, MeasureConfig)
def measure(
    source: object,
    *,
    threshold: float | None = None,
    lower_is_better: bool = False,
    by: str | None = None,
    right_if: str | None = None,
    grade_range: str | tuple[float, float] | None = None,
    labels_drawn: Literal["random", "by-verdict", "by-label"] = "random",
    labelers: str | Sequence[str] = (),
    holdout: float | None = None,
    look: bool = False,
    labels_by: str | None = None,
    classes: Literal[2] | None = None,
    w: float | None = None,
    answer: str | None = None,
    cost: str | Sequence[float] = (),
    errors: PathLike | None = None,
    seed: int = 0,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
) -> MeasureReport:
    """Measure the error rates of verifiers, from their verdicts on all rows and labels of a few.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.

    Returns:
        One card for each verifier, or for a score at a threshold: rates with intervals, and a decision.
    """
    keywords = locals()
    from winnow.stages.measure.stage import measure as run_measure
    from winnow.stages.measure.stage import open_labeled

    config = MeasureConfig.pick(keywords)
    return run_measure(open_labeled(source, TableConfig.pick(keywords), config), config)


@public(TableConfig, PlanConfig)
def plan(
    source: object,
    out: PathLike,
    *,
    aim: Literal["measure", "forecast"] = "measure",
    budget: int = 200,
    n: str | Sequence[int] | None = None,
    lower_is_better: bool = False,
    seed: int = 0,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
) -> PlanReport:
    """Choose which candidates to label, and write them to a file in the order in which to label them.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
        out: The file to write (.csv, .jsonl or .parquet), whose column `correct` is to be filled in.
    """
    keywords = locals()
    from winnow.stages.plan.stage import plan_labels

    return plan_labels(open_input(source, TableConfig.pick(keywords)), PlanConfig.pick(keywords), parse_location(out))


@public(TableConfig, ForecastConfig)
def forecast(
    source: object,
    *,
    n: str | Sequence[int] | None = None,
    regime: Literal["self", "teacher", "pretrain"] = "self",
    right_if: str | None = None,
    answer: str | None = None,
    lower_is_better: bool = False,
    seed: int = 0,
    pilot: PathLike | None = None,
    out: PathLike | None = None,
    record: PathLike | None = None,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
) -> ForecastReport:
    """Forecast what best-of-N, thresholds and top shares of a score would give, and which rule to use.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
    """
    keywords = locals()
    from winnow.stages.forecast.stage import forecast as run_forecast

    return run_forecast(open_input(source, TableConfig.pick(keywords)), ForecastConfig.pick(keywords))


@public(OutcomeConfig)
def outcome(
    forecast: PathLike,
    *,
    score: float,
    n: int,
    file: Literal["recommended", "runner-up", "control"] = "recommended",
    baseline: float | None = None,
    note: str | None = None,
) -> OutcomeReport:
    """Record what training gave, and compare it with the forecast that was made before.

    Args:
        forecast: The folder of a pilot, or the file of a forecast.
    """
    keywords = locals()
    from winnow.stages.outcome.stage import record_outcome

    return record_outcome(forecast, OutcomeConfig.pick(keywords))


@public(TableConfig, CombineConfig)
def combine(
    source: object,
    scores: str | Sequence[str] = (),
    *,
    out: PathLike | None = None,
    name: str = "combined",
    right_if: str | None = None,
    seed: int = 0,
    id: str | None = None,
    prompt: str | None = None,
    prompt_text: str | None = None,
    text: str | None = None,
    messages: str | None = None,
    reference: str | None = None,
    score: str | None = None,
    verdict: str | None = None,
    label: str | None = None,
    round: str | None = None,
    candidates: str | None = None,
    labels: object = None,
    verdicts: object = None,
    bad_rows: str | None = None,
) -> Combination:
    """Combine weak verifiers into one: without labels from at least three, or by learning from labels.

    Args:
        source: A path, a glob, a store, a list of dictionaries, a data frame, or a result of winnow.
        out: A file (.jsonl, .csv, .parquet) or a folder for a store; without it the rows stay in memory.

    Returns:
        The rows with the columns NAME.verdict, NAME.score and NAME.reason.
    """
    keywords = locals()
    from winnow.stages.combine.stage import combine as run_combine
    from winnow.stages.combine.stage import open_unlabeled

    reading = TableConfig.pick(keywords)
    return run_combine(open_unlabeled(source, reading), CombineConfig.pick(keywords), reading, to_location(out))
