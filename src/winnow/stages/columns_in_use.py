"""Which columns of verdicts and scores a stage uses: those that are named or guessed, or the only ones there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from winnow.errors import UsageError
from winnow.tables.table import Table


def verdict_columns(table: Table, requested: str | None) -> list[str]:
    """The columns of verdicts that decide: those requested (as a,b), else those of the table, else all there are."""
    if requested is not None:
        return [_find_verdict_column(name.strip(), table) for name in requested.split(",")]
    if table.columns.verdict is not None:
        return table.columns.verdict.split(",")
    return [name for name in table.names() if name.endswith(".verdict")]


def with_verdict_columns(table: Table, requested: str) -> Table:
    """The table with these columns of verdicts; NAME alone stands for NAME.verdict."""
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
