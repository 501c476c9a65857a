"""What a table says of its verifiers, read in one pass: verdicts counted, labeled rows kept, prompts summed.

Counting is streamed, labels are the only rows held, and what is summed per prompt goes through DuckDB, which
spills. Abstentions and errors are counted beside the decided rows and never mixed with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.data.chunks import Chunk
from winnow.data.engine import engine, feed
from winnow.data.errors import UsageError, shown
from winnow.data.table import Parts, Table
from winnow.data.values import LONGEST_KEY, grades, scores, short_key, verdicts

KEPT, DROPPED, ABSTAIN, ERROR, SILENT = 1, 0, -1, -2, -3
WORDS = pa.array(["error", "abstain", "fail", "pass"])
"""In the order of their codes, from ERROR on; no verdict is SILENT, one below."""
MOST_SLICES = 1000

Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """What to read: verdict columns, or one score with its threshold; labels, and a column to slice by."""

    verdicts: tuple[str, ...]
    labels: tuple[str, ...]
    score: str | None = None
    threshold: float | None = None
    lower_is_better: bool = False
    by: str | None = None

    def names(self) -> list[str]:
        """How the verifiers are called."""
        if self.score is not None:
            side = "<=" if self.lower_is_better else ">="
            return [f"{self.score} {side} {self.threshold:g}"]
        return [name.removesuffix(".verdict") for name in self.verdicts]


@dataclass
class Evidence:
    """Everything a card needs. Arrays have one entry per labeled row; `verdict` one row of them per verifier."""

    names: list[str]
    counts: dict[str | None, npt.NDArray[np.int64]]
    prompts: int | None
    spread: list[float | None]
    row: Integers
    prompt: Integers
    verdict: Codes
    label: dict[str, Floats]
    drawn: Floats
    slice: list[str | None]
    kept_of_prompt: Floats | None = None
    decided_of_prompt: Floats | None = None
    rows_of_prompt: Floats | None = None


@dataclass
class _Labeled:
    row: list[Integers] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    verdict: list[Codes] = field(default_factory=list)
    label: list[Floats] = field(default_factory=list)
    drawn: list[Floats] = field(default_factory=list)
    slice: list[str | None] = field(default_factory=list)


def read(table: Table, asked: Asked) -> Evidence:
    """One pass over the table."""
    names = asked.names()
    counts: dict[str | None, npt.NDArray[np.int64]] = {None: np.zeros((len(names), 5), np.int64)}
    labeled = _Labeled()
    sums = ", ".join(f"sum(k{i})::double as k{i}, sum(d{i})::double as d{i}" for i in range(len(names)))
    kinds = [(f"{part}{i}", pa.int8()) for i in range(len(names)) for part in "kd"]
    schema = pa.schema([("prompt", pa.string()), *kinds])
    with engine() as duck:
        query = f"create table prompts as select prompt, count(*)::double as n, {sums} from incoming group by prompt"
        feed(duck, query, schema, _narrowed(table, asked, counts, labeled))
        evidence = _gathered(names, counts, labeled, asked)
        if table.has("prompt"):
            spread = [_spread(duck, i) for i in range(len(names))]
            evidence.prompts, evidence.spread = spread[0][0], [one for _, one in spread]
            _of_prompts(duck, evidence, labeled.prompt)
    return evidence


def _narrowed(
    table: Table, asked: Asked, counts: dict[str | None, npt.NDArray[np.int64]], labeled: _Labeled
) -> Iterator[pa.RecordBatch]:
    wanted = ["prompt"] if table.has("prompt") else []
    extra = [*asked.verdicts, *asked.labels, *([asked.score] if asked.score else []), *([asked.by] if asked.by else [])]
    drawn = ["drawn"] if "drawn" in table.names() else []
    for chunk, parts in table.parts(wanted, [*extra, *drawn]):
        codes = _codes(chunk, asked, table)
        slices = None if asked.by is None else [None if v is None else str(v) for v in chunk.values(asked.by)]
        _count(codes, slices, counts)
        keys = _keys(chunk, parts)
        _keep_labeled(chunk, codes, keys, slices, _Wanted(table, asked, bool(drawn)), labeled)
        kept_and_decided = [column for one in codes for column in (one == KEPT, (one == KEPT) | (one == DROPPED))]
        arrays = [keys, *(pa.array(column.astype(np.int8)) for column in kept_and_decided)]
        names = ["prompt", *(f"{part}{i}" for i in range(len(codes)) for part in "kd")]
        yield pa.RecordBatch.from_arrays(arrays, names=names)


def _keys(chunk: Chunk, parts: Parts) -> pa.Array:
    """The prompts, long ones shortened; null where the table has none."""
    if "prompt" not in parts:
        return pa.nulls(len(chunk), pa.string())
    prompts = parts["prompt"]
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


def _count(
    codes: Sequence[Codes], slices: Sequence[str | None] | None, counts: dict[str | None, npt.NDArray[np.int64]]
) -> None:
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


def _gathered(
    names: list[str], counts: dict[str | None, npt.NDArray[np.int64]], labeled: _Labeled, asked: Asked
) -> Evidence:
    label = np.concatenate(labeled.label, axis=1) if labeled.label else np.zeros((len(asked.labels), 0))
    verdict = np.concatenate(labeled.verdict, axis=1) if labeled.verdict else np.zeros((len(names), 0), np.int8)
    codes = {key: number for number, key in enumerate(dict.fromkeys(labeled.prompt))}
    return Evidence(
        names=names,
        counts=counts,
        prompts=None,
        spread=[None] * len(names),
        row=np.concatenate(labeled.row) if labeled.row else np.zeros(0, np.int64),
        prompt=np.array([codes[key] for key in labeled.prompt], np.int64),
        verdict=verdict,
        label=dict(zip(asked.labels, label, strict=True)),
        drawn=np.concatenate(labeled.drawn) if labeled.drawn else np.zeros(0),
        slice=labeled.slice,
    )


def _spread(duck, verifier: int) -> tuple[int, float]:  # type: ignore[no-untyped-def]  # a DuckDB connection
    """How many prompts have a decided row, and the sum over them of (kept - P decided)^2."""
    k, d = f"k{verifier}", f"d{verifier}"
    query = f"""select count(*) filter ({d} > 0), coalesce(sum(({k} - p * {d}) ** 2), 0)
        from prompts, (select coalesce(sum({k}) / nullif(sum({d}), 0), 0) as p from prompts)"""
    prompts, spread = duck.execute(query).fetchall()[0]
    return int(prompts), float(spread)


def _of_prompts(duck, evidence: Evidence, keys: Sequence[str]) -> None:  # type: ignore[no-untyped-def]  # as above
    """For each labeled row the kept, decided and all rows its prompt has in the whole table."""
    places = pa.array(range(len(keys)), pa.int64())
    duck.register("labeled", pa.table({"at": places, "prompt": pa.array(keys, pa.string())}))
    each = ", ".join(f"k{i}, d{i}" for i in range(len(evidence.names)))
    query = f'select n, {each} from labeled join prompts using (prompt) order by labeled."at"'
    found = duck.execute(query).fetchnumpy()
    evidence.rows_of_prompt = np.asarray(found["n"], np.float64)
    evidence.kept_of_prompt = np.stack([np.asarray(found[f"k{i}"], np.float64) for i in range(len(evidence.names))])
    evidence.decided_of_prompt = np.stack([np.asarray(found[f"d{i}"], np.float64) for i in range(len(evidence.names))])
