"""The rows of a selection as they are written: whole, with `winnow_rule` and `winnow_weight`, or as rows of a store."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError
from winnow.stages.chunk_reading import chunks_with_ids
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.text_lengths import TextLengths
from winnow.statistics.row_random import draw_number
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker

ADDED_COLUMNS = pa.schema([("winnow_rule", pa.string()), ("winnow_weight", pa.float64())])
SELECTION_SCHEMA = pa.schema(
    [
        *(("row", pa.int64()), ("candidate_id", pa.string()), ("prompt_id", pa.string())),
        *(("weight", pa.float64()), ("rule", pa.string())),
    ]
)
CONTROL = "control"
"""The rule of the rows of a control."""


def draw_real_rows(
    table: Table, share: float, selected: int, evaluation: EvaluationPrompts | None, seed: int
) -> RowNumbers:
    """Draw real rows, by seeded hash, so that they make up a share of the result; evaluation prompts are left out."""
    row_count = int(share / (1 - share) * selected + 0.5)
    drawn: list[tuple[int, int]] = []
    for chunk, roles in table.read_roles(["prompt_text"] if evaluation is not None else []):
        is_excluded = [False] * len(chunk)
        if evaluation is not None:
            is_excluded = evaluation.find_matches(roles["prompt_text"]).to_pylist()
        drawn += [
            (draw_number(seed, "mix-real", str(row)), int(row))
            for row, excluded in zip(chunk.row_numbers, is_excluded, strict=True)
            if not excluded
        ]
    if len(drawn) < row_count:
        reachable_share = math.floor(1000 * len(drawn) / (len(drawn) + selected)) / 1000
        problem = f"{share:g} of the result needs {row_count:,} real rows and {table.name} has {len(drawn):,}"
        step = f"Use at most {reachable_share:.3f}, select fewer rows with --max-rows, or give more real rows"
        raise UsageError("--real-share", problem, step)
    return np.sort(np.array([row for _, row in sorted(drawn)[:row_count]], np.int64))


def whole_rows(table: Table, rows: RowNumbers, rule: str, lengths: TextLengths | None = None) -> Iterator[Chunk]:
    """Yield chosen rows with all their columns, their rule and their weight; the lengths of texts are counted."""
    for chunk in table.read_rows(rows):
        if lengths is not None and table.has_role("text"):
            lengths.add_kept(table.role_array(chunk, "text"))
        count = len(chunk)
        yield chunk.with_columns({"winnow_rule": pa.repeat(rule, count), "winnow_weight": pa.array(np.ones(count))})


def store_batches(
    table: Table, rows: RowNumbers, rule: str, lengths: TextLengths | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield chosen rows as a store holds them; the lengths of texts are counted.

    Raises:
        BadTable: If two rows of the table have one id.
    """
    roles = ["prompt", *(["text"] if lengths is not None else [])]
    with UniqueIdChecker(table) as ids:
        for chunk, arrays in chunks_with_ids(table, [role for role in roles if table.has_role(role)]):
            ids.add(chunk.row_numbers, arrays)
            low, high = np.searchsorted(rows, [chunk.row_numbers[0], chunk.row_numbers[-1] + 1])
            positions = pa.array(np.searchsorted(chunk.row_numbers, rows[low:high]))
            if lengths is not None and "text" in arrays:
                lengths.add_kept(arrays["text"].take(positions))
            if count := int(high - low):
                prompts = arrays["prompt"].take(positions) if "prompt" in arrays else pa.nulls(count, pa.string())
                columns = [pa.array(rows[low:high]), arrays["id"].take(positions), prompts]
                columns += [pa.array(np.ones(count)), pa.repeat(rule, count)]
                yield pa.RecordBatch.from_arrays(columns, schema=SELECTION_SCHEMA)
        ids.check()
