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

from winnow.data.chunks import Chunk
from winnow.data.engine import OF_TEXTS, engine, feed
from winnow.data.errors import UsageError, shown
from winnow.data.table import Parts, Table
from winnow.data.values import LONGEST_KEY, grades, scores, short_key, verdicts
from winnow.stages.decide.partial import Codes, Integers, Objects, Partial
from winnow.stages.decide.prompts import Booleans, ByPrompt, Floats, OfPrompt, Prompts, sums

if TYPE_CHECKING:
    import duckdb

KEPT, DROPPED, ABSTAIN, ERROR, SILENT = 1, 0, -1, -2, -3
WORDS = pa.array(["error", "abstain", "fail", "pass"])
"""In the order of their codes, from ERROR on; no verdict is SILENT, one below."""
MOST_SLICES = 1000


@dataclass(frozen=True)
class Asked:
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

    def names(self) -> list[str]:
        """How the verifiers are called."""
        if self.score is not None:
            side = "<=" if self.lower_is_better else ">="
            return [f"{self.score} {side} {self.threshold:g}"]
        return [name.removesuffix(".verdict") for name in self.verdicts]


@dataclass(frozen=True, eq=False)
class Evidence:
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
    by_prompt: dict[str | None, list[ByPrompt]] = field(default_factory=dict)
    in_table: OfPrompt | None = None
    in_slice: OfPrompt | None = None

    def take(self, rows: Booleans) -> Evidence:
        """The same table with some of its labels."""
        one = {name: getattr(self, name)[rows] for name in ("row", "key", "prompt", "drawn", "slice", "answer")}
        return replace(
            self,
            **one,
            verdict=self.verdict[:, rows],
            label={name: values[rows] for name, values in self.label.items()},
            in_table=None if self.in_table is None else self.in_table.take(rows),
            in_slice=None if self.in_slice is None else self.in_slice.take(rows),
        )


@dataclass
class _Labeled:
    row: list[Integers] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    verdict: list[Codes] = field(default_factory=list)
    label: list[Floats] = field(default_factory=list)
    drawn: list[Floats] = field(default_factory=list)
    slice: list[str | None] = field(default_factory=list)
    answer: list[str | None] = field(default_factory=list)


def read(table: Table, asked: Asked) -> Evidence:
    """One pass over the table."""
    return evidence_of(summarize(table, asked), asked)


def summarize(table: Table, asked: Asked) -> Partial:
    """One pass over a table, or over a shard that has all candidates of its prompts."""
    verifiers = len(asked.names())
    counts: dict[str | None, Integers] = {None: np.zeros((verifiers, 5), np.int64)}
    labeled = _Labeled()
    kinds = [(f"{part}{i}", pa.int8()) for i in range(verifiers) for part in "kd"]
    schema = pa.schema([("slice", pa.string()), ("prompt", pa.string()), *kinds])
    with engine(OF_TEXTS) as duck:
        query = f"""create table parts as select slice, prompt, count(*)::double as n, {sums(verifiers)}
            from incoming group by slice, prompt"""
        feed(duck, query, schema, _narrowed(table, asked, counts, labeled))
        partial = _gathered(verifiers, counts, labeled, asked)
        return _by_prompt(duck, partial, asked) if table.has("prompt") else partial


def evidence_of(partial: Partial, asked: Asked) -> Evidence:
    """What the whole says; labeled rows stand in the order of their numbers, slices in that of their names."""
    order = np.argsort(partial.row, kind="stable")
    keys = partial.key[order]
    codes = {key: number for number, key in enumerate(dict.fromkeys(keys.tolist()))}
    slices = sorted(name for name in partial.counts if name is not None)
    by_prompt = {name: [one.by_prompt() for one in partial.sums[name]] for name in [None, *slices] if partial.sums}
    return Evidence(
        names=asked.names(),
        counts={name: partial.counts[name] for name in [None, *slices]},
        key=keys,
        row=partial.row[order],
        prompt=np.array([codes[key] for key in keys.tolist()], np.int64),
        verdict=partial.verdict[:, order],
        label=dict(zip(asked.labels, partial.label[:, order], strict=True)),
        drawn=partial.drawn[order],
        slice=partial.slice[order],
        answer=partial.answer[order],
        by_prompt=by_prompt,
        in_table=None if partial.in_table is None else partial.in_table.take(order),
        in_slice=None if partial.in_slice is None else partial.in_slice.take(order),
    )


def _by_prompt(duck: duckdb.DuckDBPyConnection, partial: Partial, asked: Asked) -> Partial:
    rows = pa.table(
        {
            "at": pa.array(range(len(partial.key)), pa.int64()),
            "prompt": pa.array(partial.key.tolist(), pa.string()),
            "slice": pa.array(partial.slice.tolist(), pa.string()),
        }
    )
    prompts = Prompts(duck, len(partial.counts[None]), rows, [name for name in partial.counts if name is not None])
    in_slice = None if asked.by is None else prompts.of_rows(in_slices=True)
    return replace(partial, sums=prompts.summed(), in_table=prompts.of_rows(), in_slice=in_slice)


def _narrowed(
    table: Table, asked: Asked, counts: dict[str | None, Integers], labeled: _Labeled
) -> Iterator[pa.RecordBatch]:
    key = "prompt" if table.has("prompt") else "id"
    wanted = [key] if key == "prompt" or (asked.halved and table.columns.id is not None) else []
    named = [name for name in (asked.score, asked.by, asked.answer) if name]
    drawn = ["drawn"] if "drawn" in table.names() else []
    for chunk, parts in table.parts(wanted, [*asked.verdicts, *asked.labels, *named, *drawn]):
        codes = _codes(chunk, asked, table)
        slices = None if asked.by is None else [None if v is None else str(v) for v in chunk.values(asked.by)]
        _count(codes, slices, counts)
        keys = _keys(chunk, parts, key)
        _keep_labeled(chunk, codes, keys, slices, _Wanted(table, asked, bool(drawn)), labeled)
        kept_and_decided = [column for one in codes for column in (one == KEPT, (one == KEPT) | (one == DROPPED))]
        # Prompts alone are grouped by: an id of every row would fill the spill folder for nothing.
        group = keys if key == "prompt" else pa.nulls(len(chunk), pa.string())
        sliced = pa.nulls(len(chunk), pa.string()) if slices is None else pa.array(slices, pa.string())
        arrays = [sliced, group, *(pa.array(column.astype(np.int8)) for column in kept_and_decided)]
        names = ["slice", "prompt", *(f"{part}{i}" for i in range(len(codes)) for part in "kd")]
        yield pa.RecordBatch.from_arrays(arrays, names=names)


def _keys(chunk: Chunk, parts: Parts, key: str) -> pa.Array:
    """The prompts, else the ids, long ones shortened; null where the table has none."""
    if key not in parts:
        return pa.nulls(len(chunk), pa.string())
    prompts = parts[key]
    if (pc.max(pc.utf8_length(prompts)).as_py() or 0) <= LONGEST_KEY:
        return prompts
    return pa.array([short_key(key) for key in prompts.to_pylist()], pa.string())


def _codes(chunk: Chunk, asked: Asked, table: Table) -> list[Codes]:
    """For each verifier the code of every row."""
    if asked.score is not None:
        checked = scores(chunk, asked.score)
        _refuse(chunk, checked.problems, table)
        values = checked.array.to_numpy(zero_copy_only=False)
        with np.errstate(invalid="ignore"):
            kept = values <= asked.threshold if asked.lower_is_better else values >= asked.threshold
        return [np.where(np.isnan(values), ABSTAIN, np.where(kept, KEPT, DROPPED)).astype(np.int8)]
    found = []
    for name in asked.verdicts:
        said = verdicts(chunk, name)
        _refuse(chunk, said.problems, table)
        found.append((pc.index_in(said.array, WORDS).fill_null(-1).to_numpy() + ERROR).astype(np.int8))
    return found


def _refuse(chunk: Chunk, problems: Mapping[int, str], table: Table) -> None:
    for position, problem in sorted(problems.items()):
        table.bad.add(chunk.place(position), problem, shown(chunk.take(np.array([position])).dicts()[0]))


def _count(codes: Sequence[Codes], slices: Sequence[str | None] | None, counts: dict[str | None, Integers]) -> None:
    def add(name: str | None, rows: npt.NDArray[np.bool_] | slice) -> None:
        into = counts.setdefault(name, np.zeros((len(codes), 5), np.int64))
        for verifier, one in enumerate(codes):
            into[verifier] += np.bincount(one[rows] - SILENT, minlength=5)

    add(None, slice(None))
    if slices is None:
        return
    named = np.array(["" if value is None else value for value in slices], dtype=object)
    for name in dict.fromkeys(slices):
        if name is not None:
            add(name, named == name)
    if len(counts) > MOST_SLICES + 1:
        raise UsageError("--by", f"the column has more than {MOST_SLICES:,} values", "Name a column with few values")


@dataclass(frozen=True)
class _Wanted:
    table: Table
    asked: Asked
    drawn: bool


def _keep_labeled(
    chunk: Chunk,
    codes: Sequence[Codes],
    keys: pa.Array,
    slices: Sequence[str | None] | None,
    wanted: _Wanted,
    into: _Labeled,
) -> None:
    marks = []
    for name in wanted.asked.labels:
        checked = grades(chunk, name)
        _refuse(chunk, checked.problems, wanted.table)
        marks.append(checked.array.to_numpy(zero_copy_only=False))
    if not marks:
        return
    label = np.stack(marks)
    where = np.flatnonzero(~np.isnan(label).all(axis=0))
    if not len(where):
        return
    into.row.append(chunk.rows[where])
    into.verdict.append(np.stack(codes)[:, where])
    into.label.append(label[:, where])
    places = where.tolist()
    prompts = keys.take(pa.array(where)).to_pylist()
    into.prompt += [key or f"row {row}" for key, row in zip(prompts, chunk.rows[where], strict=True)]
    chance = scores(chunk, "drawn").array.to_numpy(zero_copy_only=False)[where] if wanted.drawn else None
    into.drawn.append(np.full(len(where), np.nan) if chance is None else chance)
    into.slice += [None] * len(where) if slices is None else [slices[i] for i in places]
    said = [] if wanted.asked.answer is None else chunk.take(where).values(wanted.asked.answer)
    into.answer += [None if value is None else str(value).strip() for value in said] or [None] * len(where)


def _gathered(verifiers: int, counts: dict[str | None, Integers], labeled: _Labeled, asked: Asked) -> Partial:
    label = np.concatenate(labeled.label, axis=1) if labeled.label else np.zeros((len(asked.labels), 0))
    verdict = np.concatenate(labeled.verdict, axis=1) if labeled.verdict else np.zeros((verifiers, 0), np.int8)
    return Partial(
        counts=counts,
        key=_objects(labeled.prompt),
        row=np.concatenate(labeled.row) if labeled.row else np.zeros(0, np.int64),
        verdict=verdict,
        label=label,
        drawn=np.concatenate(labeled.drawn) if labeled.drawn else np.zeros(0),
        slice=_objects(labeled.slice),
        answer=_objects(labeled.answer),
    )


def _objects(values: Sequence[str | None]) -> Objects:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
