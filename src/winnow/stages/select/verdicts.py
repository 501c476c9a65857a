"""Which verdicts a selection goes by, and whether there are any."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.data.table import Table


def any_verdict(table: Table, columns: Sequence[str]) -> bool:
    """Whether any row has a verdict in one of these columns; a verifier that only scored left none."""
    if not columns:
        return False
    for chunk, _ in table.parts([], also=columns):
        if any(value not in (None, "") for name in columns for value in chunk.values(name)):
            return True
    return False
