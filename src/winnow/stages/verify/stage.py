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

from winnow.errors import UsageError, format_value
from winnow.stages.results import MemorySource, Rows, reopen_table
from winnow.storage.locations.location import Location
from winnow.storage.receipts import RowCounts, WorkSpec
from winnow.storage.store import StoreWriter, find_finished_receipt, prepare_store_folder
from winnow.tables.chunks import Chunk
from winnow.tables.flat_file import FlatLayout, is_flat_path, refuse_overwriting, write_flat_file, write_quarantine
from winnow.tables.open_table import embed_source, open_rows, source_receipt
from winnow.tables.table import RoleArrays, Table
from winnow.tables.unique_ids import UniqueIdChecker
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts, Verifier

VERSION = 1
BATCH_ROWS = 4096
"""Candidates a verifier sees at once."""
VERDICT_TYPES = {"verdict": pa.string(), "score": pa.float64(), "reason": pa.string()}
STORE_SCHEMA = pa.schema(
    [
        *(("row", pa.int64()), ("candidate_id", pa.string()), ("verifier", pa.string())),
        *VERDICT_TYPES.items(),
    ]
)


@dataclass
class VerdictTally:
    """What one verifier said so far."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, verdicts: Verdicts) -> None:
        """More verdicts."""
        self.counts.update(count_verdicts(verdicts))

    def to_dict(self) -> dict[str, Any]:
        """Counts, and the keep rate over the decided rows."""
        decided = self.counts[Verdict.PASS] + self.counts[Verdict.FAIL]
        counts = {word: self.counts[word] for word in (*Verdict, "scored")}
        return {
            "name": self.name,
            **counts,
            "decided": decided,
            "keep_rate": self.counts[Verdict.PASS] / decided if decided else None,
        }


def count_verdicts(verdicts: Verdicts) -> dict[str, int]:
    """How often each word was said, `scored` where there was a score alone."""
    return {entry["values"] or "scored": entry["counts"] for entry in verdicts.verdict.value_counts().to_pylist()}


class Verified(Rows):
    """Candidates with their verdicts."""

    def describe(self) -> str:
        lines = [f"verified {self.summary['rows']:,} candidates of {self.summary['table']}"]
        return "\n".join([*lines, *(describe_tally(tally) for tally in self.summary["verifiers"])])


def describe_tally(tally: dict[str, Any]) -> str:
    """One verifier's counts in words."""
    parts = [f"{word} {tally[word]:,}" for word in (*Verdict, "scored") if tally[word]]
    rate = "" if tally["keep_rate"] is None else f" · keeps {tally['keep_rate']:.1%} of the decided"
    return f"  {tally['name']}: {', '.join(parts) or 'no candidates'}{rate}"


def verify(table: Table, verifiers: Sequence[Verifier], out: Location | None = None) -> Verified:
    """Judge every candidate with every verifier and write the verdicts where `out` says."""
    check_inputs(table, verifiers)
    if out is None:
        return _verify_in_memory(table, verifiers)
    return _verify_to_file(table, verifiers, out) if is_flat_path(out) else _verify_to_store(table, verifiers, out)


def check_inputs(table: Table, verifiers: Sequence[Verifier]) -> None:
    """Refuse everything that can be refused before a candidate is judged."""
    _refuse_clashes(table, verifiers)
    table.require_roles("text", *(["reference"] if any(v.needs_reference for v in verifiers) else []))


def judge_chunks(
    table: Table,
    verifiers: Sequence[Verifier],
    extra_parts: Sequence[str],
    whole_rows: bool,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[tuple[Chunk, RoleArrays, list[Verdicts]]]:
    """Chunks of the table, their parts, and what each verifier says; whole rows where they are wanted or read."""
    also: list[str] | None = None if whole_rows or any(getattr(v, "reads_columns", True) for v in verifiers) else []
    for whole_chunk, all_parts in table.read_roles(_parts_to_read(table, extra_parts), also):
        for chunk, parts in _split_chunk(whole_chunk, all_parts, batch_rows):
            batch = Batch(parts["text"], parts.get("prompt_text"), parts.get("reference"), ChunkColumns(chunk))
            yield chunk, parts, [verifier.judge(batch) for verifier in verifiers]


def _parts_to_read(table: Table, extra_parts: Sequence[str]) -> list[str]:
    """The parts that judging reads, beside what is wanted."""
    context = [part for part in ("prompt_text", "reference") if table.has_role(part)]
    return list(dict.fromkeys(["text", *extra_parts, *context]))


def _split_chunk(chunk: Chunk, parts: RoleArrays, max_rows: int) -> Iterator[tuple[Chunk, RoleArrays]]:
    if len(chunk) <= max_rows:
        yield chunk, parts
        return
    for first in range(0, len(chunk), max_rows):
        positions = np.arange(first, min(first + max_rows, len(chunk)), dtype=np.int64)
        yield chunk.take(positions), {part: array.slice(first, max_rows) for part, array in parts.items()}


class ChunkColumns(Mapping[str, Sequence[Any]]):
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


def verdict_schema(verifiers: Sequence[Verifier]) -> pa.Schema:
    """The columns verdicts take in a table."""
    return pa.schema([(f"{v.name}.{part}", kind) for v in verifiers for part, kind in VERDICT_TYPES.items()])


def _add_verdicts(chunk: Chunk, verifiers: Sequence[Verifier], verdicts: Sequence[Verdicts]) -> Chunk:
    pairs = zip(verifiers, verdicts, strict=True)
    return chunk.with_columns({f"{v.name}.{part}": getattr(one, part) for v, one in pairs for part in VERDICT_TYPES})


def verifier_config(verifiers: Sequence[Verifier]) -> dict[str, Any]:
    """What the verdicts depend on beside the rows."""
    return {"verifiers": [{"name": v.name, "version": v.version, "config": v.config()} for v in verifiers]}


def verify_work(table: Table, verifiers: Sequence[Verifier], folder: Location) -> WorkSpec:
    """The verdicts of a table: their identity."""
    return WorkSpec("verify", VERSION, verifier_config(verifiers), source_receipt(table, folder))


def _refuse_clashes(table: Table, verifiers: Sequence[Verifier]) -> None:
    names = [v.name for v in verifiers]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("--with", f"two verifiers are called {format_value(name)}", "Run them one after the other")
        if f"{name}.verdict" in table.names():
            problem = f"{table.name} already has verdicts of {format_value(name)}"
            raise UsageError("--with", problem, "Verify the table without them, or leave this verifier out")


@dataclass
class _VerifyCounts:
    """What is counted while the verdicts go by."""

    tallies: list[VerdictTally]
    rows: int = 0

    def add(self, chunk: Chunk, verdicts: Sequence[Verdicts]) -> None:
        self.rows += len(chunk)
        for tally, judged in zip(self.tallies, verdicts, strict=True):
            tally.add(judged)

    def row_counts(self, table: Table) -> RowCounts:
        reasons = {"bad row": len(table.bad_rows)} if len(table.bad_rows) else {}
        return RowCounts(self.rows + len(table.bad_rows), self.rows, 0, len(table.bad_rows), reasons)

    def summary(self, table: Table) -> dict[str, Any]:
        return {
            "table": table.name,
            "columns": table.columns.to_dict(),
            "rows": self.rows,
            "quarantined": len(table.bad_rows),
            "verifiers": [tally.to_dict() for tally in self.tallies],
        }


def _judge_and_count(
    table: Table, verifiers: Sequence[Verifier], counts: _VerifyCounts, extra_parts: Sequence[str], whole_rows: bool
) -> Iterator[tuple[Chunk, RoleArrays, list[Verdicts]]]:
    """`judged`, counted, with the ids watched for repetition."""
    with UniqueIdChecker(table) as ids:
        extra_parts = [*extra_parts, *(["id"] if ids.is_enabled else [])]
        for chunk, parts, verdicts in judge_chunks(table, verifiers, extra_parts, whole_rows):
            ids.add(chunk.row_numbers, parts)
            counts.add(chunk, verdicts)
            yield chunk, parts, verdicts
        ids.check()


def _verify_in_memory(table: Table, verifiers: Sequence[Verifier]) -> Verified:
    counts = _VerifyCounts([VerdictTally(v.name) for v in verifiers])
    chunks = [
        _add_verdicts(c, verifiers, verdicts)
        for c, _, verdicts in _judge_and_count(table, verifiers, counts, [], whole_rows=True)
    ]
    source = MemorySource(chunks, table.name, [*table.names(), *verdict_schema(verifiers).names])
    return Verified(Table(source, table.columns.without_guesses(), table.bad_rows), counts.summary(table))


def _verify_to_file(table: Table, verifiers: Sequence[Verifier], out: Location) -> Verified:
    refuse_overwriting(out)
    if out.suffix == ".parquet" and table.bad_rows.limit and not table.source.has_uniform_columns:
        # Types are settled before the first row is written, and not by rows that will be set aside.
        for _ in table.read_roles(_parts_to_read(table, ["id"])):
            pass
    counts = _VerifyCounts([VerdictTally(v.name) for v in verifiers])
    layout = FlatLayout(table.source, table.bad_rows, verdict_schema(verifiers))
    with write_flat_file(out, layout) as file:
        for chunk, _, verdicts in _judge_and_count(table, verifiers, counts, [], whole_rows=True):
            file.write(_add_verdicts(chunk, verifiers, verdicts))
    write_quarantine(out, table.bad_rows)
    file.finish("verdicts", verify_work(table, verifiers, out.parent), counts.row_counts(table), counts.rows)
    names = [*table.names(), *verdict_schema(verifiers).names]
    return Verified(reopen_table(out, table.columns, counts.rows, names), {**counts.summary(table), "out": str(out)})


def _verify_to_store(table: Table, verifiers: Sequence[Verifier], out: Location) -> Verified:
    source = embed_source(table, out)
    work = verify_work(source, verifiers, out)
    counts = _VerifyCounts([VerdictTally(v.name) for v in verifiers])
    if source is table and find_finished_receipt(out, work) is not None:
        return _report_finished(table, counts, out)
    if source is table:
        prepare_store_folder(out)
    with StoreWriter(out, "verdicts", work, STORE_SCHEMA) as store:
        for chunk, parts, verdicts in _judge_and_count(source, verifiers, counts, ["id"], whole_rows=False):
            store.write(verdict_rows(chunk, parts, verifiers, verdicts))
        write_quarantine(out, source.bad_rows)
        store.finish(counts.row_counts(source))
    return Verified(open_rows(out), {**counts.summary(table), "out": str(out)})


def verdict_rows(
    chunk: Chunk, parts: RoleArrays, verifiers: Sequence[Verifier], verdicts: Sequence[Verdicts]
) -> pa.RecordBatch:
    """Verdicts as a store holds them: one row per candidate and verifier, the verifiers of a candidate side by side."""
    verifier_count, rows = len(verifiers), len(chunk)
    order = pa.array(np.arange(verifier_count * rows).reshape(verifier_count, rows).T.ravel())
    by_candidate = pa.array(np.repeat(np.arange(rows), verifier_count))
    names = pa.array([v.name for v in verifiers]).take(pa.array(np.tile(np.arange(verifier_count), rows)))
    values = [pa.concat_arrays([getattr(one, part) for one in verdicts]).take(order) for part in VERDICT_TYPES]
    arrays = [pa.array(chunk.row_numbers).take(by_candidate), parts["id"].take(by_candidate), names, *values]
    return pa.RecordBatch.from_arrays(arrays, schema=STORE_SCHEMA)


def _report_finished(table: Table, counts: _VerifyCounts, out: Location) -> Verified:
    """The same work stands finished: its verdicts are counted, nothing is judged."""
    finished = open_rows(out)
    for chunk in finished.source.chunks(
        finished.bad_rows, [f"{tally.name}.{part}" for tally in counts.tallies for part in VERDICT_TYPES]
    ):
        verdicts = [
            Verdicts(*(chunk.to_arrow().column(f"{t.name}.{part}") for part in VERDICT_TYPES)) for t in counts.tallies
        ]
        counts.add(chunk, verdicts)
    return Verified(finished, {**counts.summary(table), "out": str(out), "already_done": True})
