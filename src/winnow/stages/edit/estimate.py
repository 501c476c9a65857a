"""What editing a whole table would cost and change, from some of its texts.

The texts are drawn by a seeded hash of their row numbers in one pass, then edited and timed; shares are those of the
drawn texts, times are in proportion to characters. Hours on a GPU are no measurement: two operations for each parameter
and token that is read, at a stated speed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.data.errors import UsageError
from winnow.data.streams import draw_number
from winnow.data.table import Table
from winnow.stages.edit.editing import Editing, as_stored, pieces
from winnow.stages.edit.editor import Given
from winnow.stages.edit.figures import Tally, said
from winnow.stages.edit.stage import count
from winnow.stages.results import Spoken

DOCUMENTS = 1000
TERAFLOPS = 100.0
"""What a GPU gets done in a second, waiting included, unless stated."""
TOGETHER = 64


@dataclass(frozen=True)
class Estimate(Spoken):
    """Costs of the whole, shares of a part."""

    summary: dict[str, Any]

    def words(self) -> str:
        of = self.summary
        lines = [f"estimated from {of['documents']:,} of {of['rows']:,} texts of {of['table']}"]
        lines += said(of["shares"])
        lines.append(f"  the whole: {of['tokens']:,} tokens, {of['hours_here']:.2f} hours on this {of['device']}")
        if of["gpu_hours"] is not None:
            model = f"{of['parameters'] / 1e6:,.1f} million parameters"
            lines.append(f"  {of['gpu_hours']:.3g} GPU-hours at {of['gpu_teraflops']:g} TFLOP/s ({model})")
        return "\n".join(lines)


def estimate(table: Table, editing: Editing, teraflops: float = TERAFLOPS, documents: int = DOCUMENTS) -> Estimate:
    """Edit some of the texts, write nothing, and say what the whole would take."""
    if not teraflops > 0:
        raise UsageError("--gpu-tflops", f"{teraflops:g} is no speed", "State what your GPU gets done, in TFLOP/s")
    editing.work(table, Path())
    drawn, rows, characters = _drawn(table, editing, documents)
    part = sum(len(one.text) for _, one in drawn)
    if not part:
        raise UsageError("--estimate", f"{table.name} has no text", "Give a table with texts")
    tally, spent = _edited(editing, drawn)
    tokens = sum(one.tokens for one in tally.rounds)
    scale, size = characters / part, getattr(editing.prior(), "parameters", None)
    work = None if size is None else 2 * size * tokens * scale
    summary = {
        "table": table.name,
        "rows": rows,
        "documents": len(drawn),
        "tokens": round(tokens * scale),
        "seconds": spent,
        "tokens_per_second": tokens / spent,
        "device": getattr(editing.prior(), "device", "cpu"),
        "hours_here": spent * scale / 3600,
        "parameters": size,
        "gpu_teraflops": teraflops,
        "gpu_hours": None if work is None else work / (teraflops * 1e12) / 3600,
        "shares": tally.plain(),
    }
    return Estimate(summary)


def _drawn(table: Table, editing: Editing, most: int) -> tuple[list[tuple[int, Given]], int, int]:
    """Texts drawn by hash, in the order of their rows; how many rows and characters there are."""
    heap: list[tuple[int, int, Given]] = []
    rows = characters = 0
    for piece in pieces(table, editing.logprobs):
        for row, given in zip(piece.chunk.rows.tolist(), piece.given, strict=True):
            rows, characters = rows + 1, characters + len(given.text)
            entry = (-draw_number(editing.settings.seed, "edit estimate", str(row)), row, given)
            if len(heap) < most:
                heapq.heappush(heap, entry)
            elif entry[0] > heap[0][0]:
                heapq.heapreplace(heap, entry)
    return sorted(((row, given) for _, row, given in heap), key=lambda one: one[0]), rows, characters


def _edited(editing: Editing, drawn: list[tuple[int, Given]]) -> tuple[Tally, float]:
    editor = replace(editing, settings=replace(editing.settings, read_again=0)).editor()
    tally, start = Tally(), perf_counter()
    for first in range(0, len(drawn), TOGETHER):
        some = drawn[first : first + TOGETHER]
        given = [one for _, one in some]
        count(tally, as_stored([row for row, _ in some], given, editor.edited(given)))
    return tally, perf_counter() - start
