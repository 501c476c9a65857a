"""What editing a whole table would cost and change, from some of its texts.

The texts are drawn by a seeded hash of their row numbers in one pass, then edited and timed; shares are those of the
drawn texts, times are in proportion to characters. Hours on a GPU are no measurement: two operations for each parameter
and token that is read, at a stated speed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.errors import UsageError
from winnow.stages.edit.edit_counts import EditTally, describe_edits
from winnow.stages.edit.editor import EditInput
from winnow.stages.edit.shard_map import EditMap, split_pieces, to_edits_batch
from winnow.stages.edit.stage import add_to_tally
from winnow.stages.results import TextReport
from winnow.statistics.row_random import draw_number
from winnow.tables.table import Table

DEFAULT_DOCUMENTS = 1000
DEFAULT_TERAFLOPS = 100.0
"""What a GPU gets done in a second, waiting included, unless stated."""
BATCH_TEXTS = 64


@dataclass(frozen=True)
class EditEstimate(TextReport):
    """Costs of the whole, shares of a part."""

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
    """Edit some of the texts, write nothing, and say what the whole would take."""
    if not teraflops > 0:
        raise UsageError("--gpu-tflops", f"{teraflops:g} is no speed", "State what your GPU gets done, in TFLOP/s")
    edit_map.work(table, Path())
    sample, rows, characters = _sample_texts(table, edit_map, documents)
    sample_characters = sum(len(item.text) for _, item in sample)
    if not sample_characters:
        raise UsageError("--estimate", f"{table.name} has no text", "Give a table with texts")
    tally, seconds = _time_editing(edit_map, sample)
    tokens = sum(item.tokens for item in tally.rounds)
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


def _sample_texts(table: Table, edit_map: EditMap, limit: int) -> tuple[list[tuple[int, EditInput]], int, int]:
    """Texts drawn by hash, in the order of their rows; how many rows and characters there are."""
    heap: list[tuple[int, int, EditInput]] = []
    rows = characters = 0
    for piece in split_pieces(table, edit_map.options.logprobs):
        for row, text_input in zip(piece.chunk.row_numbers.tolist(), piece.inputs, strict=True):
            rows, characters = rows + 1, characters + len(text_input.text)
            entry = (-draw_number(edit_map.options.seed, "edit estimate", str(row)), row, text_input)
            if len(heap) < limit:
                heapq.heappush(heap, entry)
            elif entry[0] > heap[0][0]:
                heapq.heapreplace(heap, entry)
    return sorted(((row, text_input) for _, row, text_input in heap), key=lambda item: item[0]), rows, characters


def _time_editing(edit_map: EditMap, sample: list[tuple[int, EditInput]]) -> tuple[EditTally, float]:
    editor = EditMap(edit_map.model, edit_map.options.model_copy(update={"read_again": 0})).make_editor()
    tally, start = EditTally(), perf_counter()
    for first in range(0, len(sample), BATCH_TEXTS):
        batch = sample[first : first + BATCH_TEXTS]
        inputs = [text_input for _, text_input in batch]
        add_to_tally(tally, to_edits_batch([row for row, _ in batch], inputs, editor.edit_texts(inputs)))
    return tally, perf_counter() - start
