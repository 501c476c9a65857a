"""Where chosen rows go: a flat file, a store, or memory; and the real rows and the control beside them.

A flat file holds the chosen rows as they came, in their order, then the real rows, each with `winnow_rule` and
`winnow_weight`. A store holds (row, candidate_id, prompt_id, weight, rule) and reads joined with its source.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError
from winnow.stages.results import align_columns
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.pool import chunks_with_ids
from winnow.stages.select.shift import TextLengths
from winnow.statistics.row_random import draw_number
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.storage.store import StoreWriter
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.flat_file import FlatLayout, write_flat_file
from winnow.tables.table import RoleArrays, Table
from winnow.tables.unique_ids import UniqueIdChecker

ADDED_COLUMNS = pa.schema([("winnow_rule", pa.string()), ("winnow_weight", pa.float64())])
SELECTION_SCHEMA = pa.schema(
    [
        *(("row", pa.int64()), ("candidate_id", pa.string()), ("prompt_id", pa.string())),
        *(("weight", pa.float64()), ("rule", pa.string())),
    ]
)


@dataclass(frozen=True)
class RealRows:
    """Rows people wrote, mixed in after the selected ones."""

    table: Table
    rows: RowNumbers


@dataclass(frozen=True)
class OutputRows:
    """Row numbers of a table under one rule, with the real rows that follow them."""

    table: Table
    rows: RowNumbers
    rule: str
    real: RealRows | None

    def __len__(self) -> int:
        return len(self.rows) + (len(self.real.rows) if self.real else 0)

    def chunks(self, lengths: TextLengths | None = None) -> Iterator[Chunk]:
        """The whole rows, marked with their rule and weight."""
        for chunk in self.table.read_rows(self.rows):
            if lengths is not None and self.table.has_role("text"):
                lengths.add_kept(self.table.role_array(chunk, "text"))
            yield add_rule_columns(chunk, self.rule)
        if self.real is not None:
            for chunk in self.real.table.read_rows(self.real.rows):
                yield add_rule_columns(chunk, "real")


def add_rule_columns(chunk: Chunk, rule: str) -> Chunk:
    """The rows with why they were chosen and what they weigh."""
    rules = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(chunk), np.int32)), pa.array([rule])).cast(pa.string())
    return chunk.with_columns({"winnow_rule": rules, "winnow_weight": pa.array(np.ones(len(chunk)))})


def draw_real_rows(
    table: Table, share: float, selected: int, evaluation: EvaluationPrompts | None, seed: int
) -> RealRows:
    """As many rows as make this share of the whole, drawn by seeded hash; evaluation prompts are left out."""
    row_count = int(share / (1 - share) * selected + 0.5)
    drawn: list[tuple[int, int]] = []
    for chunk, parts in table.read_roles(["prompt_text"] if evaluation is not None else []):
        is_excluded = (
            evaluation.find_matches(parts["prompt_text"]).to_pylist()
            if evaluation is not None
            else [False] * len(chunk)
        )
        drawn += [
            (draw_number(seed, "mix-real", str(row)), int(row))
            for row, excluded in zip(chunk.row_numbers, is_excluded, strict=True)
            if not excluded
        ]
    if len(drawn) < row_count:
        reachable_share = math.floor(1000 * len(drawn) / (len(drawn) + selected)) / 1000
        problem = f"{share:g} of the result needs {row_count:,} real rows and {table.name} has {len(drawn):,}"
        raise UsageError(
            "--real-share",
            problem,
            f"State at most {reachable_share:.3f}, select fewer rows with --max-rows, or give more real rows",
        )
    return RealRows(table, np.sort(np.array([row for _, row in sorted(drawn)[:row_count]], np.int64)))


def write_flat(
    output: OutputRows, out: Location, work: WorkSpec, books: RowCounts, lengths: TextLengths | None = None
) -> None:
    """A flat file and its receipt."""
    source = output.table.base_source()
    layout = FlatLayout(source, output.table.bad_rows, ADDED_COLUMNS)
    mixed_schema: pa.Schema | None = None
    if output.real is not None and out.suffix != ".jsonl":
        layout.refuse_other_columns(
            output.real.table.source, output.real.table.bad_rows, typed=out.suffix == ".parquet"
        )
        mixed_schema = layout.schema()
    with write_flat_file(out, layout) as file:
        for chunk in output.chunks(lengths):
            file.write(chunk if mixed_schema is None else align_columns(chunk, mixed_schema))
    file.finish("selection", work, books, len(output))


def write_store(output: OutputRows, out: Location, work: WorkSpec, books: RowCounts) -> None:
    """A store of the choice; the rows themselves stay where they are."""
    prompts = output.table.has_role("prompt")
    with StoreWriter(out, "selection", work, SELECTION_SCHEMA) as store, UniqueIdChecker(output.table) as ids:
        for chunk, parts in chunks_with_ids(output.table, ["prompt"] if prompts else []):
            ids.add(chunk.row_numbers, parts)
            if (batch := to_store_batch(chunk, parts, output.rows, output.rule)).num_rows:
                store.write(batch)
        ids.check()
        store.finish(books)


def to_store_batch(chunk: Chunk, parts: RoleArrays, selected_rows: RowNumbers, rule: str) -> pa.RecordBatch:
    """The chosen rows among these, as a store holds them."""
    low, high = np.searchsorted(selected_rows, [chunk.row_numbers[0], chunk.row_numbers[-1] + 1])
    rows = selected_rows[low:high]
    positions = pa.array(np.searchsorted(chunk.row_numbers, rows))
    prompt_ids = parts["prompt"] if "prompt" in parts else pa.nulls(len(chunk), pa.string())
    weights, rules = pa.array(np.ones(len(rows))), pa.array([rule] * len(rows), pa.string())
    arrays = [pa.array(rows), parts["id"].take(positions), prompt_ids.take(positions), weights, rules]
    return pa.RecordBatch.from_arrays(arrays, schema=SELECTION_SCHEMA)
