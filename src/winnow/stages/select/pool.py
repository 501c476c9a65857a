"""The narrow table a selection is computed on: row number, prompt, score and verdict, in DuckDB, which spills.

Long prompts stand by a hash, texts (for --distinct) by 128 bits, ids only where reading them again would mean
parsing everything again. The wide rows are read only after the choice, and only the chosen ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from winnow.data.chunks import Chunk
from winnow.data.errors import BadTable, UsageError
from winnow.data.readers.columnar import ArrowFiles, Frame, Parquet
from winnow.data.streams import draw_sql
from winnow.data.table import Parts, Table
from winnow.data.values import LONGEST_KEY, verdicts
from winnow.stages.select.contamination import Evaluation
from winnow.stages.select.rules import Rules
from winnow.stages.select.shift import Lengths

if TYPE_CHECKING:
    import duckdb

SCHEMA = pa.schema(
    [
        *(("row", pa.int64()), ("prompt", pa.string()), ("score", pa.float64()), ("passed", pa.bool_())),
        *(("id", pa.string()), ("text", pa.string()), ("excluded", pa.bool_())),
    ]
)


@dataclass(frozen=True)
class Reading:
    """What a selection reads, and what it meets on the way."""

    table: Table
    rules: Rules
    verdict_columns: Sequence[str]
    evaluation: Evaluation | None
    lengths: Lengths

    def parts(self) -> list[str]:
        """The parts of the table that the rules need."""
        needed = ["score"] if self.rules.scored() else []
        if self.rules.distinct or (self.parses_everything() and self.table.has("text")):
            needed.append("text")
        if self.evaluation is not None:
            needed.append("prompt_text")
        if self.parses_everything() and self.table.has("id"):
            needed.append("id")
        return [*needed, *(["prompt"] if self.table.has("prompt") else [])]

    def parses_everything(self) -> bool:
        """Whether reading one column costs as much as reading all."""
        return not isinstance(self.table.source, Parquet | ArrowFiles | Frame)


def load(duck: duckdb.DuckDBPyConnection, reading: Reading) -> int:
    """Fill the table `pool`; returns how many rows there are."""
    names = [name for name in SCHEMA.names if _used(name, reading)]
    schema = pa.schema([SCHEMA.field(name) for name in names])
    batches = (
        _narrow(chunk, parts, reading, schema)
        for chunk, parts in reading.table.parts(reading.parts(), reading.verdict_columns)
    )
    duck.register("incoming", pa.RecordBatchReader.from_batches(schema, batches))
    columns = [_stored(name) if name in names else f"null::{_type(name)} as {name}" for name in SCHEMA.names]
    duck.execute(f"create table pool as select {', '.join(columns)} from incoming")
    duck.unregister("incoming")
    counted = duck.execute("select count(*) from pool").fetchone()
    return int(counted[0]) if counted else 0


def draws(duck: duckdb.DuckDBPyConnection, table: Table, seed: int, purpose: str, rows: str) -> None:
    """The table `draws` (row, number): the seeded number of every row of the relation `rows`."""
    number = draw_sql(seed, purpose, "id")
    held = duck.execute("select count(id) from pool").fetchone()
    duck.execute("drop table if exists draws")
    if held and held[0]:
        duck.execute(f"create table draws as select row, {number} as number from pool semi join {rows} using (row)")
        return
    schema = pa.schema([("row", pa.int64()), ("id", pa.string())])
    ids = (
        pa.RecordBatch.from_arrays([pa.array(chunk.rows), parts["id"]], schema=schema)
        for chunk, parts in identified(table)
    )
    duck.register("ids", pa.RecordBatchReader.from_batches(schema, ids))
    duck.execute(f"create table draws as select row, {number} as number from ids semi join {rows} using (row)")
    duck.unregister("ids")


def identified(table: Table, also: Sequence[str] = ()) -> Iterator[tuple[Chunk, Parts]]:
    """Chunks with candidate ids; without a prompt to count by, the row's number is its id."""
    if table.columns.id is None and not table.has("prompt"):
        for chunk, parts in table.parts(also):
            yield chunk, {**parts, "id": pa.array(chunk.rows).cast(pa.string())}
        return
    yield from table.parts(["id", *also])


def verdict_columns(table: Table, stated: str | None) -> list[str]:
    """The columns whose verdicts decide `--passed`: as named, or every column of verdicts there is."""
    if stated is not None:
        return [_verdict_column(name, table) for name in stated.split(",")]
    if table.columns.verdict is not None:
        return table.columns.verdict.split(",")
    return [name for name in table.names() if name.endswith(".verdict")]


def _verdict_column(name: str, table: Table) -> str:
    names = table.names()
    for candidate in (name, f"{name}.verdict"):
        if candidate in names:
            return candidate
    known = ", ".join(n for n in names if n.endswith("verdict")) or "none"
    raise UsageError("--verdict", f"'{name}' is no column of verdicts in {table.name}", f"Known: {known}")


def with_score(table: Table) -> Table:
    """The table with its score column settled: as named or guessed, or the only NAME.score that holds any."""
    if table.columns.score is not None:
        return table
    found = [name for name in table.names() if name.endswith(".score")]
    if len(found) != 1:
        known = f"there are several: {', '.join(found)}" if found else "there is none"
        raise UsageError(
            "--score",
            f"the rules need scores and {table.name} names no score column ({known})",
            "Name it: --score COLUMN",
        )
    columns = replace(table.columns.stated(), score=found[0])
    return Table(table.source, columns, table.bad)


def _used(name: str, reading: Reading) -> bool:
    parts = reading.parts()
    return {
        "row": True,
        "prompt": "prompt" in parts,
        "score": "score" in parts,
        "passed": bool(reading.rules.passed),
        "id": "id" in parts,
        "text": reading.rules.distinct,
        "excluded": reading.evaluation is not None,
    }[name]


def _stored(name: str) -> str:
    if name == "prompt":
        return f"case when strlen(prompt) <= {LONGEST_KEY} then prompt else md5(prompt) end as prompt"
    return "md5_number(text) as text" if name == "text" else name


def _type(name: str) -> str:
    return {
        "prompt": "varchar",
        "score": "double",
        "passed": "boolean",
        "id": "varchar",
        "text": "hugeint",
        "excluded": "boolean",
    }[name]


def _narrow(chunk: Chunk, parts: Parts, reading: Reading, schema: pa.Schema) -> pa.RecordBatch:
    made: dict[str, pa.Array] = {"row": pa.array(chunk.rows), **parts}
    if "text" in parts:
        reading.lengths.add_raw(parts["text"])
    if reading.rules.passed:
        made["passed"] = _all_pass(chunk, reading)
    if reading.evaluation is not None:
        made["excluded"] = reading.evaluation.marked(parts["prompt_text"])
    return pa.RecordBatch.from_arrays([made[name] for name in schema.names], schema=schema)


def _all_pass(chunk: Chunk, reading: Reading) -> pa.Array:
    """True where every verifier passes, false where any fails, null where the rest leaves it undecided."""
    whole: pa.Array | None = None
    for name in reading.verdict_columns:
        checked = verdicts(chunk, name)
        for position, problem in checked.problems.items():
            raise BadTable(chunk.place(position), problem, "Name the verdict column with --verdict")
        passed, failed = (pc.fill_null(pc.equal(checked.array, word), False) for word in ("pass", "fail"))
        one = pc.if_else(passed, True, pc.if_else(failed, False, pa.scalar(None, pa.bool_())))
        whole = one if whole is None else pc.and_kleene(whole, one)
    return whole
