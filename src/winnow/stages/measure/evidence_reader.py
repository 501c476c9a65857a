"""Reads the evidence about verifiers from a table in one pass.

Verdicts are counted as they stream by, labeled rows are held in memory, and sums by prompt go through DuckDB, which
spills to disk. Abstentions and errors are counted apart from the decided rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError
from winnow.stages.chunk_reading import quarantine_rows, shorten_keys
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
    Objects,
    SliceName,
    concatenate_labeled,
    finish_evidence,
)
from winnow.stages.measure.prompt_sums import PromptAggregator, sums_sql
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import ColumnValues, read_grades, read_scores, read_verdicts
from winnow.tables.duckdb_session import TEXT_GROUPING_MEMORY, open_duckdb, run_over_batches
from winnow.tables.table import RoleArrays, Table

if TYPE_CHECKING:
    import duckdb

VERDICT_WORDS = pa.array(["error", "abstain", "fail", "pass"])
"""In the order of their codes, from ERROR on."""
MAX_SLICES = 1000


def read_evidence(table: Table, request: EvidenceRequest) -> Evidence:
    """Read the evidence of a whole table."""
    return finish_evidence(summarize_evidence(table, request))


def summarize_evidence(table: Table, request: EvidenceRequest) -> Evidence:
    """Read the evidence of a table, or of a shard that has all candidates of its prompts."""
    reader = _EvidenceReader(table, request)
    verifiers = len(reader.verifiers)
    sums = [(f"{part}{i}", pa.int8()) for i in range(verifiers) for part in "kd"]
    schema = pa.schema([("slice", pa.string()), ("prompt", pa.string()), *sums])
    query = f"""create table parts as select slice, prompt, count(*)::double as n, {sums_sql(verifiers)}
        from incoming group by slice, prompt"""
    with open_duckdb(TEXT_GROUPING_MEMORY) as duck:
        run_over_batches(duck, query, schema, reader.read_batches(schema))
        labeled = concatenate_labeled(reader.labeled)
        evidence = Evidence(tuple(reader.verifiers), request.labels, reader.counts, {}, labeled)
        return _add_prompt_sums(duck, evidence, request) if table.has_role("prompt") else evidence


def _add_prompt_sums(duck: duckdb.DuckDBPyConnection, evidence: Evidence, request: EvidenceRequest) -> Evidence:
    labeled = evidence.labeled
    rows = pa.table(
        {
            "at": pa.array(range(len(labeled.key)), pa.int64()),
            "prompt": pa.array(labeled.key.tolist(), pa.string()),
            "slice": pa.array(labeled.slice.tolist(), pa.string()),
        }
    )
    slices = [name for name in evidence.counts if name is not None]
    prompts = PromptAggregator(duck, len(evidence.verifiers), rows, slices)
    kept, decided, count = prompts.labeled_counts()
    labeled = replace(labeled, prompt_kept=kept, prompt_decided=decided, prompt_rows=count)
    if request.by is not None:
        kept, decided, _ = prompts.labeled_counts(in_slices=True)
        labeled = replace(labeled, slice_kept=kept, slice_decided=decided)
    return replace(evidence, sums=prompts.sums_by_slice(), labeled=labeled)


class _EvidenceReader:
    """One pass over a table, and what it has collected so far."""

    def __init__(self, table: Table, request: EvidenceRequest) -> None:
        self._table = table
        self._request = request
        self._key = "prompt" if table.has_role("prompt") else "id"
        self._has_plan = "drawn" in table.names()
        self.verifiers = request.verifier_names()
        self.counts: dict[SliceName, Integers] = {None: self._no_counts()}
        none = np.zeros(0, np.int64)
        verdicts, labels = np.zeros((len(self.verifiers), 0), np.int8), np.zeros((len(request.labels), 0))
        empty = LabeledEvidence(none, _objects([]), none, verdicts, labels, np.zeros(0), _objects([]), _objects([]))
        self.labeled = [empty]

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
            keys = self._prompt_keys(chunk, parts)
            self._collect_labeled(chunk, codes, keys, slices)
            decided = [column for one in codes for column in (one == KEPT, (one == KEPT) | (one == DROPPED))]
            nulls = pa.nulls(len(chunk), pa.string())
            # Only prompts are grouped by: an id for every row would fill the disk for nothing.
            arrays = [nulls if slices is None else pa.array(slices, pa.string()), keys if by_prompt else nulls]
            arrays += [pa.array(column.astype(np.int8)) for column in decided]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _no_counts(self) -> Integers:
        return np.zeros((len(self.verifiers), len(VERDICT_CODES)), np.int64)

    def _checked(self, chunk: Chunk, values: ColumnValues) -> pa.Array:
        quarantine_rows(self._table, chunk, values.problems)
        return values.array

    def _prompt_keys(self, chunk: Chunk, parts: RoleArrays) -> pa.Array:
        return shorten_keys(parts[self._key]) if self._key in parts else pa.nulls(len(chunk), pa.string())

    def _read_codes(self, chunk: Chunk) -> Codes:
        """The code of every row, by verifier."""
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
        self._add_counts(None, codes)
        if slices is None:
            return
        names = np.array(["" if value is None else value for value in slices], dtype=object)
        for name in dict.fromkeys(slices):
            if name is not None:
                self._add_counts(name, codes[:, names == name])
        if len(self.counts) > MAX_SLICES + 1:
            problem = f"the column has more than {MAX_SLICES:,} values"
            raise UsageError("--by", problem, "Name a column with few values")

    def _add_counts(self, name: SliceName, codes: Codes) -> None:
        into = self.counts.setdefault(name, self._no_counts())
        for verifier, verifier_codes in enumerate(codes):
            into[verifier] += np.bincount(verifier_codes - NO_VERDICT, minlength=len(VERDICT_CODES))

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
                key=_objects([key or f"row {row}" for key, row in named]),
                prompt=np.zeros(len(at), np.int64),
                verdict=codes[:, at],
                label=label[:, at],
                drawn=drawn,
                slice=_objects([None if slices is None else slices[i] for i in at.tolist()]),
                answer=_objects([None if value is None else str(value).strip() for value in answers]),
            )
        )


def _to_numpy(array: pa.Array) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = array.to_numpy(zero_copy_only=False)
    return values


def _objects(values: Sequence[str | None]) -> Objects:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
