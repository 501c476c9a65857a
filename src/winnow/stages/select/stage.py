"""select on a table: choose the rows, write them and their control, and report how the selection shifts the data.

Everything that can be refused is refused before a row is read. The rows are chosen on a narrow table in DuckDB (see
`pool`); only chosen rows are read whole. Undecided rows and rows without a score are never chosen, and are counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from winnow.errors import UsageError, format_value
from winnow.stages.output import ResultSpec, count_rows, is_store_finished, write_batches, write_rows
from winnow.stages.results import Rows, align_columns
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.output import (
    ADDED_COLUMNS,
    CONTROL,
    SELECTION_SCHEMA,
    draw_real_rows,
    store_batches,
    whole_rows,
)
from winnow.stages.select.report import Selected
from winnow.stages.select.row_choice import ShardSelection, choose_rows, summarize_counts
from winnow.stages.select.text_lengths import TextLengths
from winnow.stages.table_config import has_verdicts, verdict_columns, with_score_column
from winnow.storage.locations.location import Location, parse_location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.open_table import embed_source, open_rows, source_receipt
from winnow.tables.table import Table

VERSION = 2
NOT_IN_IDENTITY = ("exclude", "mix_real", "control")
"""Options whose tables are part of the identity as sources, and the control, which has its own."""


def select(table: Table, config: SelectConfig, out: Location | None = None) -> Selected:
    """Choose rows of a table by rules that apply in a fixed order.

    Args:
        table: The candidates.
        config: The rules, the other tables, and whether a control is drawn.
        out: A flat file or a folder for a store; without it the rows stay in memory.
    """
    return select_requested(check_request(table, config, out))


def select_requested(request: SelectRequest) -> Selected:
    """Make a selection that was checked."""
    config, table = request.config, request.table
    evaluation = None if request.exclude is None else EvaluationPrompts(request.exclude, config.exclude_by)
    choice = choose_rows(ShardSelection(config, request.verdicts(), evaluation), table, None, bool(request.control))
    selected, control = len(choice.rows), len(choice.control)
    real = None
    if request.real is not None and config.real_share is not None:
        real = draw_real_rows(request.real, config.real_share, selected, evaluation, config.seed)
    real_count = 0 if real is None else len(real)
    output, rule = _Output(request, real), config.describe()
    counts = count_rows(table.bad_rows, choice.total, selected, choice.state.dropped)
    with choice.lengths.sample_raw_lengths(table):
        written = output.write(choice.rows, rule, request.out, counts, choice.lengths)
    summary = summarize_counts(table, rule, choice.counts())
    place = {} if request.out is None else {"out": str(request.out)}
    result = Selected(written, {**summary, **place, "rows": selected + real_count, "real": real_count})
    if request.control:
        path = request.control if isinstance(request.control, Location) else None
        counts = count_rows(table.bad_rows, choice.total, control, {"not drawn": choice.total - control})
        written = output.write(choice.control, CONTROL, path, counts)
        result.control = Rows(written, {"rows": control + real_count})
        result.summary["control"] = {"rows": control + real_count, "out": None if path is None else str(path)}
    return result


@dataclass(frozen=True, eq=False)
class _Output:
    """Writes rows of the table, with the real rows behind them."""

    request: SelectRequest
    real: RowNumbers | None

    def write(
        self,
        rows: RowNumbers,
        rule: str,
        out: Location | None,
        counts: RowCounts,
        lengths: TextLengths | None = None,
    ) -> Table:
        """Write the rows to a flat file or a store, or keep them in memory, and count the lengths of their texts."""
        table = self.request.table
        result = ResultSpec(
            "selection",
            table,
            ADDED_COLUMNS,
            lambda folder: self.request.work(rule, folder),
            source=table.base_source(),
            lists_bad_rows=rule != CONTROL,
        )
        if out is None or is_flat_path(out):
            chunks = whole_rows(table, rows, rule, lengths)
            return write_rows(result, self._add_real_rows(chunks, result, out), out, counts)
        if not is_store_finished(result, out):
            write_batches(result, SELECTION_SCHEMA, store_batches(table, rows, rule), out, lambda: counts)
        if lengths is not None and table.has_role("text"):
            for chunk in table.read_rows(rows):
                lengths.add_kept(table.role_array(chunk, "text"))
        return open_rows(out)

    def _add_real_rows(self, chunks: Iterator[Chunk], result: ResultSpec, out: Location | None) -> Iterator[Chunk]:
        real = self.request.real
        if real is None or self.real is None:
            return chunks
        mixed = itertools.chain(chunks, whole_rows(real, self.real, "real"))
        if out is None or out.suffix == ".jsonl":
            return mixed
        layout = result.layout()
        layout.refuse_other_columns(real.source, real.bad_rows, typed=out.suffix == ".parquet")
        schema = layout.schema()
        return (align_columns(chunk, schema) for chunk in mixed)


@dataclass(frozen=True, eq=False)
class SelectRequest:
    """A selection that has been checked, with the tables that it needs.

    Attributes:
        table: The candidates, with a score column if the rules need one.
        config: The options, with `passed` decided.
        exclude: The evaluation prompts.
        real: The real rows to mix in.
        out: Where the selection is written; None keeps it in memory.
        control: Whether a control is drawn, or where it is written.
    """

    table: Table
    config: SelectConfig
    exclude: Table | None
    real: Table | None
    out: Location | None
    control: Location | bool

    def verdicts(self) -> tuple[str, ...]:
        """The columns of verdicts that decide."""
        return tuple(verdict_columns(self.table, None)) if self.config.passed else ()

    def work(self, rule: str, folder: Location) -> WorkSpec:
        """The identity of a result in this folder: of the selection, or with the rule `control` of the control."""
        other_tables = {"exclude": self.exclude, "real": self.real}
        sources = {name: source_receipt(table, folder) for name, table in other_tables.items() if table is not None}
        config = {"rules": {**self.config.identity(*NOT_IN_IDENTITY), "said": rule}}
        return WorkSpec("select", VERSION, config, {**source_receipt(self.table, folder), **sources})


def check_request(table: Table, config: SelectConfig, out: Location | None) -> SelectRequest:
    """Open the tables that a selection needs and check that it can be made.

    Args:
        table: The candidates.
        config: The options as they were given.
        out: Where the selection is written; None keeps it in memory.
    """
    exclude = None if config.exclude is None else open_rows(config.exclude)
    real = None if config.mix_real is None else open_rows(config.mix_real)
    control = config.control if isinstance(config.control, bool) else parse_location(config.control)
    config = _decide_passed(config, table)
    _refuse_shared_paths(exclude, real, out, control)
    folders = []
    for path, option in ((out, "--out"), (control, "--control")):
        if not isinstance(path, Location):
            continue
        if is_flat_path(path):
            refuse_overwriting(path, option)
        elif real is not None:
            problem = "real rows have no candidate id, so a store cannot hold them"
            raise UsageError(option, problem, "Write a flat file: .jsonl, .csv or .parquet")
        else:
            folders.append(path)
    table = with_score_column(table) if config.needs_scores() else table
    needed_roles = {"prompt": config.best_of is not None, "text": config.distinct, "prompt_text": exclude is not None}
    table.require_roles(*(role for role, is_needed in needed_roles.items() if is_needed))
    for folder in folders:
        table = embed_source(table, folder)
    return SelectRequest(table, config, exclude, real, out, control)


def _decide_passed(config: SelectConfig, table: Table) -> SelectConfig:
    """Decide `passed`: as given, else on if the table has verdicts."""
    columns = verdict_columns(table, None)
    if config.passed and not columns:
        raise UsageError("--passed", f"{table.name} has no verdicts", "Judge the table with verify first")
    if config.passed is None:
        config = config.model_copy(update={"passed": has_verdicts(table, columns)})
    if not config.has_selecting_rule():
        step = "Give --passed, --threshold, --best-of, --top-share, --distinct or --max-rows"
        raise UsageError("select", f"no rule is given and {table.name} has no verdicts", step)
    return config


def _refuse_shared_paths(
    exclude: Table | None, real: Table | None, out: Location | None, control: Location | bool
) -> None:
    """Refuse to write over a table that is read, or the control over the selection. The main table is checked later."""
    inputs = (("--exclude", exclude), ("--mix-real", real))
    option_of_path = {
        path.resolve(): option for option, table in inputs if table is not None for path in table.source.paths()
    }
    for option, place in (("--out", out), ("--control", control)):
        if not isinstance(place, Location):
            continue
        if other_option := option_of_path.get(place.resolve()):
            problem = f"{format_value(str(place))} is also what {other_option} names"
            raise UsageError(option, problem, "Name another file")
        option_of_path[place.resolve()] = option
