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

from winnow.data.columns import Columns, stated
from winnow.data.errors import UsageError, nearest
from winnow.data.places.place import Place, local, place
from winnow.data.quarantine import BadRows
from winnow.data.stores.joined import Attached
from winnow.data.stores.labelers import label_by
from winnow.data.stores.opening import open_rows, with_labels, with_verdicts
from winnow.data.table import Table
from winnow.stages.decide.combine import Combination, Combining
from winnow.stages.decide.combine import combine as run_combine
from winnow.stages.decide.forecast import Foreseeing
from winnow.stages.decide.foreseen import Foreseen
from winnow.stages.decide.holdout import Holdout
from winnow.stages.decide.labelers import People
from winnow.stages.decide.measure import Measured, Measuring
from winnow.stages.decide.measure import measure as run_measure
from winnow.stages.decide.outcomes import Given, Outcome, Places, look_ahead, record_outcome
from winnow.stages.decide.plan import Planning, plan_labels
from winnow.stages.results import Rows
from winnow.stages.select import Request, Selected
from winnow.stages.select import select as run_select
from winnow.stages.select.rules import Rules, best_of
from winnow.stages.verify import Verified
from winnow.stages.verify import verify as run_verify
from winnow.stats.evidence import Drawn, How
from winnow.verifiers.named import verifier as named_verifier
from winnow.verifiers.verdicts import Verifier

if TYPE_CHECKING:
    from typing_extensions import Unpack

PathLike = str | Place


class Reading(TypedDict, total=False):
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


class Selecting(Reading, total=False):
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


class Measurement(Reading, total=False):
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


class Forecasting(Reading, total=False):
    """What to forecast, and how to read the table."""

    n: Sequence[int] | None
    regime: Literal["self", "teacher", "pretrain"]
    right_if: str | None
    answer: str | None
    lower_is_better: bool
    seed: int


class ToPlan(Reading, total=False):
    """What labels are planned for, and how to read the table."""

    aim: Literal["measure", "forecast"]
    budget: int
    n: Sequence[int] | None
    lower_is_better: bool
    seed: int


class ToCombine(Reading, total=False):
    """The name of the combined verifier, when a grade means right, and how to read the table."""

    name: str
    right_if: str | None
    seed: int


KEPT_HERE = "forecasts and pilots are kept in a local folder"

READING = frozenset(Reading.__annotations__) - {"verdict"}


def table(given: object, **reading: Unpack[Reading]) -> Table:
    """Rows from a path, a glob, a store, a list of dictionaries or a data frame, with the columns that play a part."""
    return _table(given, dict(reading))


def verifier(spec: str | Callable[..., object] | Verifier, **options: object) -> Verifier:
    """A verifier by name ('exact', 'number', 'module:function') or from a function, with its options."""
    return named_verifier(spec, options)


def verify(
    given: object,
    *verifiers: str | Callable[..., object] | Verifier,
    out: PathLike | None = None,
    **reading: Unpack[Reading],
) -> Verified:
    """Judge every candidate with these verifiers."""
    if not verifiers:
        raise UsageError("verify", "no verifier is given", "For example winnow.verify(rows, 'exact')")
    with ExitStack() as ours:
        judges = [_judge(spec, ours) for spec in verifiers]
        return run_verify(_table(given, dict(reading)), judges, _path(out))


def _judge(spec: str | Callable[..., object] | Verifier, ours: ExitStack) -> Verifier:
    """The verifier of a specification; one that was made here keeps no process running afterwards."""
    from winnow.verifiers.guarded.verifier import Guarded

    judge = named_verifier(spec)
    if judge is not spec and isinstance(judge, Guarded):
        ours.callback(judge.close)
    return judge


def select(
    given: object, *, out: PathLike | None = None, control: bool | PathLike = False, **selecting: Unpack[Selecting]
) -> Selected:
    """Choose the rows to train on; see `Selecting` for the rules. Without any, those that passed."""
    options: dict[str, Any] = dict(selecting)
    verdict = options.get("verdict")
    beside = {name: options.pop(name, None) for name in ("exclude", "mix_real")}
    options["exclude_by"] = options.pop("by", "text")
    if options.get("best_of") is not None:
        options["best_of"] = best_of(str(options["best_of"]))
    rules = Rules(**{f.name: options.pop(f.name) for f in fields(Rules) if f.name in options})
    opened = _table(given, {name: value for name, value in options.items() if name != "verdict"})
    request = Request(
        rules,
        verdict,
        None if beside["exclude"] is None else _table(beside["exclude"], {}),
        None if beside["mix_real"] is None else _table(beside["mix_real"], {}),
        _path(out),
        control if isinstance(control, bool) else place(control),
    )
    return run_select(opened, request)


def measure(given: object, **measuring: Unpack[Measurement]) -> Measured:
    """What a verifier is worth: the card of each verdict column, or of a score at a threshold."""
    options: dict[str, Any] = dict(measuring)
    reading = {name: options.pop(name) for name in list(options) if name in READING}
    labelers = _people(options.pop("labelers", None))
    opened = labeled(given, labelers, **reading)
    people = _who(opened, labelers)
    holdout = _holdout(options, opened)
    how = How(
        drawn=_drawn(options.pop("labels_drawn", "random")),
        classes=options.pop("classes", None),
        w=options.pop("w", None),
        judge=options.pop("labels_by", None),
        seed=options.pop("seed", 0),
    )
    ends = options.pop("grade_range", None)
    costs = options.pop("cost", None)
    errors = options.pop("errors", None)
    known = {f.name for f in fields(Measuring)}
    for name in options:
        if name not in known:
            raise UsageError(name, "is not an option here", nearest(name, {*known, *Measurement.__annotations__}))
    request = Measuring(
        **options,
        grade_range=None if ends is None else _numbers("--grade-range", ends, 2),
        costs=() if costs is None else _numbers("--cost", costs, None),
        errors=None if errors is None else place(errors),
        people=people,
        holdout=holdout,
        how=how,
    )
    return run_measure(opened, request)


def labeled(given: object, labelers: str | Sequence[str] | None = None, **reading: Unpack[Reading]) -> Table:
    """The table as `measure` reads it: labels may be several people's, in a column each or with a column `by`."""
    options = dict(reading)
    if labelers is None:
        return _table(given, options, several=True)
    if options.get("label") is not None:
        problem = "and --label both name columns of labels"
        raise UsageError("--labelers", problem, "Name the columns of two people or more: --labelers a,b,c")
    return _table(given, {**options, "label": ",".join(_people(labelers) or ())})


def _people(labelers: str | Sequence[str] | None) -> list[str] | None:
    """The columns of several people's labels."""
    if labelers is None:
        return None
    columns = [one.strip() for one in labelers.split(",")] if isinstance(labelers, str) else list(labelers)
    if len(set(columns)) < 2 or len(set(columns)) < len(columns):
        problem = f"'{','.join(columns)}' does not name the columns of several people"
        raise UsageError("--labelers", problem, "Name two or more, each once: --labelers a,b,c")
    return columns


def _who(opened: Table, columns: list[str] | None) -> People | None:
    """The people who labeled, where there are several."""
    if columns is not None:
        return People("majority", tuple(columns), tuple(columns))
    names = opened.source.labelers if isinstance(opened.source, Attached) else ()
    if not names:
        return None
    every = str(opened.columns.label).split(",")
    return People(every[0].removesuffix(label_by("", names[0])), names, tuple(every))


def _holdout(options: dict[str, Any], opened: Table) -> Holdout | None:
    """The part of the labels that is kept back; looks at it are counted beside the labels, or the table."""
    share, look = options.pop("holdout", None), options.pop("look", False)
    if share is None:
        if look:
            raise UsageError("--look", "there is no part kept back to look at", "Say which share is: --holdout 0.5")
        return None
    labels = opened.source.labels if isinstance(opened.source, Attached) else None
    files = opened.source.paths() if labels is None else labels
    return Holdout(share, look, files[0] if files else None)


def forecast(
    given: object,
    *,
    pilot: PathLike | None = None,
    out: PathLike | None = None,
    record: PathLike | None = None,
    **forecasting: Unpack[Forecasting],
) -> Foreseen:
    """What best-of-N, thresholds and top shares of a score would give, and the rule to use; kept where `out` says.

    `pilot` is a folder for training files of equal size; `record` is where the outcomes of earlier pilots are.
    """
    reading, options = _parted(dict(forecasting), Foreseeing)
    places = Places(_local(pilot, "--pilot"), _local(out, "--out"), None if record is None else str(record))
    return look_ahead(_table(given, reading), Foreseeing(**options), places)


def outcome(
    forecast: PathLike,
    *,
    score: float,
    n: int,
    file: Literal["recommended", "runner-up", "control"] = "recommended",
    baseline: float | None = None,
    note: str | None = None,
) -> Outcome:
    """Record what training gave: the share right of `n` held-out prompts, by the student of this file of a pilot."""
    return record_outcome(local(forecast, "FORECAST", KEPT_HERE), Given(score, n, file, baseline, note))


def plan(given: object, out: PathLike, **planning: Unpack[ToPlan]) -> dict[str, Any]:
    """Write the rows to label, in order, each with its chance of being drawn; returns what the plan says of itself."""
    reading, options = _parted(dict(planning), Planning)
    return plan_labels(_table(given, reading), Planning(**options), place(out))


def combine(
    given: object,
    scores: str | Sequence[str] | None = None,
    *,
    out: PathLike | None = None,
    **combining: Unpack[ToCombine],
) -> Combination:
    """One verifier out of several weak ones ('a,b,c', or every column of verdicts); learned from labels if named."""
    reading, options = _parted(dict(combining), Combining)
    parts = scores.split(",") if isinstance(scores, str) else list(scores or ())
    named = tuple(part.strip() for part in parts if part.strip())
    return run_combine(_table(given, reading), Combining(scores=named, out=_path(out), **options))


def _parted(given: dict[str, Any], kind: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """How to read the table, and the options of this kind of work."""
    known = {f.name for f in fields(kind)}
    return {k: v for k, v in given.items() if k not in known}, {k: v for k, v in given.items() if k in known}


def _drawn(text: str) -> Drawn:
    if text not in tuple(Drawn):
        raise UsageError("--labels-drawn", f"'{text}' is no way to draw labels", nearest(text, tuple(Drawn)))
    return Drawn(text)


def _numbers(option: str, given: Any, count: int | None) -> Any:
    """Numbers from '1,5' or from a sequence."""
    parts = given.split(",") if isinstance(given, str) else list(given)
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError:
        numbers = ()
    if not numbers or (count is not None and len(numbers) != count):
        wanted = "numbers" if count is None else f"{count} numbers"
        raise UsageError(option, f"'{given}' is not {wanted} with commas between", "For example 1,5")
    return numbers


def _table(given: object, options: dict[str, Any], several: bool = False) -> Table:
    bad, labels, verdicts = (options.pop(name, None) for name in ("bad_rows", "labels", "verdicts"))
    known = {f.name for f in fields(Columns)} - {"guessed"}
    for name in options:
        if name not in known:
            raise UsageError(name, "is not an option here", nearest(name, {*known, *Selecting.__annotations__}))
    columns = stated(**options)
    inner = given.table if isinstance(given, Rows) else given
    if isinstance(inner, Table) and columns.named():
        inner = Table(inner.source, stated(**{**inner.columns.named(), **columns.named()}), inner.bad)
    # A label named beside a file of labels is a column of that file.
    here = columns if labels is None else replace(columns, label=None)
    opened = open_rows(inner, here, BadRows.parse(bad) if bad is not None else None)
    if verdicts is not None:
        opened = with_verdicts(opened, verdicts)
    return with_labels(opened, labels, columns.label, several) if labels is not None else opened


def _path(out: PathLike | None) -> Place | None:
    return None if out is None else place(out)


def _local(given: PathLike | None, option: str) -> Path | None:
    return None if given is None else local(given, option, KEPT_HERE)
