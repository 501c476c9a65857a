"""The Python front door: the commands as functions, over paths, lists of dictionaries and data frames.

Columns are named by keyword as on the command line (`prompt="task"`, `text="answer"`); what is not named is
guessed. With `out` a result is written and reads from there; without it, it stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from winnow.errors import UsageError, suggest_name
from winnow.stages.combine import Combination, CombineConfig
from winnow.stages.combine import combine as run_combine
from winnow.stages.edit.options import edit_map_from_options, local_output
from winnow.stages.edit.stage import EditedRows
from winnow.stages.edit.stage import edit as run_edit
from winnow.stages.forecast.pilot import ForecastPaths, run_forecast
from winnow.stages.forecast.report import ForecastReport
from winnow.stages.forecast.stage import ForecastConfig
from winnow.stages.measure.holdout import Holdout
from winnow.stages.measure.labelers import LabelerColumns
from winnow.stages.measure.stage import MeasureConfig, MeasureReport
from winnow.stages.measure.stage import measure as run_measure
from winnow.stages.outcome.stage import OutcomeInput, OutcomeReport, record_outcome
from winnow.stages.plan.stage import PlanConfig, plan_labels
from winnow.stages.results import Rows
from winnow.stages.select import Selected, SelectRequest
from winnow.stages.select import select as run_select
from winnow.stages.select.rules import SelectionRules, parse_best_of
from winnow.stages.verify.stage import Verified
from winnow.stages.verify.stage import verify as run_verify
from winnow.statistics.card_inputs import MeasureOptions, SamplingDesign
from winnow.storage.locations.location import Location, parse_location, require_local
from winnow.tables.columns import Columns, make_columns
from winnow.tables.joins import JoinedSource
from winnow.tables.labelers import labeler_column
from winnow.tables.open_table import join_labels, join_verdicts, open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier as named_verifier
from winnow.verifiers.verdicts import Verifier

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from winnow.models.tiny import ModelConfig
    from winnow.stages.train import TrainResult

PathLike = str | Location


class TableKeywords(TypedDict, total=False):
    """How to read a table: the column behind each part (see data/columns.py), and what stands beside it."""

    id: str
    prompt: str
    prompt_text: str
    text: str
    messages: str
    reference: str
    score: str
    verdict: str
    label: str
    round: str
    candidates: str
    bad_rows: str
    labels: object
    verdicts: object


class SelectKeywords(TableKeywords, total=False):
    """The rules of a selection, and how to read the table it is made from."""

    passed: bool | None
    threshold: float
    best_of: int | Literal["all"]
    keep: int
    top_share: float
    distinct: bool
    max_rows: int
    exclude: object
    by: Literal["text", "ngram13"]
    mix_real: object
    real_share: float
    lower_is_better: bool
    seed: int


class MeasureKeywords(TableKeywords, total=False):
    """What to measure, how to read the labels, and how to read the table."""

    threshold: float
    lower_is_better: bool
    by: str
    right_if: str
    grade_range: str | tuple[float, float]
    labels_drawn: Literal["random", "by-verdict", "by-label"]
    labelers: str | Sequence[str]
    holdout: float
    look: bool
    labels_by: str
    classes: int
    w: float
    answer: str
    cost: str | tuple[float, ...]
    errors: PathLike
    seed: int


class ForecastKeywords(TableKeywords, total=False):
    """What to forecast, and how to read the table."""

    n: Sequence[int] | None
    regime: Literal["self", "teacher", "pretrain"]
    right_if: str | None
    answer: str | None
    lower_is_better: bool
    seed: int


class PlanKeywords(TableKeywords, total=False):
    """What labels are planned for, and how to read the table."""

    aim: Literal["measure", "forecast"]
    budget: int
    n: Sequence[int] | None
    lower_is_better: bool
    seed: int


class CombineKeywords(TableKeywords, total=False):
    """The name of the combined verifier, when a grade means right, and how to read the table."""

    name: str
    right_if: str | None
    seed: int


LOCAL_FOLDER_RULE = "forecasts and pilots are kept in a local folder"

TABLE_KEYWORDS = frozenset(TableKeywords.__annotations__) - {"verdict"}


def table(source: object, **table_keywords: Unpack[TableKeywords]) -> Table:
    """Rows from a path, a glob, a store, a list of dictionaries or a data frame, with the columns that play a part."""
    return _open_table(source, dict(table_keywords))


def verifier(spec: str | Callable[..., object] | Verifier, **options: object) -> Verifier:
    """A verifier by name ('exact', 'number', 'module:function') or from a function, with its options."""
    return named_verifier(spec, options)


def verify(
    source: object,
    *verifiers: str | Callable[..., object] | Verifier,
    out: PathLike | None = None,
    **table_keywords: Unpack[TableKeywords],
) -> Verified:
    """Judge every candidate with these verifiers."""
    if not verifiers:
        raise UsageError("verify", "no verifier is given", "For example winnow.verify(rows, 'exact')")
    with ExitStack() as stack:
        opened = [_open_verifier(spec, stack) for spec in verifiers]
        return run_verify(_open_table(source, dict(table_keywords)), opened, _to_location(out))


def _open_verifier(spec: str | Callable[..., object] | Verifier, stack: ExitStack) -> Verifier:
    """The verifier of a specification; one that was made here keeps no process running afterwards."""
    from winnow.verifiers.isolated.verifier import IsolatedVerifier

    opened = named_verifier(spec)
    if opened is not spec and isinstance(opened, IsolatedVerifier):
        stack.callback(opened.close)
    return opened


def select(
    source: object, *, out: PathLike | None = None, control: bool | PathLike = False, **keywords: Unpack[SelectKeywords]
) -> Selected:
    """Choose the rows to train on; see `Selecting` for the rules. Without any, those that passed."""
    options: dict[str, Any] = dict(keywords)
    verdict = options.get("verdict")
    other_tables = {name: options.pop(name, None) for name in ("exclude", "mix_real")}
    options["exclude_by"] = options.pop("by", "text")
    if options.get("best_of") is not None:
        options["best_of"] = parse_best_of(str(options["best_of"]))
    rules = SelectionRules(**{f.name: options.pop(f.name) for f in fields(SelectionRules) if f.name in options})
    source_table = _open_table(source, {name: value for name, value in options.items() if name != "verdict"})
    request = SelectRequest(
        rules,
        verdict,
        None if other_tables["exclude"] is None else _open_table(other_tables["exclude"], {}),
        None if other_tables["mix_real"] is None else _open_table(other_tables["mix_real"], {}),
        _to_location(out),
        control if isinstance(control, bool) else parse_location(control),
    )
    return run_select(source_table, request)


def measure(source: object, **keywords: Unpack[MeasureKeywords]) -> MeasureReport:
    """What a verifier is worth: the card of each verdict column, or of a score at a threshold."""
    options: dict[str, Any] = dict(keywords)
    table_keywords = {name: options.pop(name) for name in list(options) if name in TABLE_KEYWORDS}
    labelers = _parse_labelers(options.pop("labelers", None))
    source_table = open_labeled_table(source, labelers, **table_keywords)
    labeler_columns = _find_labelers(source_table, labelers)
    holdout = _parse_holdout(options, source_table)
    label_options = MeasureOptions(
        labels_drawn=_parse_labels_drawn(options.pop("labels_drawn", "random")),
        classes=options.pop("classes", None),
        w=options.pop("w", None),
        judge=options.pop("labels_by", None),
        seed=options.pop("seed", 0),
    )
    grade_ends = options.pop("grade_range", None)
    costs = options.pop("cost", None)
    errors = options.pop("errors", None)
    known = {f.name for f in fields(MeasureConfig)}
    for name in options:
        if name not in known:
            raise UsageError(
                name, "is not an option here", suggest_name(name, {*known, *MeasureKeywords.__annotations__})
            )
    config = MeasureConfig(
        **options,
        grade_range=None if grade_ends is None else _parse_numbers("--grade-range", grade_ends, 2),
        costs=() if costs is None else _parse_numbers("--cost", costs, None),
        errors=None if errors is None else parse_location(errors),
        labelers=labeler_columns,
        holdout=holdout,
        label_options=label_options,
    )
    return run_measure(source_table, config)


def open_labeled_table(
    source: object, labelers: str | Sequence[str] | None = None, **table_keywords: Unpack[TableKeywords]
) -> Table:
    """The table as `measure` reads it: labels may be several people's, in a column each or with a column `by`."""
    options = dict(table_keywords)
    if labelers is None:
        return _open_table(source, options, several_labelers=True)
    if options.get("label") is not None:
        problem = "and --label both name columns of labels"
        raise UsageError("--labelers", problem, "Name the columns of two people or more: --labelers a,b,c")
    return _open_table(source, {**options, "label": ",".join(_parse_labelers(labelers) or ())})


def _parse_labelers(labelers: str | Sequence[str] | None) -> list[str] | None:
    """The columns of several people's labels."""
    if labelers is None:
        return None
    columns = [one.strip() for one in labelers.split(",")] if isinstance(labelers, str) else list(labelers)
    if len(set(columns)) < 2 or len(set(columns)) < len(columns):
        problem = f"'{','.join(columns)}' does not name the columns of several people"
        raise UsageError("--labelers", problem, "Name two or more, each once: --labelers a,b,c")
    return columns


def _find_labelers(opened: Table, columns: list[str] | None) -> LabelerColumns | None:
    """The people who labeled, where there are several."""
    if columns is not None:
        return LabelerColumns("majority", tuple(columns), tuple(columns))
    names = opened.source.labelers if isinstance(opened.source, JoinedSource) else ()
    if not names:
        return None
    label_columns = str(opened.columns.label).split(",")
    return LabelerColumns(label_columns[0].removesuffix(labeler_column("", names[0])), names, tuple(label_columns))


def _parse_holdout(options: dict[str, Any], opened: Table) -> Holdout | None:
    """The part of the labels that is kept back; looks at it are counted beside the labels, or the table."""
    share, look = options.pop("holdout", None), options.pop("look", False)
    if share is None:
        if look:
            raise UsageError("--look", "there is no part kept back to look at", "Say which share is: --holdout 0.5")
        return None
    labels = opened.source.label_files if isinstance(opened.source, JoinedSource) else None
    files = opened.source.paths() if labels is None else labels
    return Holdout(share, look, files[0] if files else None)


def forecast(
    source: object,
    *,
    pilot: PathLike | None = None,
    out: PathLike | None = None,
    record: PathLike | None = None,
    **keywords: Unpack[ForecastKeywords],
) -> ForecastReport:
    """What best-of-N, thresholds and top shares of a score would give, and the rule to use; kept where `out` says.

    `pilot` is a folder for training files of equal size; `record` is where the outcomes of earlier pilots are.
    """
    table_keywords, options = _split_keywords(dict(keywords), ForecastConfig)
    paths = ForecastPaths(
        _to_local_path(pilot, "--pilot"), _to_local_path(out, "--out"), None if record is None else str(record)
    )
    return run_forecast(_open_table(source, table_keywords), ForecastConfig(**options), paths)


def outcome(
    forecast: PathLike,
    *,
    score: float,
    n: int,
    file: Literal["recommended", "runner-up", "control"] = "recommended",
    baseline: float | None = None,
    note: str | None = None,
) -> OutcomeReport:
    """Record what training gave: the share right of `n` held-out prompts, by the student of this file of a pilot."""
    return record_outcome(
        require_local(forecast, "FORECAST", LOCAL_FOLDER_RULE), OutcomeInput(score, n, file, baseline, note)
    )


def plan(source: object, out: PathLike, **keywords: Unpack[PlanKeywords]) -> dict[str, Any]:
    """Write the rows to label, in order, each with its chance of being drawn; returns what the plan says of itself."""
    table_keywords, options = _split_keywords(dict(keywords), PlanConfig)
    return plan_labels(_open_table(source, table_keywords), PlanConfig(**options), parse_location(out))


def combine(
    source: object,
    scores: str | Sequence[str] | None = None,
    *,
    out: PathLike | None = None,
    **keywords: Unpack[CombineKeywords],
) -> Combination:
    """One verifier out of several weak ones ('a,b,c', or every column of verdicts); learned from labels if named."""
    table_keywords, options = _split_keywords(dict(keywords), CombineConfig)
    parts = scores.split(",") if isinstance(scores, str) else list(scores or ())
    score_names = tuple(part.strip() for part in parts if part.strip())
    return run_combine(
        _open_table(source, table_keywords), CombineConfig(scores=score_names, out=_to_location(out), **options)
    )


def _split_keywords(keywords: dict[str, Any], config_class: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """How to read the table, and the options of this kind of work."""
    known = {f.name for f in fields(config_class)}
    return {k: v for k, v in keywords.items() if k not in known}, {k: v for k, v in keywords.items() if k in known}


def _parse_labels_drawn(text: str) -> SamplingDesign:
    if text not in tuple(SamplingDesign):
        raise UsageError(
            "--labels-drawn", f"'{text}' is no way to draw labels", suggest_name(text, tuple(SamplingDesign))
        )
    return SamplingDesign(text)


def _parse_numbers(option: str, value: Any, count: int | None) -> Any:
    """Numbers from '1,5' or from a sequence."""
    parts = value.split(",") if isinstance(value, str) else list(value)
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError:
        numbers = ()
    if not numbers or (count is not None and len(numbers) != count):
        expected = "numbers" if count is None else f"{count} numbers"
        raise UsageError(option, f"'{value}' is not {expected} with commas between", "For example 1,5")
    return numbers


def _open_table(source: object, options: dict[str, Any], several_labelers: bool = False) -> Table:
    bad_rows, labels, verdicts = (options.pop(name, None) for name in ("bad_rows", "labels", "verdicts"))
    known = {f.name for f in fields(Columns)} - {"guessed"}
    for name in options:
        if name not in known:
            raise UsageError(
                name, "is not an option here", suggest_name(name, {*known, *SelectKeywords.__annotations__})
            )
    columns = make_columns(**options)
    table_or_source = source.table if isinstance(source, Rows) else source
    if isinstance(table_or_source, Table) and columns.to_dict():
        table_or_source = Table(
            table_or_source.source,
            make_columns(**{**table_or_source.columns.to_dict(), **columns.to_dict()}),
            table_or_source.bad_rows,
        )
    # A label named beside a file of labels is a column of that file.
    column_options = columns if labels is None else replace(columns, label=None)
    opened = open_rows(table_or_source, column_options, BadRows.parse(bad_rows) if bad_rows is not None else None)
    if verdicts is not None:
        opened = join_verdicts(opened, verdicts)
    return join_labels(opened, labels, columns.label, several_labelers) if labels is not None else opened


def _to_location(out: PathLike | None) -> Location | None:
    return None if out is None else parse_location(out)


def _to_local_path(path: PathLike | None, option: str) -> Path | None:
    return None if path is None else require_local(path, option, LOCAL_FOLDER_RULE)


class EditKeywords(TableKeywords, total=False):
    """Which tokens are drawn again and how, how the model is read, and how to read the table."""

    threshold: float
    down: float | None
    down_by: Literal["resample", "delete"]
    top_k: int | None
    top_p: float | None
    rejection: bool
    beta: float | None
    like: Literal["paper", "code"]
    protect: str | Sequence[str]
    protect_regex: Sequence[str]
    rounds: int
    seed: int
    read_again: int
    logprobs: str | None
    window: int | None
    overlap: int | None
    device: str | None
    batch: int
    threads: int


def edit(given: object, model: PathLike, *, out: PathLike | None = None, **editing: Unpack[EditKeywords]) -> EditedRows:
    """Draw anew the tokens that the model in this folder is certain of; everything else stays as it is.

    `like="code"` goes by the authors' code instead of their paper; a threshold above 1 selects nothing.
    """
    options: dict[str, Any] = dict(editing)
    column_options = {name: options.pop(name) for name in list(options) if name in TABLE_KEYWORDS}
    edit_map = edit_map_from_options(str(model), options)
    return run_edit(open_texts(given, column_options), edit_map, local_output(out))


def open_texts(given: object, column_options: dict[str, Any]) -> Table:
    """The table; texts alone are a table with one column."""
    is_sequence = isinstance(given, Sequence) and not isinstance(given, str | bytes) and len(given) > 0
    if is_sequence and all(isinstance(item, str) for item in given):  # type: ignore[attr-defined]
        return table([{"text": item} for item in given], **column_options)  # type: ignore[attr-defined]
    return table(given, **column_options)


class TrainKeywords(TypedDict, total=False):
    """How to train (see `stages.train.Settings`), and how to read the table."""

    steps: int
    epochs: float
    batch: int
    lr: float
    warmup: int
    decay_fraction: float
    weight_decay: float
    clip: float
    patience: int
    target_accuracy: float
    eval_every: int
    checkpoint_every: int
    seed: int
    prompt: str
    prompt_text: str
    text: str
    messages: str


def train(
    source: object,
    *,
    model: ModelConfig | str | Path | None = None,
    out: str | Path | None = None,
    held_out: object | None = None,
    verifier: str | Callable[..., object] | Verifier | None = None,
    **keywords: Unpack[TrainKeywords],
) -> TrainResult:
    """Fit a small model to the rows of a table: from scratch with a shape, or from the folder of a trained model.

    With `out` it is kept there, goes on where it was stopped and is found done the next time. On `held_out` its loss is
    told and, with a verifier, the share of its greedy answers that pass.
    """
    from winnow.models.tiny import ModelConfig
    from winnow.stages.train import TrainConfig, TrainRequest, make_progress_printer
    from winnow.stages.train import train as run_train

    known = {field.name for field in fields(TrainConfig)}
    options: dict[str, Any] = dict(keywords)
    table_keywords = {name: options.pop(name) for name in list(options) if name not in known}
    for name in table_keywords:
        if name not in TrainKeywords.__annotations__:
            raise UsageError(name, "is not an option here", suggest_name(name, TrainKeywords.__annotations__))
    request = TrainRequest(
        model if isinstance(model, ModelConfig) else ModelConfig() if model is None else Path(model),
        TrainConfig(**options),
        None if out is None else Path(out),
        None if held_out is None else table(held_out, **table_keywords),
        None if verifier is None else named_verifier(verifier),
    )
    return run_train(table(source, **table_keywords), request, make_progress_printer())
