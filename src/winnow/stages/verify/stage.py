"""verify: every candidate gets a verdict, a score or both from each verifier, and no row is lost.

The table is read in its order and in bounded memory. The verdicts become a store keyed by candidate id, a flat file
(all columns of the table, then NAME.verdict, NAME.score, NAME.reason), or rows in memory. Two rows with one id are
refused, because verdicts are joined by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.errors import UsageError, format_value
from winnow.stages.output import ResultSpec, count_rows, is_store_finished, write_batches, write_rows
from winnow.stages.results import Rows
from winnow.stages.shard_tasks import ShardCounts
from winnow.stages.verify.config import VerifyConfig
from winnow.storage.locations.location import Location
from winnow.storage.receipts import WorkSpec
from winnow.tables.chunks import Chunk
from winnow.tables.flat_file import is_flat_path, refuse_overwriting
from winnow.tables.open_table import embed_source, open_rows, source_receipt
from winnow.tables.table import RoleArrays, Table
from winnow.tables.unique_ids import UniqueIdChecker
from winnow.verifiers.registry import make_verifier, parse_settings
from winnow.verifiers.verdicts import Batch, Verdict, Verdicts, Verifier

VERSION = 1
BATCH_ROWS = 4096
"""How many candidates a verifier judges at once."""
VERDICT_TYPES = {"verdict": pa.string(), "score": pa.float64(), "reason": pa.string()}
STORE_SCHEMA = pa.schema(
    [("row", pa.int64()), ("candidate_id", pa.string()), ("verifier", pa.string()), *VERDICT_TYPES.items()]
)

VerifierUse = tuple[str, tuple[tuple[str, object], ...]]
"""A verifier by name, and its settings."""
JudgedChunk = tuple[Chunk, RoleArrays, list[Verdicts]]
"""A chunk, the roles that were read of it, and the verdicts of each verifier."""


class Verified(Rows):
    """Candidates with their verdicts."""

    def describe(self) -> str:
        """The verdicts as text for a person."""
        lines = [f"verified {self.summary['rows']:,} candidates of {self.summary['table']}"]
        return "\n".join([*lines, *(describe_verdicts(verifier) for verifier in self.summary["verifiers"])])


@contextmanager
def open_verifiers(config: VerifyConfig) -> Iterator[list[Verifier]]:
    """The verifiers of a config; the processes of those that are made here end with the block."""
    names = [spec for spec in config.verifiers if isinstance(spec, str)]
    settings = parse_settings(names, config.settings)
    with ExitStack() as stack:
        verifiers = []
        for spec in config.verifiers:
            verifier = make_verifier(spec, settings[spec] if isinstance(spec, str) else None)
            if verifier is not spec and hasattr(verifier, "close"):
                stack.callback(verifier.close)
            verifiers.append(verifier)
        yield verifiers


def verify(table: Table, verifiers: Sequence[Verifier], out: Location | None = None) -> Verified:
    """Judge every candidate with every verifier, and write the verdicts to `out` or keep them in memory."""
    check_inputs(table, verifiers)
    is_flat = out is None or is_flat_path(out)
    source = table if out is None or is_flat else embed_source(table, out)
    added = pa.schema([(f"{v.name}.{part}", kind) for v in verifiers for part, kind in VERDICT_TYPES.items()])
    result = ResultSpec("verdicts", source, added, lambda folder: verify_work(source, verifiers, folder))
    counts = ShardCounts(verdicts={verifier.name: Counter() for verifier in verifiers})
    already_done = False
    if out is None or is_flat:
        if out is not None:
            refuse_overwriting(out)
            _settle_types(table, out)
        judged = _judge_unique(table, verifiers, counts, whole_rows=True)
        chunks = (_add_verdicts(chunk, verifiers, verdicts) for chunk, _, verdicts in judged)
        written = write_rows(result, chunks, out)
    elif already_done := is_store_finished(result, out):
        written = open_rows(out)
        _count_stored(written, verifiers, counts)
    else:
        judged = _judge_unique(source, verifiers, counts, whole_rows=False)
        batches = (verdict_rows(chunk, roles, verifiers, verdicts) for chunk, roles, verdicts in judged)
        written = write_batches(
            result, STORE_SCHEMA, batches, out, lambda: count_rows(source.bad_rows, counts.rows, counts.rows)
        )
    summary = {
        "table": table.name,
        "columns": table.columns.to_dict(),
        "rows": counts.rows,
        "quarantined": len(table.bad_rows),
        "verifiers": [summarize_verdicts(name, verdicts) for name, verdicts in counts.verdicts.items()],
    }
    place = {} if out is None else {"out": str(out)}
    return Verified(written, {**summary, **place, **({"already_done": True} if already_done else {})})


def check_inputs(table: Table, verifiers: Sequence[Verifier]) -> None:
    """Refuse everything that can be refused before a candidate is judged."""
    names = [verifier.name for verifier in verifiers]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("--with", f"two verifiers are called {format_value(name)}", "Run them one after the other")
        if f"{name}.verdict" in table.names():
            problem = f"{table.name} already has verdicts of {format_value(name)}"
            raise UsageError("--with", problem, "Verify the table without them, or leave this verifier out")
    table.require_roles("text", *(["reference"] if any(v.needs_reference for v in verifiers) else []))


def verifier_config(verifiers: Sequence[Verifier]) -> dict[str, Any]:
    """What the verdicts depend on besides the rows."""
    return {"verifiers": [{"name": v.name, "version": v.version, "config": v.config()} for v in verifiers]}


def verify_work(table: Table, verifiers: Sequence[Verifier], folder: Location) -> WorkSpec:
    """The identity of the verdicts of a table."""
    return WorkSpec("verify", VERSION, verifier_config(verifiers), source_receipt(table, folder))


def judge_chunks(
    table: Table,
    verifiers: Sequence[Verifier],
    counts: ShardCounts,
    extra_roles: Sequence[str],
    whole_rows: bool = False,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[JudgedChunk]:
    """Judge a table chunk by chunk, and count the rows and verdicts.

    Args:
        table: The candidates.
        verifiers: Who judges them.
        counts: Where rows and verdicts are counted.
        extra_roles: Roles to read besides those that judging needs.
        whole_rows: Whether to read every column; also done if a verifier reads columns.
        batch_rows: How many candidates a verifier judges at once.
    """
    extra_columns: list[str] | None = (
        None if whole_rows or any(getattr(v, "reads_columns", True) for v in verifiers) else []
    )
    for whole_chunk, all_roles in table.read_roles(_roles_to_read(table, extra_roles), extra_columns):
        for chunk, roles in _split_chunk(whole_chunk, all_roles, batch_rows):
            batch = Batch(roles["text"], roles.get("prompt_text"), roles.get("reference"), ChunkColumns(chunk))
            verdicts = [verifier.judge(batch) for verifier in verifiers]
            _count_verdicts(counts, len(chunk), verifiers, verdicts)
            yield chunk, roles, verdicts


def count_verdicts(verdicts: Verdicts) -> dict[str, int]:
    """How often each verdict occurs; `scored` counts candidates with a score and no verdict."""
    return {entry["values"] or "scored": entry["counts"] for entry in verdicts.verdict.value_counts().to_pylist()}


def verdict_rows(
    chunk: Chunk, roles: RoleArrays, verifiers: Sequence[Verifier], verdicts: Sequence[Verdicts]
) -> pa.RecordBatch:
    """The rows of a store: one per candidate and verifier, those of a candidate next to each other."""
    verifier_count, rows = len(verifiers), len(chunk)
    order = pa.array(np.arange(verifier_count * rows).reshape(verifier_count, rows).T.ravel())
    by_candidate = pa.array(np.repeat(np.arange(rows), verifier_count))
    names = pa.array([v.name for v in verifiers]).take(pa.array(np.tile(np.arange(verifier_count), rows)))
    values = [pa.concat_arrays([getattr(judged, part) for judged in verdicts]).take(order) for part in VERDICT_TYPES]
    arrays = [pa.array(chunk.row_numbers).take(by_candidate), roles["id"].take(by_candidate), names, *values]
    return pa.RecordBatch.from_arrays(arrays, schema=STORE_SCHEMA)


class ChunkColumns(Mapping[str, Sequence[Any]]):
    """The columns of a chunk as Python values, which are made when a verifier reads them."""

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


def _judge_unique(
    table: Table, verifiers: Sequence[Verifier], counts: ShardCounts, whole_rows: bool
) -> Iterator[JudgedChunk]:
    """Judge a table, and refuse it at the end if two rows have one id. Whole rows need the id for that alone."""
    with UniqueIdChecker(table) as ids:
        id_role = ["id"] if ids.is_enabled or not whole_rows else []
        for judged in judge_chunks(table, verifiers, counts, id_role, whole_rows):
            ids.add(judged[0].row_numbers, judged[1])
            yield judged
        ids.check()


def _roles_to_read(table: Table, extra_roles: Sequence[str]) -> list[str]:
    context = [role for role in ("prompt_text", "reference") if table.has_role(role)]
    return list(dict.fromkeys(["text", *extra_roles, *context]))


def _split_chunk(chunk: Chunk, roles: RoleArrays, max_rows: int) -> Iterator[tuple[Chunk, RoleArrays]]:
    if len(chunk) <= max_rows:
        yield chunk, roles
        return
    for first in range(0, len(chunk), max_rows):
        positions = np.arange(first, min(first + max_rows, len(chunk)), dtype=np.int64)
        yield chunk.take(positions), {role: array.slice(first, max_rows) for role, array in roles.items()}


def _add_verdicts(chunk: Chunk, verifiers: Sequence[Verifier], verdicts: Sequence[Verdicts]) -> Chunk:
    pairs = zip(verifiers, verdicts, strict=True)
    return chunk.with_columns(
        {f"{v.name}.{part}": getattr(judged, part) for v, judged in pairs for part in VERDICT_TYPES}
    )


def _count_verdicts(
    counts: ShardCounts, rows: int, verifiers: Iterable[Verifier], verdicts: Sequence[Verdicts]
) -> None:
    counts.rows += rows
    for verifier, judged in zip(verifiers, verdicts, strict=True):
        counts.verdicts.setdefault(verifier.name, Counter()).update(count_verdicts(judged))


def _settle_types(table: Table, out: Location) -> None:
    """Read everything once, so that rows which will be set aside do not decide the types of a Parquet file."""
    if out.suffix == ".parquet" and table.bad_rows.limit and not table.source.has_uniform_columns:
        for _ in table.read_roles(_roles_to_read(table, ["id"])):
            pass


def _count_stored(finished: Table, verifiers: Sequence[Verifier], counts: ShardCounts) -> None:
    """Count the verdicts of a store that stands finished."""
    columns = [f"{verifier.name}.{part}" for verifier in verifiers for part in VERDICT_TYPES]
    for chunk in finished.source.chunks(finished.bad_rows, columns):
        batch = chunk.to_arrow()
        verdicts = [Verdicts(*(batch.column(f"{v.name}.{part}") for part in VERDICT_TYPES)) for v in verifiers]
        _count_verdicts(counts, len(chunk), verifiers, verdicts)


def summarize_verdicts(name: str, counts: Counter[str]) -> dict[str, Any]:
    """The verdicts of one verifier: counts, and the keep rate over the decided rows."""
    decided = counts[Verdict.PASS] + counts[Verdict.FAIL]
    return {
        "name": name,
        **{word: counts[word] for word in (*Verdict, "scored")},
        "decided": decided,
        "keep_rate": counts[Verdict.PASS] / decided if decided else None,
    }


def describe_verdicts(summary: dict[str, Any]) -> str:
    """One line on one verifier."""
    parts = [f"{word} {summary[word]:,}" for word in (*Verdict, "scored") if summary.get(word)]
    rate = "" if summary["keep_rate"] is None else f"; keeps {summary['keep_rate']:.1%} of the decided rows"
    return f"  {summary['name']}: {', '.join(parts) or 'no candidates'}{rate}"


@dataclass(frozen=True)
class VerifyMap:
    """The verdicts of these verifiers on a shard."""

    uses: tuple[VerifierUse, ...]
    batch: int = BATCH_ROWS

    kind = "verdicts"
    schema = STORE_SCHEMA

    def config(self) -> dict[str, Any]:
        """Names, versions and settings; of a function the sha256 of its source."""
        return verifier_config(_make_verifiers(self.uses))

    def work(self, table: Table, target: Path) -> WorkSpec:
        """The identity of the verdicts of this table."""
        verifiers = _make_verifiers(self.uses)
        check_inputs(table, verifiers)
        return verify_work(table, verifiers, target)

    def rows(self, shard: Table, counts: ShardCounts) -> Iterator[pa.RecordBatch]:
        """One row per candidate and verifier."""
        verifiers = _make_verifiers(self.uses)
        for chunk, roles, verdicts in judge_chunks(shard, verifiers, counts, ["id"], batch_rows=self.batch):
            yield verdict_rows(chunk, roles, verifiers, verdicts)


@cache
def _make_verifiers(uses: tuple[VerifierUse, ...]) -> tuple[Verifier, ...]:
    return tuple(make_verifier(name, dict(settings)) for name, settings in uses)
