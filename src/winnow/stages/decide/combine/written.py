"""Where combined verdicts go: a store, a flat file, or columns beside rows that stay where they are.

The forms are those of verify, so measure and select read them alike; and a table so written goes by the combined
verdict and score, unless told otherwise. Labels that were learned from stay where they came from, and which ones they
were stands in the identity of the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from winnow.data.places.place import Place
from winnow.data.stores.flat import Layout, flat_file, is_flat, write_quarantine
from winnow.data.stores.joined import Attached
from winnow.data.stores.opening import open_rows, source_receipt
from winnow.data.stores.receipts import Books, Work
from winnow.data.stores.store import StoreWriter, finished_already, prepare
from winnow.data.table import Table
from winnow.stages.results import reopened
from winnow.stages.verify import KINDS, STORED
from winnow.stats.combine import Combined

VERSION = 1
SLICE = 1 << 16


@dataclass(frozen=True, eq=False)
class Result:
    """The combined verdict of the rows that were heard, and the reason of each, one of a few."""

    name: str
    rows: npt.NDArray[np.int64]
    combined: Combined
    reasons: pa.Array
    reason_of: npt.NDArray[np.int64]
    config: dict[str, Any]

    def columns(self) -> list[str]:
        """What stands beside each row."""
        return columns_of(self.name)

    def added(self) -> pa.Schema:
        """The same with their types."""
        return pa.schema(list(zip(self.columns(), KINDS.values(), strict=True)))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """In row order, as `Attached` takes them; at least one, for its types."""
        schema = pa.schema([("row", pa.int64()), *self.added()])
        for first in range(0, max(len(self.rows), 1), SLICE):
            part = slice(first, first + SLICE)
            arrays = [
                pa.array(self.rows[part]),
                pa.array(self.combined.verdict[part], pa.string()),
                pa.array(self.combined.score[part], from_pandas=True),
                self.reasons.take(pa.array(self.reason_of[part])),
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def columns_of(name: str) -> list[str]:
    """What a verifier of this name adds to a table."""
    return [f"{name}.{part}" for part in KINDS]


def beside(base: Table, read: Table, result: Result) -> Table:
    """The rows of `base` with the result's columns; `read` is the same with the labels that were learned from."""
    labels = {} if read is base else {"labels": read.source.receipt()["labels"]}
    source = Attached(base.source, result.batches, result.columns(), {**base.source.receipt(), **labels})
    verdict, score, _ = result.columns()
    return Table(source, replace(base.columns.stated(), verdict=verdict, score=score), base.bad)


def write(view: Table, result: Result, out: Place, prepared: bool) -> tuple[Table, bool]:
    """Write the view where `out` says; returns what was written, and whether it stood there already."""
    folder = out.parent if is_flat(out) else out
    verifier = {"name": result.name, "version": VERSION, "config": result.config}
    work = Work("combine", VERSION, {"verifiers": [verifier]}, source_receipt(view, folder))
    if is_flat(out):
        _flat(view, result, out, work)
        return reopened(out, view.columns, len(result.rows), view.names()), False
    if not prepared and finished_already(out, work) is not None:
        return open_rows(out), True
    if not prepared:
        prepare(out)
    _store(view, result, out, work)
    return open_rows(out), False


def _books(view: Table, result: Result) -> Books:
    rows, bad = len(result.rows), len(view.bad)
    return Books(rows + bad, rows, 0, bad, {"bad row": bad} if bad else {})


def _flat(view: Table, result: Result, out: Place, work: Work) -> None:
    assert isinstance(view.source, Attached)
    with flat_file(out, Layout(view.source.source, view.bad, result.added())) as file:
        for chunk in view.source.chunks(view.bad):
            file.write(chunk)
    write_quarantine(out, view.bad)
    file.finish("verdicts", work, _books(view, result), len(result.rows))


def _store(view: Table, result: Result, out: Place, work: Work) -> None:
    with StoreWriter(out, "verdicts", work, STORED) as store:
        for chunk, parts in view.parts(["id"], result.columns()):
            said = chunk.arrow()
            name = pa.repeat(result.name, len(chunk))
            arrays = [pa.array(chunk.rows), parts["id"], name, *(said.column(one) for one in result.columns())]
            store.write(pa.RecordBatch.from_arrays(arrays, schema=STORED))
        write_quarantine(out, view.bad)
        store.finish(_books(view, result))
