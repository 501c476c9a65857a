"""The stage select: from a table and a request to chosen rows, their receipt, their shift and their control.

The choice is made on a narrow table (row, prompt, score, verdict) in DuckDB; only chosen rows are read whole.
Rows undecided or without a score are never chosen, and are counted. What the selection shifts is always said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from winnow.errors import UsageError, format_value
from winnow.stages.columns_in_use import has_verdicts, verdict_columns, with_score_column
from winnow.stages.results import MemorySource, Rows, reopen_table
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.control import draw_control
from winnow.stages.select.output import ADDED_COLUMNS, OutputRows, RealRows, draw_real_rows, write_flat, write_store
from winnow.stages.select.pool import PoolInput, fetch_row_numbers, load_pool
from winnow.stages.select.report import describe_selection
from winnow.stages.select.rule_queries import RuleQueries, SelectionState, count_prompts
from winnow.stages.select.rules import SelectionRules
from winnow.stages.select.shift import TextLengths, prompt_shift
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.storage.store import find_finished_receipt, prepare_store_folder
from winnow.tables.chunks import RowNumbers as RowNumbers
from winnow.tables.columns import Columns, make_columns
from winnow.tables.duckdb_session import open_duckdb
from winnow.tables.flat_file import is_flat_path, refuse_overwriting, write_quarantine
from winnow.tables.open_table import embed_source, source_receipt
from winnow.tables.table import Table

VERSION = 1


@dataclass(frozen=True)
class SelectRequest:
    """One selection: the rules, the tables beside the main one, and where results go."""

    rules: SelectionRules
    verdict: str | None = None
    exclude: Table | None = None
    real: Table | None = None
    out: Location | None = None
    control: Location | bool = False


class Selected(Rows):
    """The chosen rows; `control` holds as many drawn at random, `summary["shift"]` what the choice shifted."""

    control: Rows | None = None

    def describe(self) -> str:
        return "\n".join(describe_selection(self.summary))


def select(table: Table, request: SelectRequest) -> Selected:
    """Choose rows of the table and write them where the request says."""
    table, rules = resolve_request(table, request)
    evaluation = EvaluationPrompts(request.exclude, rules.exclude_by) if request.exclude is not None else None
    lengths = TextLengths()
    columns = verdict_columns(table, request.verdict) if rules.passed else []
    with open_duckdb() as duck:
        total = load_pool(duck, PoolInput(table, rules, columns, evaluation, lengths))
        state = RuleQueries(duck, table, rules, evaluation is not None).apply_rules()
        output = OutputRows(
            table,
            fetch_row_numbers(duck, state.name),
            rules.describe(),
            _draw_real_rows(request, state.count, evaluation),
        )
        control = fetch_row_numbers(duck, draw_control(duck, table, rules, state.name)) if request.control else None
        shift = prompt_shift(*count_prompts(duck, state), total, state.count) if table.has_role("prompt") else {}
    books = _count_rows(table, state, total)
    with lengths.sample_raw_lengths(table):
        result = _write_selection(output, request, books, lengths)
    result.summary |= build_summary(table, output.rule, state, total) | {
        "shift": {"length": lengths.to_dict(), **shift}
    }
    result.summary["real"] = len(output.real.rows) if output.real else 0
    if control is not None:
        result.control = _write_control(output, control, request, books)
        result.summary["control"] = {
            "rows": len(result.control),
            "out": str(request.control) if isinstance(request.control, Location) else None,
        }
    return result


def resolve_request(table: Table, request: SelectRequest) -> tuple[Table, SelectionRules]:
    """The table with its score column settled, and the rules with `passed`; what can be refused is refused."""
    rules = _resolve_passed(request.rules, table, request.verdict)
    return _check_request(table, rules, request), rules


def _resolve_passed(rules: SelectionRules, table: Table, verdict: str | None) -> SelectionRules:
    """`passed` settled: as stated, else on where verdicts are there."""
    columns = verdict_columns(table, verdict)
    if rules.passed and not columns:
        step = "Judge it first: winnow verify TABLE --with NAME --out STORE"
        raise UsageError("--passed", f"{table.name} has no verdicts", step)
    resolved = replace(rules, passed=has_verdicts(table, columns)) if rules.passed is None else rules
    if not resolved.has_selecting_rule():
        step = "Give --passed, --threshold, --best-of, --top-share, --distinct or --max-rows"
        raise UsageError("select", f"no rule is given and {table.name} has no verdicts", step)
    return resolved


def _check_request(table: Table, rules: SelectionRules, request: SelectRequest) -> Table:
    """Refuse everything that can be refused before a row is read."""
    _refuse_shared_paths(request)
    for path, option in ((request.out, "--out"), (request.control, "--control")):
        if isinstance(path, Location) and is_flat_path(path):
            refuse_overwriting(path, option)
        elif isinstance(path, Location) and request.real is not None:
            raise UsageError(
                option,
                "real rows have no candidate id, so a store cannot hold them",
                "Write a flat file: .jsonl, .csv or .parquet",
            )
    if (request.real is None) != (rules.real_share is None):
        raise UsageError("--mix-real", "--mix-real FILE and --real-share a go together", "Give both, or neither")
    table = with_score_column(table) if rules.needs_scores() else table
    table.require_roles(*(["prompt"] if rules.best_of is not None else []), *(["text"] if rules.distinct else []))
    table.require_roles(*(["prompt_text"] if request.exclude is not None else []))
    for path in (request.out, request.control):
        if isinstance(path, Location) and not is_flat_path(path):
            table = embed_source(table, path)
    return table


def _refuse_shared_paths(request: SelectRequest) -> None:
    """Nothing is written over what is read, nor the control over the selection; flat files look after the table."""
    option_of_path = {path.resolve(): option for option, path in _input_paths(request)}
    for option, place in (("--out", request.out), ("--control", request.control)):
        if not isinstance(place, Location):
            continue
        if other_option := option_of_path.get(place.resolve()):
            raise UsageError(option, f"{format_value(str(place))} is what {other_option} names", "Name another file")
        option_of_path[place.resolve()] = option


def _input_paths(request: SelectRequest) -> Iterator[tuple[str, Location]]:
    for option, table in (("--exclude", request.exclude), ("--mix-real", request.real)):
        if table is not None:
            yield from ((option, path) for path in table.source.paths())


def _draw_real_rows(request: SelectRequest, selected: int, evaluation: EvaluationPrompts | None) -> RealRows | None:
    if request.real is None or request.rules.real_share is None:
        return None
    return draw_real_rows(request.real, request.rules.real_share, selected, evaluation, request.rules.seed)


def _count_rows(table: Table, state: SelectionState, total: int) -> RowCounts:
    bad = {"bad row": len(table.bad_rows)} if len(table.bad_rows) else {}
    return RowCounts(
        total + len(table.bad_rows), state.count, total - state.count, len(table.bad_rows), {**state.dropped, **bad}
    )


def planned_work(table: Table, request: SelectRequest) -> dict[str, WorkSpec]:
    """The identities of the selection and of its control, for stores in the folders the request names."""
    table, rules = resolve_request(table, request)
    targets = {"selection": (request.out, rules.describe()), "control": (request.control, "control")}
    return {
        name: _build_work(table, request, rule, folder)
        for name, (folder, rule) in targets.items()
        if isinstance(folder, Location)
    }


def _build_work(table: Table, request: SelectRequest, rule: str, folder: Location) -> WorkSpec:
    other_tables = {"exclude": request.exclude, "real": request.real}
    sources = {name: source_receipt(table, folder) for name, table in other_tables.items() if table is not None}
    config = {"rules": {**request.rules.config(), "said": rule}, "verdict": request.verdict}
    return WorkSpec("select", VERSION, config, {**source_receipt(table, folder), **sources})


def _write_selection(output: OutputRows, request: SelectRequest, books: RowCounts, lengths: TextLengths) -> Selected:
    out = request.out
    summary = {"rows": len(output)}
    if out is None:
        source = MemorySource(
            list(output.chunks(lengths)), output.table.name, [*output.table.base_source().names(), *ADDED_COLUMNS.names]
        )
        return Selected(Table(source, _remaining_columns(output, source.names()), output.table.bad_rows), summary)
    write_quarantine(out, output.table.bad_rows)
    if is_flat_path(out):
        write_flat(output, out, _build_work(output.table, request, output.rule, out.parent), books, lengths)
    else:
        _write_store_once(output, out, _build_work(output.table, request, output.rule, out), books)
        for chunk in output.table.read_rows(output.rows):
            if output.table.has_role("text"):
                lengths.add_kept(output.table.role_array(chunk, "text"))
    return Selected(_reopen_output(output, out, len(output)), {**summary, "out": str(out)})


def _reopen_output(output: OutputRows, out: Location, rows: int) -> Table:
    names = [*output.table.base_source().names(), *ADDED_COLUMNS.names]
    return reopen_table(out, _remaining_columns(output, None), rows, names)


def _remaining_columns(output: OutputRows, names: list[str] | None) -> Columns:
    """The parts that still have their column in the result."""
    available = output.table.base_source().names() if names is None else names
    return make_columns(**{part: name for part, name in output.table.columns.to_dict().items() if name in available})


def _write_store_once(output: OutputRows, out: Location, work: WorkSpec, books: RowCounts) -> None:
    if find_finished_receipt(out, work) is None:
        if not any(out == path.parent for path in output.table.source.paths()):
            prepare_store_folder(out)
        write_store(output, out, work, books)


def _write_control(output: OutputRows, rows: RowNumbers, request: SelectRequest, books: RowCounts) -> Rows:
    control = replace(output, rows=rows, rule="control")
    out = request.control if isinstance(request.control, Location) else None
    if out is None:
        source = MemorySource(
            list(control.chunks()), output.table.name, [*output.table.base_source().names(), *ADDED_COLUMNS.names]
        )
        return Rows(
            Table(source, _remaining_columns(output, source.names()), output.table.bad_rows), {"rows": len(control)}
        )
    control_counts = RowCounts(
        books.rows_in,
        len(rows),
        books.rows_in - books.reject - len(rows),
        books.reject,
        {"not drawn": books.drop, **_bad_row_counts(books)},
    )
    if is_flat_path(out):
        write_flat(control, out, _build_work(control.table, request, control.rule, out.parent), control_counts)
    else:
        _write_store_once(control, out, _build_work(control.table, request, control.rule, out), control_counts)
    return Rows(_reopen_output(control, out, len(control)), {"rows": len(control)})


def _bad_row_counts(books: RowCounts) -> dict[str, int]:
    return {"bad row": books.reject} if books.reject else {}


def build_summary(table: Table, rule: str, state: SelectionState, total: int) -> dict[str, Any]:
    """What was chosen of the table, in plain numbers."""
    return {
        "table": table.name,
        "columns": table.columns.to_dict(),
        "rule": rule,
        "rows_in": total,
        "quarantined": len(table.bad_rows),
        "undecided": state.undecided,
        "without_score": state.without_score,
        "selected": state.count,
        "real": 0,
        "steps": state.steps,
    }
