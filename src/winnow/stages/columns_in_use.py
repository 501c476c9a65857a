"""Which columns of verdicts and scores a stage goes by: as named, as guessed, or the only ones there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from winnow.errors import UsageError
from winnow.tables.table import Table


def verdict_columns(table: Table, requested: str | None) -> list[str]:
    """The columns whose verdicts decide `--passed`: as named, or every column of verdicts there is."""
    if requested is not None:
        return [_find_verdict_column(name, table) for name in requested.split(",")]
    if table.columns.verdict is not None:
        return table.columns.verdict.split(",")
    return [name for name in table.names() if name.endswith(".verdict")]


def _find_verdict_column(name: str, table: Table) -> str:
    names = table.names()
    for candidate in (f"{name}.verdict", name):
        if candidate in names:
            return candidate
    known = ", ".join(n for n in names if n.endswith("verdict")) or "none"
    raise UsageError("--verdict", f"'{name}' is no column of verdicts in {table.name}", f"Known: {known}")


def with_score_column(table: Table) -> Table:
    """The table with its score column settled: as named or guessed, or the only NAME.score that holds any."""
    if table.columns.score is not None:
        return table
    found = [name for name in table.names() if name.endswith(".score")]
    if len(found) != 1:
        known = f"there are several: {', '.join(found)}" if found else "there is none"
        raise UsageError(
            "--score",
            f"the rules need scores and {table.name} names no score column ({known})",
            "Name it: --score COLUMN",
        )
    columns = replace(table.columns.without_guesses(), score=found[0])
    return Table(table.source, columns, table.bad_rows)


def has_verdicts(table: Table, columns: Sequence[str]) -> bool:
    """Whether any row has a verdict in one of these columns; a verifier that only scored left none."""
    if not columns:
        return False
    for chunk, _ in table.read_roles([], extra_columns=columns):
        if any(value not in (None, "") for name in columns for value in chunk.values(name)):
            return True
    return False
