"""How a table is read: which column has which role, and where labels and verdicts are if not in the table.

Every stage has these options besides its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from winnow.errors import UsageError, format_value, suggest_name
from winnow.stages.config import StageConfig, option
from winnow.stages.results import Rows
from winnow.tables.columns import Columns, make_columns
from winnow.tables.open_table import join_labels, join_verdicts, open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.table import Table

COLUMNS = "Columns (guessed from common names unless given)"
reading_option = partial(option, panel="Reading")


def column(description: str) -> Any:
    """An option that names a column."""
    return option(description, panel=COLUMNS, metavar="COLUMN")


class RoleColumns(StageConfig):
    """The columns that have a role."""

    id: Annotated[str | None, column("The id of a candidate.")] = None
    prompt: Annotated[str | None, column("What groups candidates: an id of the prompt, or its text.")] = None
    prompt_text: Annotated[str | None, column("The text of the prompt.")] = None
    text: Annotated[str | None, column("The text of the candidate.")] = None
    messages: Annotated[str | None, column("A list of chat messages whose last assistant turn is the candidate.")] = (
        None
    )
    reference: Annotated[str | None, column("The right answer.")] = None
    score: Annotated[str | None, column("A number for each candidate.")] = None
    label: Annotated[str | None, column("Labels (right or wrong, or a grade); several as a,b.")] = None
    round: Annotated[str | None, column("The round that a candidate comes from.")] = None


class TableConfig(RoleColumns):
    """The columns of a table, and what is joined to it."""

    verdict: Annotated[str | None, column("Verdicts (pass, fail, abstain, error); several as a,b.")] = None
    candidates: Annotated[
        str | None, column("A list of candidates in each row; several lists side by side as a,b.")
    ] = None
    labels: Annotated[
        Any, reading_option("A file of labels, joined by candidate id, else by row.", metavar="FILE", command_type=str)
    ] = None
    verdicts: Annotated[
        Any, reading_option("A store of verdicts, joined by candidate id.", metavar="STORE", command_type=str)
    ] = None
    bad_rows: Annotated[
        str | None,
        reading_option(
            "What to do with a row that cannot be read: refuse (default), or quarantine:N to set up to N aside.",
            metavar="RULE",
        ),
    ] = None

    def columns(self) -> Columns:
        """The columns that were named, except those of verdicts, which may name a verifier (see `open_input`)."""
        return make_columns(**self.model_dump(exclude={"verdict", "labels", "verdicts", "bad_rows"}, exclude_none=True))


def open_input(source: object, config: TableConfig, *, several_labelers: bool = False) -> Table:
    """Open what a stage works on: a path, a store, rows in memory, a result of another stage.

    Args:
        source: A path, a glob, a store, `-`, a list of dictionaries, a data frame, or a result of winnow.
        config: Which columns have which role, and what is joined.
        several_labelers: Whether a file of labels may have a column `by` and several labels for a row.
    """
    columns = config.columns()
    table = source.table if isinstance(source, Rows) else source
    if isinstance(table, Table) and columns.to_dict():
        table = Table(table.source, make_columns(**{**table.columns.to_dict(), **columns.to_dict()}), table.bad_rows)
    # If there is a file of labels, the label column is in that file.
    own_columns = columns if config.labels is None else make_columns(**{**columns.to_dict(), "label": None})
    opened = open_rows(table, own_columns, None if config.bad_rows is None else BadRows.parse(config.bad_rows))
    if config.verdicts is not None:
        opened = join_verdicts(opened, config.verdicts)
    if config.verdict is not None:
        opened = with_verdict_columns(opened, config.verdict)
    return opened if config.labels is None else join_labels(opened, config.labels, columns.label, several_labelers)


def require_named_column(table: Table, name: str, option: str) -> None:
    """Refuse the name of a column that the table does not have; `option` is where the user named it."""
    if name not in table.names():
        problem = f"{format_value(name)} is not a column of {table.name}"
        raise UsageError(option, problem, suggest_name(name, table.names()))


def verdict_columns(table: Table, requested: str | None) -> list[str]:
    """The columns of verdicts that decide: those requested (as a,b), else those of the table, else all there are."""
    if requested is not None:
        return [_find_verdict_column(name.strip(), table) for name in requested.split(",")]
    if table.columns.verdict is not None:
        return table.columns.verdict.split(",")
    return [name for name in table.names() if name.endswith(".verdict")]


def with_verdict_columns(table: Table, requested: str) -> Table:
    """The table with these columns of verdicts; NAME alone means NAME.verdict."""
    columns = replace(table.columns.without_guesses(), verdict=",".join(verdict_columns(table, requested)))
    return Table(table.source, columns, table.bad_rows)


def _find_verdict_column(name: str, table: Table) -> str:
    names = table.names()
    for candidate in (f"{name}.verdict", name):
        if candidate in names:
            return candidate
    known = ", ".join(n for n in names if n.endswith("verdict")) or "none"
    raise UsageError("--verdict", f"'{name}' is not a column of verdicts in {table.name}", f"Known: {known}")


def with_score_column(table: Table) -> Table:
    """The table with a score column: the one that is named or guessed, or the only NAME.score there is."""
    if table.columns.score is not None:
        return table
    candidates = [name for name in table.names() if name.endswith(".score")]
    if len(candidates) != 1:
        known = f"there are several: {', '.join(candidates)}" if candidates else "there is none"
        problem = f"the rules need scores and {table.name} names no score column ({known})"
        raise UsageError("--score", problem, "Name it: --score COLUMN")
    columns = replace(table.columns.without_guesses(), score=candidates[0])
    return Table(table.source, columns, table.bad_rows)


def has_verdicts(table: Table, columns: Sequence[str]) -> bool:
    """Whether any row has a verdict in one of these columns. A verifier that only scores gives none."""
    if not columns:
        return False
    for chunk, _ in table.read_roles([], extra_columns=columns):
        if any(value not in (None, "") for name in columns for value in chunk.values(name)):
            return True
    return False
