"""verify: every candidate gets a verdict, a score or both from each verifier; no row is lost.

A map over the table, in its order and in bounded memory. The verdicts become a store keyed by candidate id, a
flat file (all input columns, then NAME.verdict, NAME.score, NAME.reason), or rows in memory. Two rows with one
id are refused, because verdicts are kept by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.chunks import Chunk
from winnow.data.errors import UsageError, shown
from winnow.data.places.place import Place
from winnow.data.stores.flat import Layout, flat_file, is_flat, refuse_overwriting, write_quarantine
from winnow.data.stores.opening import kept_source, open_rows, source_receipt
from winnow.data.stores.receipts import Books, Work
from winnow.data.stores.store import StoreWriter, finished_already, prepare
from winnow.data.stores.unique import UniqueIds
from winnow.data.table import Parts, Table
from winnow.stages.results import Held, Rows, reopened
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts, Verifier

VERSION = 1
BATCH = 4096
"""Candidates a verifier sees at once."""
KINDS = {"verdict": pa.string(), "score": pa.float64(), "reason": pa.string()}
STORED = pa.schema(
    [
        *(("row", pa.int64()), ("candidate_id", pa.string()), ("verifier", pa.string())),
        *KINDS.items(),
    ]
)


@dataclass
class Tally:
    """What one verifier said so far."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, said: Verdicts) -> None:
        """More verdicts."""
        self.counts.update(counted(said))

    def plain(self) -> dict[str, Any]:
        """Counts, and the keep rate over the decided rows."""
        decided = self.counts[Verdict.PASS] + self.counts[Verdict.FAIL]
        counts = {word: self.counts[word] for word in (*Verdict, "scored")}
        return {
            "name": self.name,
            **counts,
            "decided": decided,
            "keep_rate": self.counts[Verdict.PASS] / decided if decided else None,
        }


def counted(said: Verdicts) -> dict[str, int]:
    """How often each word was said, `scored` where there was a score alone."""
    return {entry["values"] or "scored": entry["counts"] for entry in said.verdict.value_counts().to_pylist()}


class Verified(Rows):
    """Candidates with their verdicts."""

    def words(self) -> str:
        lines = [f"verified {self.summary['rows']:,} candidates of {self.summary['table']}"]
        return "\n".join([*lines, *(said(tally) for tally in self.summary["verifiers"])])


def said(tally: dict[str, Any]) -> str:
    """One verifier's counts in words."""
    parts = [f"{word} {tally[word]:,}" for word in (*Verdict, "scored") if tally[word]]
    rate = "" if tally["keep_rate"] is None else f" · keeps {tally['keep_rate']:.1%} of the decided"
    return f"  {tally['name']}: {', '.join(parts) or 'no candidates'}{rate}"


def verify(table: Table, verifiers: Sequence[Verifier], out: Place | None = None) -> Verified:
    """Judge every candidate with every verifier and write the verdicts where `out` says."""
    ready(table, verifiers)
    if out is None:
        return _in_memory(table, verifiers)
    return _flat(table, verifiers, out) if is_flat(out) else _store(table, verifiers, out)


def ready(table: Table, verifiers: Sequence[Verifier]) -> None:
    """Refuse everything that can be refused before a candidate is judged."""
    _refuse_clashes(table, verifiers)
    table.need("text", *(["reference"] if any(v.needs_reference for v in verifiers) else []))


def judged(
    table: Table, verifiers: Sequence[Verifier], wanted: Sequence[str], whole_rows: bool, batch_rows: int = BATCH
) -> Iterator[tuple[Chunk, Parts, list[Verdicts]]]:
    """Chunks of the table, their parts, and what each verifier says; whole rows where they are wanted or read."""
    also: list[str] | None = None if whole_rows or any(getattr(v, "reads_columns", True) for v in verifiers) else []
    for whole, all_parts in table.parts(_read_of(table, wanted), also):
        for chunk, parts in _pieces(whole, all_parts, batch_rows):
            batch = Batch(parts["text"], parts.get("prompt_text"), parts.get("reference"), ColumnsOf(chunk))
            yield chunk, parts, [verifier.judge(batch) for verifier in verifiers]


def _read_of(table: Table, wanted: Sequence[str]) -> list[str]:
    """The parts that judging reads, beside what is wanted."""
    context = [part for part in ("prompt_text", "reference") if table.has(part)]
    return list(dict.fromkeys(["text", *wanted, *context]))


def _pieces(chunk: Chunk, parts: Parts, most: int) -> Iterator[tuple[Chunk, Parts]]:
    if len(chunk) <= most:
        yield chunk, parts
        return
    for first in range(0, len(chunk), most):
        positions = np.arange(first, min(first + most, len(chunk)), dtype=np.int64)
        yield chunk.take(positions), {part: array.slice(first, most) for part, array in parts.items()}


class ColumnsOf(Mapping[str, Sequence[Any]]):
    """A chunk's columns as Python values, made when a verifier reads them."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._names = dict.fromkeys(chunk.names())

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self._names:
            raise KeyError(name)
        return self._chunk.values(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def columns_of(verifiers: Sequence[Verifier]) -> pa.Schema:
    """The columns verdicts take in a table."""
    return pa.schema([(f"{v.name}.{part}", kind) for v in verifiers for part, kind in KINDS.items()])


def _beside(chunk: Chunk, verifiers: Sequence[Verifier], verdicts: Sequence[Verdicts]) -> Chunk:
    pairs = zip(verifiers, verdicts, strict=True)
    return chunk.with_columns({f"{v.name}.{part}": getattr(one, part) for v, one in pairs for part in KINDS})


def config_of(verifiers: Sequence[Verifier]) -> dict[str, Any]:
    """What the verdicts depend on beside the rows."""
    return {"verifiers": [{"name": v.name, "version": v.version, "config": v.config()} for v in verifiers]}


def work_of(table: Table, verifiers: Sequence[Verifier], folder: Place) -> Work:
    """The verdicts of a table: their identity."""
    return Work("verify", VERSION, config_of(verifiers), source_receipt(table, folder))


def _refuse_clashes(table: Table, verifiers: Sequence[Verifier]) -> None:
    names = [v.name for v in verifiers]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("--with", f"two verifiers are called {shown(name)}", "Run them one after the other")
        if f"{name}.verdict" in table.names():
            problem = f"{table.name} already has verdicts of {shown(name)}"
            raise UsageError("--with", problem, "Verify the table without them, or leave this verifier out")


@dataclass
class _Counts:
    """What is counted while the verdicts go by."""

    tallies: list[Tally]
    rows: int = 0

    def add(self, chunk: Chunk, verdicts: Sequence[Verdicts]) -> None:
        self.rows += len(chunk)
        for tally, one in zip(self.tallies, verdicts, strict=True):
            tally.add(one)

    def books(self, table: Table) -> Books:
        reasons = {"bad row": len(table.bad)} if len(table.bad) else {}
        return Books(self.rows + len(table.bad), self.rows, 0, len(table.bad), reasons)

    def summary(self, table: Table) -> dict[str, Any]:
        return {
            "table": table.name,
            "columns": table.columns.named(),
            "rows": self.rows,
            "quarantined": len(table.bad),
            "verifiers": [tally.plain() for tally in self.tallies],
        }


def _counted(
    table: Table, verifiers: Sequence[Verifier], counts: _Counts, wanted: Sequence[str], whole_rows: bool
) -> Iterator[tuple[Chunk, Parts, list[Verdicts]]]:
    """`judged`, counted, with the ids watched for repetition."""
    with UniqueIds(table) as ids:
        wanted = [*wanted, *(["id"] if ids.watched else [])]
        for chunk, parts, verdicts in judged(table, verifiers, wanted, whole_rows):
            ids.add(chunk.rows, parts)
            counts.add(chunk, verdicts)
            yield chunk, parts, verdicts
        ids.check()


def _in_memory(table: Table, verifiers: Sequence[Verifier]) -> Verified:
    counts = _Counts([Tally(v.name) for v in verifiers])
    chunks = [
        _beside(c, verifiers, verdicts) for c, _, verdicts in _counted(table, verifiers, counts, [], whole_rows=True)
    ]
    source = Held(chunks, table.name, [*table.names(), *columns_of(verifiers).names])
    return Verified(Table(source, table.columns.stated(), table.bad), counts.summary(table))


def _flat(table: Table, verifiers: Sequence[Verifier], out: Place) -> Verified:
    refuse_overwriting(out)
    if out.suffix == ".parquet" and table.bad.limit and not table.source.regular:
        # Types are settled before the first row is written, and not by rows that will be set aside.
        for _ in table.parts(_read_of(table, ["id"])):
            pass
    counts = _Counts([Tally(v.name) for v in verifiers])
    layout = Layout(table.source, table.bad, columns_of(verifiers))
    with flat_file(out, layout) as file:
        for chunk, _, verdicts in _counted(table, verifiers, counts, [], whole_rows=True):
            file.write(_beside(chunk, verifiers, verdicts))
    write_quarantine(out, table.bad)
    file.finish("verdicts", work_of(table, verifiers, out.parent), counts.books(table), counts.rows)
    names = [*table.names(), *columns_of(verifiers).names]
    return Verified(reopened(out, table.columns, counts.rows, names), {**counts.summary(table), "out": str(out)})


def _store(table: Table, verifiers: Sequence[Verifier], out: Place) -> Verified:
    kept = kept_source(table, out)
    work = work_of(kept, verifiers, out)
    counts = _Counts([Tally(v.name) for v in verifiers])
    if kept is table and finished_already(out, work) is not None:
        return _again(table, counts, out)
    if kept is table:
        prepare(out)
    with StoreWriter(out, "verdicts", work, STORED) as store:
        for chunk, parts, verdicts in _counted(kept, verifiers, counts, ["id"], whole_rows=False):
            store.write(stored(chunk, parts, verifiers, verdicts))
        write_quarantine(out, kept.bad)
        store.finish(counts.books(kept))
    return Verified(open_rows(out), {**counts.summary(table), "out": str(out)})


def stored(chunk: Chunk, parts: Parts, verifiers: Sequence[Verifier], verdicts: Sequence[Verdicts]) -> pa.RecordBatch:
    """Verdicts as a store holds them: one row per candidate and verifier, the verifiers of a candidate side by side."""
    each, rows = len(verifiers), len(chunk)
    turn = pa.array(np.arange(each * rows).reshape(each, rows).T.ravel())
    by_candidate = pa.array(np.repeat(np.arange(rows), each))
    names = pa.array([v.name for v in verifiers]).take(pa.array(np.tile(np.arange(each), rows)))
    said_by = [pa.concat_arrays([getattr(one, part) for one in verdicts]).take(turn) for part in KINDS]
    arrays = [pa.array(chunk.rows).take(by_candidate), parts["id"].take(by_candidate), names, *said_by]
    return pa.RecordBatch.from_arrays(arrays, schema=STORED)


def _again(table: Table, counts: _Counts, out: Place) -> Verified:
    """The same work stands finished: its verdicts are counted, nothing is judged."""
    finished = open_rows(out)
    for chunk in finished.source.chunks(
        finished.bad, [f"{tally.name}.{part}" for tally in counts.tallies for part in KINDS]
    ):
        verdicts = [Verdicts(*(chunk.arrow().column(f"{t.name}.{part}") for part in KINDS)) for t in counts.tallies]
        counts.add(chunk, verdicts)
    return Verified(finished, {**counts.summary(table), "out": str(out), "already_done": True})
