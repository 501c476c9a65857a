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

from winnow.data.chunks import Chunk, Rows
from winnow.data.errors import UsageError
from winnow.data.places.place import Place
from winnow.data.stores.flat import Layout, flat_file
from winnow.data.stores.receipts import Books, Work
from winnow.data.stores.store import StoreWriter
from winnow.data.stores.unique import UniqueIds
from winnow.data.streams import draw_number
from winnow.data.table import Parts, Table
from winnow.stages.results import laid_out
from winnow.stages.select.contamination import Evaluation
from winnow.stages.select.pool import identified
from winnow.stages.select.shift import Lengths

ADDED = pa.schema([("winnow_rule", pa.string()), ("winnow_weight", pa.float64())])
STORED = pa.schema(
    [
        *(("row", pa.int64()), ("candidate_id", pa.string()), ("prompt_id", pa.string())),
        *(("weight", pa.float64()), ("rule", pa.string())),
    ]
)


@dataclass(frozen=True)
class RealRows:
    """Rows people wrote, mixed in after the selected ones."""

    table: Table
    rows: Rows


@dataclass(frozen=True)
class Picked:
    """Row numbers of a table under one rule, with the real rows that follow them."""

    table: Table
    rows: Rows
    rule: str
    real: RealRows | None

    def __len__(self) -> int:
        return len(self.rows) + (len(self.real.rows) if self.real else 0)

    def chunks(self, lengths: Lengths | None = None) -> Iterator[Chunk]:
        """The whole rows, marked with their rule and weight."""
        for chunk in self.table.pick(self.rows):
            if lengths is not None and self.table.has("text"):
                lengths.add_kept(self.table.part(chunk, "text"))
            yield marked(chunk, self.rule)
        if self.real is not None:
            for chunk in self.real.table.pick(self.real.rows):
                yield marked(chunk, "real")


def marked(chunk: Chunk, rule: str) -> Chunk:
    """The rows with why they were chosen and what they weigh."""
    rules = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(chunk), np.int32)), pa.array([rule])).cast(pa.string())
    return chunk.with_columns({"winnow_rule": rules, "winnow_weight": pa.array(np.ones(len(chunk)))})


def real_rows(table: Table, share: float, kept: int, evaluation: Evaluation | None, seed: int) -> RealRows:
    """As many rows as make this share of the whole, drawn by seeded hash; evaluation prompts are left out."""
    wanted = int(share / (1 - share) * kept + 0.5)
    drawn: list[tuple[int, int]] = []
    for chunk, parts in table.parts(["prompt_text"] if evaluation is not None else []):
        known = evaluation.marked(parts["prompt_text"]).to_pylist() if evaluation is not None else [False] * len(chunk)
        drawn += [
            (draw_number(seed, "mix-real", str(row)), int(row))
            for row, out in zip(chunk.rows, known, strict=True)
            if not out
        ]
    if len(drawn) < wanted:
        reached = math.floor(1000 * len(drawn) / (len(drawn) + kept)) / 1000
        problem = f"{share:g} of the result needs {wanted:,} real rows and {table.name} has {len(drawn):,}"
        raise UsageError(
            "--real-share",
            problem,
            f"State at most {reached:.3f}, select fewer rows with --max-rows, or give more real rows",
        )
    return RealRows(table, np.sort(np.array([row for _, row in sorted(drawn)[:wanted]], np.int64)))


def write_flat(picked: Picked, out: Place, work: Work, books: Books, lengths: Lengths | None = None) -> None:
    """A flat file and its receipt."""
    source = picked.table.original()
    layout = Layout(source, picked.table.bad, ADDED)
    mixed: pa.Schema | None = None
    if picked.real is not None and out.suffix != ".jsonl":
        layout.refuse_unlike(picked.real.table.source, picked.real.table.bad, typed=out.suffix == ".parquet")
        mixed = layout.schema()
    with flat_file(out, layout) as file:
        for chunk in picked.chunks(lengths):
            file.write(chunk if mixed is None else laid_out(chunk, mixed))
    file.finish("selection", work, books, len(picked))


def write_store(picked: Picked, out: Place, work: Work, books: Books) -> None:
    """A store of the choice; the rows themselves stay where they are."""
    prompts = picked.table.has("prompt")
    with StoreWriter(out, "selection", work, STORED) as store, UniqueIds(picked.table) as ids:
        for chunk, parts in identified(picked.table, ["prompt"] if prompts else []):
            ids.add(chunk.rows, parts)
            if (batch := stored(chunk, parts, picked.rows, picked.rule)).num_rows:
                store.write(batch)
        ids.check()
        store.finish(books)


def stored(chunk: Chunk, parts: Parts, chosen: Rows, rule: str) -> pa.RecordBatch:
    """The chosen rows among these, as a store holds them."""
    low, high = np.searchsorted(chosen, [chunk.rows[0], chunk.rows[-1] + 1])
    rows = chosen[low:high]
    where = pa.array(np.searchsorted(chunk.rows, rows))
    key = parts["prompt"] if "prompt" in parts else pa.nulls(len(chunk), pa.string())
    weights, rules = pa.array(np.ones(len(rows))), pa.array([rule] * len(rows), pa.string())
    arrays = [pa.array(rows), parts["id"].take(where), key.take(where), weights, rules]
    return pa.RecordBatch.from_arrays(arrays, schema=STORED)
