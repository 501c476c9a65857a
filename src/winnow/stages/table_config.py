"""How a table is read: which column plays which role, and where labels and verdicts stand if not in the table.

Every stage takes these options beside its own. Nothing here reads a row.
"""

from __future__ import annotations

from typing import Annotated, Any

from winnow.stages.columns_in_use import with_verdict_columns
from winnow.stages.config import StageConfig, option
from winnow.stages.results import Rows
from winnow.tables.columns import Columns, make_columns
from winnow.tables.open_table import join_labels, join_verdicts, open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.table import Table

COLUMNS = "Columns (guessed from common names unless given)"
READING = "Reading"


def column(description: str) -> Any:
    """An option that names a column."""
    return option(description, panel=COLUMNS, metavar="COLUMN")


class RoleColumns(StageConfig):
    """The columns that play a role."""

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
        Any,
        option(
            "A file of labels, joined by candidate id, else by row.", panel=READING, metavar="FILE", command_type=str
        ),
    ] = None
    verdicts: Annotated[
        Any,
        option("A store of verdicts, joined by candidate id.", panel=READING, metavar="STORE", command_type=str),
    ] = None
    bad_rows: Annotated[
        str | None,
        option(
            "What to do with a row that cannot be read: refuse (default), or quarantine:N to set up to N aside.",
            panel=READING,
            metavar="RULE",
        ),
    ] = None

    def columns(self) -> Columns:
        """The columns that were named, but for those of verdicts, which may name a verifier (see `open_input`)."""
        names = self.model_dump(exclude={"verdict", "labels", "verdicts", "bad_rows"}, exclude_none=True)
        return make_columns(**names)


def open_input(source: object, config: TableConfig, *, several_labelers: bool = False) -> Table:
    """Open what a stage works on: a path, a store, rows in memory, a result of another stage.

    Args:
        source: A path, a glob, a store, `-`, a list of dictionaries, a data frame, or a result of winnow.
        config: Which columns play which role, and what is joined.
        several_labelers: Whether a file of labels may have a column `by` and several labels for a row.
    """
    columns = config.columns()
    table = source.table if isinstance(source, Rows) else source
    if isinstance(table, Table) and columns.to_dict():
        table = Table(table.source, make_columns(**{**table.columns.to_dict(), **columns.to_dict()}), table.bad_rows)
    # A label named beside a file of labels is a column of that file.
    own_columns = columns if config.labels is None else make_columns(**{**columns.to_dict(), "label": None})
    opened = open_rows(table, own_columns, None if config.bad_rows is None else BadRows.parse(config.bad_rows))
    if config.verdicts is not None:
        opened = join_verdicts(opened, config.verdicts)
    if config.verdict is not None:
        opened = with_verdict_columns(opened, config.verdict)
    return opened if config.labels is None else join_labels(opened, config.labels, columns.label, several_labelers)
