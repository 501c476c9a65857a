"""What a table says of its verifiers, read in one pass: verdicts counted, labeled rows kept, prompts summed.

Counting is streamed, labels are the only rows held, and what is summed per prompt goes through DuckDB, which
spills. Abstentions and errors are counted beside the decided rows and never mixed with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import UsageError, format_value
from winnow.stages.measure.prompt_sums import (
    Booleans,
    Floats,
    LabeledPromptCounts,
    PromptAggregator,
    PromptStatistics,
    sums_sql,
)
from winnow.stages.measure.shard_evidence import Codes, Integers, Objects, ShardEvidence
from winnow.tables.chunks import Chunk
from winnow.tables.column_values import MAX_KEY_LENGTH, read_grades, read_scores, read_verdicts, shorten_key
from winnow.tables.duckdb_session import TEXT_GROUPING_MEMORY, open_duckdb, run_over_batches
from winnow.tables.table import RoleArrays, Table

if TYPE_CHECKING:
    import duckdb

KEPT, DROPPED, ABSTAIN, ERROR, NO_VERDICT = 1, 0, -1, -2, -3
VERDICT_WORDS = pa.array(["error", "abstain", "fail", "pass"])
"""In the order of their codes, from ERROR on; no verdict is SILENT, one below."""
MAX_SLICES = 1000


@dataclass(frozen=True)
class EvidenceRequest:
    """What to read: verdict columns, or one score with its threshold; labels, and a column to slice by.

    `answer` is the column of final answers. With `halved`, labels must have a key that does not depend on their place.
    """

    verdicts: tuple[str, ...]
    labels: tuple[str, ...]
    score: str | None = None
    threshold: float | None = None
    lower_is_better: bool = False
    by: str | None = None
    answer: str | None = None
    halved: bool = False

    def verifier_names(self) -> list[str]:
        """How the verifiers are called."""
        if self.score is not None:
            side = "<=" if self.lower_is_better else ">="
            return [f"{self.score} {side} {self.threshold:g}"]
        return [name.removesuffix(".verdict") for name in self.verdicts]


@dataclass(frozen=True, eq=False)
class VerifierEvidence:
    """Everything a card needs. Arrays have one entry per labeled row; `verdict` one row of them per verifier.

    `key` is the prompt's, or the row's own. What goes by prompt is empty or None where a table has no prompts;
    `by_prompt` is by slice, None for the whole table, and `in_slice` counts only the rows of a labeled row's slice.
    """

    names: list[str]
    counts: dict[str | None, Integers]
    row: Integers
    key: Objects
    prompt: Integers
    verdict: Codes
    label: dict[str, Floats]
    drawn: Floats
    slice: Objects
    answer: Objects
    by_prompt: dict[str | None, list[PromptStatistics]] = field(default_factory=dict)
    table_prompt_counts: LabeledPromptCounts | None = None
    slice_prompt_counts: LabeledPromptCounts | None = None

    def take(self, rows: Booleans) -> VerifierEvidence:
        """The same table with some of its labels."""
        arrays = {name: getattr(self, name)[rows] for name in ("row", "key", "prompt", "drawn", "slice", "answer")}
        return replace(
            self,
            **arrays,
            verdict=self.verdict[:, rows],
            label={name: values[rows] for name, values in self.label.items()},
            table_prompt_counts=None if self.table_prompt_counts is None else self.table_prompt_counts.take(rows),
            slice_prompt_counts=None if self.slice_prompt_counts is None else self.slice_prompt_counts.take(rows),
        )


@dataclass
class _LabeledRows:
    row: list[Integers] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    verdict: list[Codes] = field(default_factory=list)
    label: list[Floats] = field(default_factory=list)
    drawn: list[Floats] = field(default_factory=list)
    slice: list[str | None] = field(default_factory=list)
    answer: list[str | None] = field(default_factory=list)


def read_evidence(table: Table, request: EvidenceRequest) -> VerifierEvidence:
    """One pass over the table."""
    return build_evidence(summarize_evidence(table, request), request)


def summarize_evidence(table: Table, request: EvidenceRequest) -> ShardEvidence:
    """One pass over a table, or over a shard that has all candidates of its prompts."""
    verifiers = len(request.verifier_names())
    counts: dict[str | None, Integers] = {None: np.zeros((verifiers, 5), np.int64)}
    labeled = _LabeledRows()
    kinds = [(f"{part}{i}", pa.int8()) for i in range(verifiers) for part in "kd"]
    schema = pa.schema([("slice", pa.string()), ("prompt", pa.string()), *kinds])
    with open_duckdb(TEXT_GROUPING_MEMORY) as duck:
        query = f"""create table parts as select slice, prompt, count(*)::double as n, {sums_sql(verifiers)}
            from incoming group by slice, prompt"""
        run_over_batches(duck, query, schema, _stream_verdicts(table, request, counts, labeled))
        summary = _summarize_labeled(verifiers, counts, labeled, request)
        return _add_prompt_counts(duck, summary, request) if table.has_role("prompt") else summary


def build_evidence(summary: ShardEvidence, request: EvidenceRequest) -> VerifierEvidence:
    """What the whole says; labeled rows stand in the order of their numbers, slices in that of their names."""
    order = np.argsort(summary.row, kind="stable")
    keys = summary.key[order]
    codes = {key: number for number, key in enumerate(dict.fromkeys(keys.tolist()))}
    slices = sorted(name for name in summary.counts if name is not None)
    by_prompt = {name: [one.to_statistics() for one in summary.sums[name]] for name in [None, *slices] if summary.sums}
    return VerifierEvidence(
        names=request.verifier_names(),
        counts={name: summary.counts[name] for name in [None, *slices]},
        key=keys,
        row=summary.row[order],
        prompt=np.array([codes[key] for key in keys.tolist()], np.int64),
        verdict=summary.verdict[:, order],
        label=dict(zip(request.labels, summary.label[:, order], strict=True)),
        drawn=summary.drawn[order],
        slice=summary.slice[order],
        answer=summary.answer[order],
        by_prompt=by_prompt,
        table_prompt_counts=None if summary.table_prompt_counts is None else summary.table_prompt_counts.take(order),
        slice_prompt_counts=None if summary.slice_prompt_counts is None else summary.slice_prompt_counts.take(order),
    )


def _add_prompt_counts(
    duck: duckdb.DuckDBPyConnection, summary: ShardEvidence, request: EvidenceRequest
) -> ShardEvidence:
    rows = pa.table(
        {
            "at": pa.array(range(len(summary.key)), pa.int64()),
            "prompt": pa.array(summary.key.tolist(), pa.string()),
            "slice": pa.array(summary.slice.tolist(), pa.string()),
        }
    )
    prompts = PromptAggregator(
        duck, len(summary.counts[None]), rows, [name for name in summary.counts if name is not None]
    )
    in_slice = None if request.by is None else prompts.labeled_counts(in_slices=True)
    return replace(
        summary,
        sums=prompts.sums_by_slice(),
        table_prompt_counts=prompts.labeled_counts(),
        slice_prompt_counts=in_slice,
    )


def _stream_verdicts(
    table: Table, request: EvidenceRequest, counts: dict[str | None, Integers], labeled: _LabeledRows
) -> Iterator[pa.RecordBatch]:
    key = "prompt" if table.has_role("prompt") else "id"
    parts_to_read = [key] if key == "prompt" or (request.halved and table.columns.id is not None) else []
    other_columns = [name for name in (request.score, request.by, request.answer) if name]
    drawn = ["drawn"] if "drawn" in table.names() else []
    for chunk, parts in table.read_roles(parts_to_read, [*request.verdicts, *request.labels, *other_columns, *drawn]):
        codes = _verdict_codes(chunk, request, table)
        slices = None if request.by is None else [None if v is None else str(v) for v in chunk.values(request.by)]
        _count_verdicts(codes, slices, counts)
        keys = _prompt_keys(chunk, parts, key)
        _collect_labeled(chunk, codes, keys, slices, _ReadContext(table, request, bool(drawn)), labeled)
        kept_and_decided = [column for one in codes for column in (one == KEPT, (one == KEPT) | (one == DROPPED))]
        # Prompts alone are grouped by: an id of every row would fill the spill folder for nothing.
        group = keys if key == "prompt" else pa.nulls(len(chunk), pa.string())
        sliced = pa.nulls(len(chunk), pa.string()) if slices is None else pa.array(slices, pa.string())
        arrays = [sliced, group, *(pa.array(column.astype(np.int8)) for column in kept_and_decided)]
        names = ["slice", "prompt", *(f"{part}{i}" for i in range(len(codes)) for part in "kd")]
        yield pa.RecordBatch.from_arrays(arrays, names=names)


def _prompt_keys(chunk: Chunk, parts: RoleArrays, key: str) -> pa.Array:
    """The prompts, else the ids, long ones shortened; null where the table has none."""
    if key not in parts:
        return pa.nulls(len(chunk), pa.string())
    prompts = parts[key]
    if (pc.max(pc.utf8_length(prompts)).as_py() or 0) <= MAX_KEY_LENGTH:
        return prompts
    return pa.array([shorten_key(key) for key in prompts.to_pylist()], pa.string())


def _verdict_codes(chunk: Chunk, request: EvidenceRequest, table: Table) -> list[Codes]:
    """For each verifier the code of every row."""
    if request.score is not None:
        checked = read_scores(chunk, request.score)
        _quarantine_problems(chunk, checked.problems, table)
        values = checked.array.to_numpy(zero_copy_only=False)
        with np.errstate(invalid="ignore"):
            kept = values <= request.threshold if request.lower_is_better else values >= request.threshold
        return [np.where(np.isnan(values), ABSTAIN, np.where(kept, KEPT, DROPPED)).astype(np.int8)]
    found = []
    for name in request.verdicts:
        checked_words = read_verdicts(chunk, name)
        _quarantine_problems(chunk, checked_words.problems, table)
        found.append((pc.index_in(checked_words.array, VERDICT_WORDS).fill_null(-1).to_numpy() + ERROR).astype(np.int8))
    return found


def _quarantine_problems(chunk: Chunk, problems: Mapping[int, str], table: Table) -> None:
    for position, message in sorted(problems.items()):
        table.bad_rows.add(
            chunk.locate(position), message, format_value(chunk.take(np.array([position])).to_dicts()[0])
        )


def _count_verdicts(
    codes: Sequence[Codes], slices: Sequence[str | None] | None, counts: dict[str | None, Integers]
) -> None:
    def add(name: str | None, rows: npt.NDArray[np.bool_] | slice) -> None:
        into = counts.setdefault(name, np.zeros((len(codes), 5), np.int64))
        for verifier, verifier_codes in enumerate(codes):
            into[verifier] += np.bincount(verifier_codes[rows] - NO_VERDICT, minlength=5)

    add(None, slice(None))
    if slices is None:
        return
    slice_names = np.array(["" if value is None else value for value in slices], dtype=object)
    for name in dict.fromkeys(slices):
        if name is not None:
            add(name, slice_names == name)
    if len(counts) > MAX_SLICES + 1:
        raise UsageError("--by", f"the column has more than {MAX_SLICES:,} values", "Name a column with few values")


@dataclass(frozen=True)
class _ReadContext:
    table: Table
    request: EvidenceRequest
    has_draw_chances: bool


def _collect_labeled(
    chunk: Chunk,
    codes: Sequence[Codes],
    keys: pa.Array,
    slices: Sequence[str | None] | None,
    context: _ReadContext,
    labeled_rows: _LabeledRows,
) -> None:
    label_values = []
    for name in context.request.labels:
        checked = read_grades(chunk, name)
        _quarantine_problems(chunk, checked.problems, context.table)
        label_values.append(checked.array.to_numpy(zero_copy_only=False))
    if not label_values:
        return
    label = np.stack(label_values)
    labeled_positions = np.flatnonzero(~np.isnan(label).all(axis=0))
    if not len(labeled_positions):
        return
    labeled_rows.row.append(chunk.row_numbers[labeled_positions])
    labeled_rows.verdict.append(np.stack(codes)[:, labeled_positions])
    labeled_rows.label.append(label[:, labeled_positions])
    positions = labeled_positions.tolist()
    prompts = keys.take(pa.array(labeled_positions)).to_pylist()
    labeled_rows.prompt += [
        key or f"row {row}" for key, row in zip(prompts, chunk.row_numbers[labeled_positions], strict=True)
    ]
    draw_chances = (
        read_scores(chunk, "drawn").array.to_numpy(zero_copy_only=False)[labeled_positions]
        if context.has_draw_chances
        else None
    )
    labeled_rows.drawn.append(np.full(len(labeled_positions), np.nan) if draw_chances is None else draw_chances)
    labeled_rows.slice += [None] * len(labeled_positions) if slices is None else [slices[i] for i in positions]
    answers = [] if context.request.answer is None else chunk.take(labeled_positions).values(context.request.answer)
    labeled_rows.answer += [None if value is None else str(value).strip() for value in answers] or [None] * len(
        labeled_positions
    )


def _summarize_labeled(
    verifiers: int, counts: dict[str | None, Integers], labeled: _LabeledRows, request: EvidenceRequest
) -> ShardEvidence:
    label = np.concatenate(labeled.label, axis=1) if labeled.label else np.zeros((len(request.labels), 0))
    verdict = np.concatenate(labeled.verdict, axis=1) if labeled.verdict else np.zeros((verifiers, 0), np.int8)
    return ShardEvidence(
        counts=counts,
        key=_object_array(labeled.prompt),
        row=np.concatenate(labeled.row) if labeled.row else np.zeros(0, np.int64),
        verdict=verdict,
        label=label,
        drawn=np.concatenate(labeled.drawn) if labeled.drawn else np.zeros(0),
        slice=_object_array(labeled.slice),
        answer=_object_array(labeled.answer),
    )


def _object_array(values: Sequence[str | None]) -> Objects:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
