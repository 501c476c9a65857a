"""The stage select: from a table and a request to chosen rows, their receipt, their shift and their control.

The choice is made on a narrow table (row, prompt, score, verdict) in DuckDB; only chosen rows are read whole.
Rows undecided or without a score are never chosen, and are counted. What the selection shifts is always said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from winnow.data.chunks import Rows as RowNumbers
from winnow.data.columns import Columns, stated
from winnow.data.engine import engine
from winnow.data.errors import UsageError, shown
from winnow.data.places.place import Place
from winnow.data.stores.flat import is_flat, refuse_overwriting, write_quarantine
from winnow.data.stores.opening import kept_source, source_receipt
from winnow.data.stores.receipts import Books, Work
from winnow.data.stores.store import finished_already, prepare
from winnow.data.table import Table
from winnow.stages.named import any_verdict, verdict_columns, with_score
from winnow.stages.results import Held, Rows, reopened
from winnow.stages.select.choose import Chooser, Chosen, prompts_of
from winnow.stages.select.contamination import Evaluation
from winnow.stages.select.control import draw_control
from winnow.stages.select.outputs import ADDED, Picked, RealRows, real_rows, write_flat, write_store
from winnow.stages.select.pool import Reading, load, rows_of
from winnow.stages.select.rules import Rules
from winnow.stages.select.shift import Lengths, per_prompt
from winnow.stages.select.words import said

VERSION = 1


@dataclass(frozen=True)
class Request:
    """One selection: the rules, the tables beside the main one, and where results go."""

    rules: Rules
    verdict: str | None = None
    exclude: Table | None = None
    real: Table | None = None
    out: Place | None = None
    control: Place | bool = False


class Selected(Rows):
    """The chosen rows; `control` holds as many drawn at random, `summary["shift"]` what the choice shifted."""

    control: Rows | None = None

    def words(self) -> str:
        return "\n".join(said(self.summary))


def select(table: Table, request: Request) -> Selected:
    """Choose rows of the table and write them where the request says."""
    table, rules = settled(table, request)
    evaluation = Evaluation(request.exclude, rules.exclude_by) if request.exclude is not None else None
    lengths = Lengths()
    columns = verdict_columns(table, request.verdict) if rules.passed else []
    with engine() as duck:
        total = load(duck, Reading(table, rules, columns, evaluation, lengths))
        chosen = Chooser(duck, table, rules, evaluation is not None).chosen()
        picked = Picked(table, rows_of(duck, chosen.name), rules.said(), _real(request, chosen.count, evaluation))
        control = rows_of(duck, draw_control(duck, table, rules, chosen.name)) if request.control else None
        shift = per_prompt(*prompts_of(duck, chosen), total, chosen.count) if table.has("prompt") else {}
    books = _books(table, chosen, total)
    with lengths.glimpsing(table):
        result = _written(picked, request, books, lengths)
    result.summary |= summary_of(table, picked.rule, chosen, total) | {"shift": {"length": lengths.plain(), **shift}}
    result.summary["real"] = len(picked.real.rows) if picked.real else 0
    if control is not None:
        result.control = _control_written(picked, control, request, books)
        result.summary["control"] = {
            "rows": len(result.control),
            "out": str(request.control) if isinstance(request.control, Place) else None,
        }
    return result


def settled(table: Table, request: Request) -> tuple[Table, Rules]:
    """The table with its score column settled, and the rules with `passed`; what can be refused is refused."""
    rules = _settled(request.rules, table, request.verdict)
    return _ready(table, rules, request), rules


def _settled(rules: Rules, table: Table, verdict: str | None) -> Rules:
    """`passed` settled: as stated, else on where verdicts are there."""
    columns = verdict_columns(table, verdict)
    if rules.passed and not columns:
        step = "Judge it first: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("--passed", f"{table.name} has no verdicts", step)
    settled = replace(rules, passed=any_verdict(table, columns)) if rules.passed is None else rules
    if not settled.any():
        step = "Give --passed, --threshold, --best-of, --top-share, --distinct or --max-rows"
        raise UsageError("select", f"no rule is given and {table.name} has no verdicts", step)
    return settled


def _ready(table: Table, rules: Rules, request: Request) -> Table:
    """Refuse everything that can be refused before a row is read."""
    _refuse_one_place_twice(request)
    for path, option in ((request.out, "--out"), (request.control, "--control")):
        if isinstance(path, Place) and is_flat(path):
            refuse_overwriting(path, option)
        elif isinstance(path, Place) and request.real is not None:
            raise UsageError(
                option,
                "real rows have no candidate id, so a store cannot hold them",
                "Write a flat file: .jsonl, .csv or .parquet",
            )
    if (request.real is None) != (rules.real_share is None):
        raise UsageError("--mix-real", "--mix-real FILE and --real-share a go together", "Give both, or neither")
    table = with_score(table) if rules.scored() else table
    table.need(*(["prompt"] if rules.best_of is not None else []), *(["text"] if rules.distinct else []))
    table.need(*(["prompt_text"] if request.exclude is not None else []))
    for path in (request.out, request.control):
        if isinstance(path, Place) and not is_flat(path):
            table = kept_source(table, path)
    return table


def _refuse_one_place_twice(request: Request) -> None:
    """Nothing is written over what is read, nor the control over the selection; flat files look after the table."""
    taken = {path.resolve(): option for option, path in _beside(request)}
    for option, place in (("--out", request.out), ("--control", request.control)):
        if not isinstance(place, Place):
            continue
        if other := taken.get(place.resolve()):
            raise UsageError(option, f"{shown(str(place))} is what {other} names", "Name another file")
        taken[place.resolve()] = option


def _beside(request: Request) -> Iterator[tuple[str, Place]]:
    for option, table in (("--exclude", request.exclude), ("--mix-real", request.real)):
        if table is not None:
            yield from ((option, path) for path in table.source.paths())


def _real(request: Request, kept: int, evaluation: Evaluation | None) -> RealRows | None:
    if request.real is None or request.rules.real_share is None:
        return None
    return real_rows(request.real, request.rules.real_share, kept, evaluation, request.rules.seed)


def _books(table: Table, chosen: Chosen, total: int) -> Books:
    bad = {"bad row": len(table.bad)} if len(table.bad) else {}
    return Books(total + len(table.bad), chosen.count, total - chosen.count, len(table.bad), {**chosen.dropped, **bad})


def intended(table: Table, request: Request) -> dict[str, Work]:
    """The identities of the selection and of its control, for stores in the folders the request names."""
    table, rules = settled(table, request)
    named = {"selection": (request.out, rules.said()), "control": (request.control, "control")}
    return {
        name: _work(table, request, rule, folder) for name, (folder, rule) in named.items() if isinstance(folder, Place)
    }


def _work(table: Table, request: Request, rule: str, folder: Place) -> Work:
    beside = {"exclude": request.exclude, "real": request.real}
    sources = {name: source_receipt(table, folder) for name, table in beside.items() if table is not None}
    config = {"rules": {**request.rules.config(), "said": rule}, "verdict": request.verdict}
    return Work("select", VERSION, config, {**source_receipt(table, folder), **sources})


def _written(picked: Picked, request: Request, books: Books, lengths: Lengths) -> Selected:
    out = request.out
    summary = {"rows": len(picked)}
    if out is None:
        held = Held(list(picked.chunks(lengths)), picked.table.name, [*picked.table.original().names(), *ADDED.names])
        return Selected(Table(held, _columns_of(picked, held.names()), picked.table.bad), summary)
    write_quarantine(out, picked.table.bad)
    if is_flat(out):
        write_flat(picked, out, _work(picked.table, request, picked.rule, out.parent), books, lengths)
    else:
        _stored(picked, out, _work(picked.table, request, picked.rule, out), books)
        for chunk in picked.table.pick(picked.rows):
            if picked.table.has("text"):
                lengths.add_kept(picked.table.part(chunk, "text"))
    return Selected(_reopened(picked, out, len(picked)), {**summary, "out": str(out)})


def _reopened(picked: Picked, out: Place, rows: int) -> Table:
    names = [*picked.table.original().names(), *ADDED.names]
    return reopened(out, _columns_of(picked, None), rows, names)


def _columns_of(picked: Picked, names: list[str] | None) -> Columns:
    """The parts that still have their column in the result."""
    known = picked.table.original().names() if names is None else names
    return stated(**{part: name for part, name in picked.table.columns.named().items() if name in known})


def _stored(picked: Picked, out: Place, work: Work, books: Books) -> None:
    if finished_already(out, work) is None:
        if not any(out == path.parent for path in picked.table.source.paths()):
            prepare(out)
        write_store(picked, out, work, books)


def _control_written(picked: Picked, rows: RowNumbers, request: Request, books: Books) -> Rows:
    control = replace(picked, rows=rows, rule="control")
    out = request.control if isinstance(request.control, Place) else None
    if out is None:
        held = Held(list(control.chunks()), picked.table.name, [*picked.table.original().names(), *ADDED.names])
        return Rows(Table(held, _columns_of(picked, held.names()), picked.table.bad), {"rows": len(control)})
    drawn = Books(
        books.rows_in,
        len(rows),
        books.rows_in - books.reject - len(rows),
        books.reject,
        {"not drawn": books.drop, **_bad(books)},
    )
    if is_flat(out):
        write_flat(control, out, _work(control.table, request, control.rule, out.parent), drawn)
    else:
        _stored(control, out, _work(control.table, request, control.rule, out), drawn)
    return Rows(_reopened(control, out, len(control)), {"rows": len(control)})


def _bad(books: Books) -> dict[str, int]:
    return {"bad row": books.reject} if books.reject else {}


def summary_of(table: Table, rule: str, chosen: Chosen, total: int) -> dict[str, Any]:
    """What was chosen of the table, in plain numbers."""
    return {
        "table": table.name,
        "columns": table.columns.named(),
        "rule": rule,
        "rows_in": total,
        "quarantined": len(table.bad),
        "undecided": chosen.undecided,
        "without_score": chosen.unscored,
        "selected": chosen.count,
        "real": 0,
        "steps": chosen.steps,
    }
