"""Estimates what editing a whole table would cost and change, from some of its texts.

The texts are drawn by a seeded hash of their row numbers, edited and timed. Shares are those of the drawn texts; times
are scaled up by the number of characters. Hours on a GPU are computed, not measured: two operations for each parameter
and token, at the stated speed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.errors import UsageError
from winnow.stages.edit.edit_counts import EditTally, describe_edits
from winnow.stages.edit.editor import EditInput
from winnow.stages.edit.shard_map import EditMap, split_pieces, to_edits_batch
from winnow.stages.results import TextReport
from winnow.statistics.row_random import draw_number
from winnow.tables.table import Table

DEFAULT_DOCUMENTS = 1000
DEFAULT_TERAFLOPS = 100.0
"""The assumed speed of a GPU, waiting included."""
BATCH_TEXTS = 64


@dataclass(frozen=True)
class EditEstimate(TextReport):
    """The estimated costs of editing a table, and what editing changed in the sample."""

    summary: dict[str, Any]

    def describe(self) -> str:
        summary = self.summary
        lines = [f"estimated from {summary['documents']:,} of {summary['rows']:,} texts of {summary['table']}"]
        lines += describe_edits(summary["shares"])
        lines.append(
            f"  the whole: {summary['tokens']:,} tokens, {summary['hours_here']:.2f} hours on this {summary['device']}"
        )
        if summary["gpu_hours"] is not None:
            model = f"{summary['parameters'] / 1e6:,.1f} million parameters"
            lines.append(f"  {summary['gpu_hours']:.3g} GPU-hours at {summary['gpu_teraflops']:g} TFLOP/s ({model})")
        return "\n".join(lines)


def estimate_editing(
    table: Table, edit_map: EditMap, teraflops: float = DEFAULT_TERAFLOPS, documents: int = DEFAULT_DOCUMENTS
) -> EditEstimate:
    """Edit some of the texts, write nothing, and estimate what editing all of them would cost.

    Args:
        table: The texts.
        edit_map: The model and the options.
        teraflops: The speed of the GPU for which hours are computed.
        documents: How many texts to draw.
    """
    if not teraflops > 0:
        raise UsageError("--gpu-tflops", f"{teraflops:g} is not a speed", "Give the speed of your GPU in TFLOP/s")
    edit_map.work(table, Path())
    edit_map = replace(edit_map, options=edit_map.options.model_copy(update={"read_again": 0}))
    sample, rows, characters = _sample_texts(table, edit_map, documents)
    sample_characters = sum(len(text_input.text) for text_input in sample.values())
    if not sample_characters:
        raise UsageError("--estimate", f"{table.name} has no text", "Give a table with texts")
    tally, seconds = _time_editing(edit_map, sample)
    tokens = sum(counts.tokens for counts in tally.rounds)
    scale, parameters = characters / sample_characters, getattr(edit_map.load_prior(), "parameters", None)
    operations = None if parameters is None else 2 * parameters * tokens * scale
    summary = {
        "table": table.name,
        "rows": rows,
        "documents": len(sample),
        "tokens": round(tokens * scale),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "device": getattr(edit_map.load_prior(), "device", "cpu"),
        "hours_here": seconds * scale / 3600,
        "parameters": parameters,
        "gpu_teraflops": teraflops,
        "gpu_hours": None if operations is None else operations / (teraflops * 1e12) / 3600,
        "shares": tally.to_dict(),
    }
    return EditEstimate(summary)


def _sample_texts(table: Table, edit_map: EditMap, limit: int) -> tuple[dict[int, EditInput], int, int]:
    """Draw texts, in the order of their rows; and count all rows and characters."""
    rows = characters = 0

    def draw_texts() -> Iterator[tuple[int, int, EditInput]]:
        nonlocal rows, characters
        for piece in split_pieces(table, edit_map.options):
            for row, text_input in zip(piece.chunk.row_numbers.tolist(), piece.inputs, strict=True):
                rows, characters = rows + 1, characters + len(text_input.text)
                yield draw_number(edit_map.options.seed, "edit estimate", str(row)), row, text_input

    drawn = heapq.nsmallest(limit, draw_texts())
    return dict(sorted(entry[1:] for entry in drawn)), rows, characters


def _time_editing(edit_map: EditMap, sample: dict[int, EditInput]) -> tuple[EditTally, float]:
    editor = edit_map.make_editor()
    rows, inputs = list(sample), list(sample.values())
    tally, start = EditTally(), perf_counter()
    for first in range(0, len(rows), BATCH_TEXTS):
        part = slice(first, first + BATCH_TEXTS)
        tally.add(to_edits_batch(rows[part], inputs[part], editor.edit_texts(inputs[part])))
    return tally, perf_counter() - start
