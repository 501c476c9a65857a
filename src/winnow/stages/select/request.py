"""A selection that has been checked: everything that can be refused is refused before a row is read."""

from __future__ import annotations

from dataclasses import dataclass

from winnow.errors import UsageError, format_value
from winnow.stages.columns_in_use import has_verdicts, verdict_columns, with_score_column
from winnow.stages.select.config import SelectConfig
from winnow.storage.locations.location import Location, parse_location
from winnow.storage.receipts import WorkSpec
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.open_table import embed_source, open_rows, source_receipt
from winnow.tables.table import Table

VERSION = 2
NOT_IN_IDENTITY = ("exclude", "mix_real", "control")
"""Options whose tables are part of the identity as sources, and the control, which has its own."""


@dataclass(frozen=True, eq=False)
class SelectRequest:
    """A selection from a table, with all it needs opened.

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
    """Refuse to write over what is read, or the control over the selection. (The table itself is checked later.)"""
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
