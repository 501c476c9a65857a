"""Reads the evidence about verifiers from a table in one pass, or from its shards one by one.

Verdicts are counted as they are read, labeled rows are held in memory, and sums by prompt are computed in DuckDB,
which spills to disk. Abstentions and errors are counted apart from the decided rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError
from winnow.stages.chunk_reading import quarantine_rows, shorten_keys
from winnow.stages.labels import Floats
from winnow.stages.measure.evidence import (
    ABSTAIN,
    DROPPED,
    ERROR,
    KEPT,
    NO_VERDICT,
    VERDICT_CODES,
    Codes,
    Evidence,
    EvidenceRequest,
    Integers,
    LabeledEvidence,
    PromptSums,
    SliceName,
    concatenate_labeled,
    finish_evidence,
)
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import ColumnValues, read_grades, read_scores, read_verdicts
from winnow.tables.duckdb_session import TEXT_GROUPING_MEMORY, open_duckdb, run_over_batches
from winnow.tables.joins import JoinedSource, attach_columns
from winnow.tables.table import Table

if TYPE_CHECKING:
    import duckdb

VERDICT_WORDS = pa.array(["error", "abstain", "fail", "pass"])
"""In the order of their codes, from ERROR on."""
MAX_SLICES = 1000


@dataclass(frozen=True)
class EvidenceFold:
    """Reads the evidence of one shard, with the labels of its rows if those stand in another file."""

    request: EvidenceRequest
    labels: pa.RecordBatch | None = None

    def summarize(self, shard: Table) -> Evidence:
        """Read the evidence of one shard."""
        labels = self.labels
        if labels is not None:
            source = attach_columns(shard, lambda: iter([labels]), labels.schema.names[1:], {})
            shard = Table(source, shard.columns.without_guesses(), shard.bad_rows)
        return _summarize_evidence(shard, self.request)


def split_labels_by_shard(table: Table, shard_rows: Sequence[int]) -> list[pa.RecordBatch] | None:
    """Split the few labels that a table has from another file by shards with these numbers of rows."""
    source = table.source
    if not isinstance(source, JoinedSource) or source.label_files is None:
        return None
    columns = pa.Table.from_batches(list(source.stream())).combine_chunks().columns
    arrays = [column.combine_chunks() for column in columns]
    labels = pa.RecordBatch.from_arrays(arrays, names=["row", *source.columns])
    ends = np.searchsorted(arrays[0].to_numpy(), np.cumsum([0, *shard_rows]))
    return [labels.slice(start, end - start) for start, end in itertools.pairwise(ends.tolist())]


def read_evidence(table: Table, request: EvidenceRequest) -> Evidence:
    """Read the evidence of a whole table."""
    return finish_evidence(_summarize_evidence(table, request))


def _summarize_evidence(table: Table, request: EvidenceRequest) -> Evidence:
    """Read the evidence of a table, or of a shard that has all candidates of its prompts."""
    reader = _EvidenceReader(table, request)
    verifiers = len(reader.verifiers)
    schema = pa.schema(
        [("slice", pa.string()), ("prompt", pa.string()), *((name, pa.int8()) for name in _sum_names(verifiers))]
    )
    query = f"""create table parts as select slice, prompt, count(*)::double as n, {_sums_sql(verifiers)}
        from incoming group by slice, prompt"""
    with open_duckdb(TEXT_GROUPING_MEMORY) as duck:
        run_over_batches(duck, query, schema, reader.read_batches(schema))
        labeled = concatenate_labeled(reader.labeled)
        evidence = Evidence(tuple(reader.verifiers), request.labels, reader.counts, {}, labeled)
        return _add_prompt_sums(duck, evidence, request.by is not None) if table.has_role("prompt") else evidence


def _sum_names(verifiers: int) -> list[str]:
    """The columns of the relation `parts` with the kept (k) and the decided (d) rows of each verifier."""
    return [f"{part}{i}" for i in range(verifiers) for part in "kd"]


def _sums_sql(verifiers: int) -> str:
    return ", ".join(f"sum({name})::double as {name}" for name in _sum_names(verifiers))


def _add_prompt_sums(duck: duckdb.DuckDBPyConnection, evidence: Evidence, has_slices: bool) -> Evidence:
    """Add the sums by prompt, and by prompt within slices, of the relation `parts` (slice, prompt, n rows, sums)."""
    labeled, verifiers = evidence.labeled, range(len(evidence.verifiers))
    columns = [range(len(labeled.key)), labeled.key.tolist(), labeled.slice.tolist()]
    schema = pa.schema([("at", pa.int64()), ("prompt", pa.string()), ("slice", pa.string())])
    duck.register("labeled", pa.table(columns, schema=schema))
    whole = "parts"
    if has_slices:
        whole = "prompts"
        sums_sql = _sums_sql(len(verifiers))
        duck.execute(f"create table prompts as select prompt, sum(n) as n, {sums_sql} from parts group by prompt")
    sums: dict[SliceName, list[PromptSums]] = {
        None: [_query_sums(duck, i, whole, "null::varchar").get(None, PromptSums()) for i in verifiers]
    }
    kept, decided, rows = _query_labeled(duck, len(verifiers), whole)
    labeled = replace(labeled, prompt_kept=kept, prompt_decided=decided, prompt_rows=rows)
    if has_slices:
        by_slice = [_query_sums(duck, i, "parts", "slice") for i in verifiers]
        sums |= {name: [one[name] for one in by_slice] for name in evidence.counts if name is not None}
        same_slice = "and labeled.slice is not distinct from parts.slice"
        kept, decided, _ = _query_labeled(duck, len(verifiers), "parts", same_slice)
        labeled = replace(labeled, slice_kept=kept, slice_decided=decided)
    return replace(evidence, sums=sums, labeled=labeled)


def _query_sums(
    duck: duckdb.DuckDBPyConnection, verifier: int, relation: str, slice_sql: str
) -> dict[SliceName, PromptSums]:
    """The sums of one verifier by slice."""
    k, d = f"k{verifier}::hugeint", f"d{verifier}::hugeint"
    query = f"""select {slice_sql}, count(*) filter (d{verifier} > 0), sum({k}), sum({d}),
        sum({k} * {k}), sum({k} * {d}), sum({d} * {d}) from {relation} group by all"""
    sums = {
        name: PromptSums(tuple(int(number or 0) for number in numbers))
        for name, *numbers in duck.execute(query).fetchall()
    }
    query = f"select {slice_sql} as slice, k{verifier}::bigint, count(*) from {relation} group by all order by all"
    for name, kept, count in duck.execute(query).fetchall():
        sums[name].with_kept[kept] = count
    return sums


def _query_labeled(
    duck: duckdb.DuckDBPyConnection, verifiers: int, relation: str, condition: str = ""
) -> tuple[Floats, Floats, Floats]:
    """For each labeled row the kept and the decided rows of its prompt by verifier, and all rows of its prompt."""
    found = duck.execute(
        f"""select n, {", ".join(_sum_names(verifiers))} from labeled
        join {relation} on labeled.prompt = {relation}.prompt {condition} order by labeled."at" """
    ).fetchnumpy()
    kept, decided = (np.stack([np.asarray(found[f"{part}{i}"]) for i in range(verifiers)]) for part in "kd")
    return kept, decided, np.asarray(found["n"])


class _EvidenceReader:
    """One pass over a table, and what it has collected so far."""

    def __init__(self, table: Table, request: EvidenceRequest) -> None:
        self._table = table
        self._request = request
        self._key = "prompt" if table.has_role("prompt") else "id"
        self._has_plan = "drawn" in table.names()
        self.verifiers = request.verifier_names()
        self.counts: dict[SliceName, Integers] = {None: np.zeros((len(self.verifiers), len(VERDICT_CODES)), np.int64)}
        rows, texts = np.zeros(0, np.int64), np.zeros(0, object)
        verdicts, labels = np.zeros((len(self.verifiers), 0), np.int8), np.zeros((len(request.labels), 0))
        self.labeled = [LabeledEvidence(rows, texts, rows, verdicts, labels, np.zeros(0), texts, texts)]

    def read_batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Count verdicts and collect labeled rows; yield slice, prompt, and what each verifier kept and decided."""
        request, by_prompt = self._request, self._key == "prompt"
        roles = [self._key] if by_prompt or (request.stable_keys and self._table.columns.id is not None) else []
        named = [name for name in (request.score, request.by, request.answer) if name]
        columns = [*request.verdicts, *request.labels, *named, *(["drawn"] if self._has_plan else [])]
        for chunk, parts in self._table.read_roles(roles, columns):
            codes = self._read_codes(chunk)
            slices = None if request.by is None else [None if v is None else str(v) for v in chunk.values(request.by)]
            self._count_verdicts(codes, slices)
            keys = shorten_keys(parts[self._key]) if roles else pa.nulls(len(chunk), pa.string())
            self._collect_labeled(chunk, codes, keys, slices)
            decided = [column for one in codes for column in (one == KEPT, (one == KEPT) | (one == DROPPED))]
            nulls = pa.nulls(len(chunk), pa.string())
            # Only prompts are grouped by: an id for every row would fill the disk for nothing.
            arrays = [nulls if slices is None else pa.array(slices, pa.string()), keys if by_prompt else nulls]
            arrays += [pa.array(column.astype(np.int8)) for column in decided]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _checked(self, chunk: Chunk, values: ColumnValues) -> pa.Array:
        quarantine_rows(self._table, chunk, values.problems)
        return values.array

    def _read_codes(self, chunk: Chunk) -> Codes:
        """The code of every row; the first axis is the verifier."""
        request = self._request
        if request.score is not None and request.threshold is not None:
            values = _to_numpy(self._checked(chunk, read_scores(chunk, request.score)))
            with np.errstate(invalid="ignore"):
                kept = values <= request.threshold if request.lower_is_better else values >= request.threshold
            return np.where(np.isnan(values), ABSTAIN, np.where(kept, KEPT, DROPPED)).astype(np.int8)[None]
        words = [self._checked(chunk, read_verdicts(chunk, name)) for name in request.verdicts]
        codes = [pc.index_in(one, VERDICT_WORDS).fill_null(-1).to_numpy() + ERROR for one in words]
        return np.stack(codes).astype(np.int8)

    def _count_verdicts(self, codes: Codes, slices: Sequence[SliceName] | None) -> None:
        """Count the verdicts of a chunk, in the whole table and in each slice."""
        names = np.array(slices or (), object)
        for name in (None, *(name for name in dict.fromkeys(slices or ()) if name is not None)):
            in_slice = codes if name is None else codes[:, names == name]
            counts = [np.bincount(one - NO_VERDICT, minlength=len(VERDICT_CODES)) for one in in_slice]
            self.counts[name] = self.counts.get(name, 0) + np.stack(counts)
        if len(self.counts) > MAX_SLICES + 1:
            problem = f"the column has more than {MAX_SLICES:,} values"
            raise UsageError("--by", problem, "Name a column with few values")

    def _collect_labeled(self, chunk: Chunk, codes: Codes, keys: pa.Array, slices: Sequence[SliceName] | None) -> None:
        request = self._request
        if not request.labels:
            return
        label = np.stack([_to_numpy(self._checked(chunk, read_grades(chunk, name))) for name in request.labels])
        at: npt.NDArray[np.intp] = np.flatnonzero(~np.isnan(label).all(axis=0))
        if not len(at):
            return
        rows = chunk.row_numbers[at]
        drawn = _to_numpy(read_scores(chunk, "drawn").array)[at] if self._has_plan else np.full(len(at), np.nan)
        answers = [None] * len(at) if request.answer is None else chunk.take(at).values(request.answer)
        named = zip(keys.take(pa.array(at)).to_pylist(), rows, strict=True)
        self.labeled.append(
            LabeledEvidence(
                row=rows,
                key=np.array([key or f"row {row}" for key, row in named], object),
                prompt=np.zeros(len(at), np.int64),
                verdict=codes[:, at],
                label=label[:, at],
                drawn=drawn,
                slice=np.array([None if slices is None else slices[i] for i in at.tolist()], object),
                answer=np.array([None if value is None else str(value).strip() for value in answers], object),
            )
        )


def _to_numpy(array: pa.Array) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = array.to_numpy(zero_copy_only=False)
    return values
