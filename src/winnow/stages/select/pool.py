"""The narrow table a selection is computed on: row number, prompt, score and verdict, in DuckDB, which spills.

Long prompts stand by a hash, texts (for --distinct) by 128 bits, ids only where reading them again would mean
parsing everything again. The wide rows are read only after the choice, and only the chosen ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.data.chunks import Chunk, Rows
from winnow.data.engine import feed
from winnow.data.errors import BadTable
from winnow.data.readers.columnar import ArrowFiles, Frame, Parquet
from winnow.data.readers.scanned import scan
from winnow.data.streams import draw_sql
from winnow.data.table import Parts, Table
from winnow.data.values import LONGEST_KEY, VERDICTS, verdicts
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
    """What a selection reads, and what it meets on the way; lengths are None where they are not asked for."""

    table: Table
    rules: Rules
    verdict_columns: Sequence[str]
    evaluation: Evaluation | None
    lengths: Lengths | None

    def parts(self) -> list[str]:
        """The parts of the table that the rules need."""
        needed = ["score"] if self.rules.scored() else []
        if self.rules.distinct or (self.lengths is not None and self.parses_everything() and self.table.has("text")):
            needed.append("text")
        if self.evaluation is not None:
            needed.append("prompt_text")
        if (self.parses_everything() or self.table.bad.limit) and self.table.has("id"):
            needed.append("id")
        return [*needed, *(["prompt"] if self.table.has("prompt") else [])]

    def parses_everything(self) -> bool:
        """Whether reading one column costs as much as reading all."""
        return not isinstance(self.table.source, Parquet | ArrowFiles | Frame)


def load(duck: duckdb.DuckDBPyConnection, reading: Reading) -> int:
    """Make the relation `pool`, and `known_ids` where ids are at hand; returns how many rows there are.

    Where bad rows may be set aside, Arrow reads, and ids too: a row must be known as bad before it is counted.
    """
    total = None if reading.table.bad.limit else _viewed(duck, reading)
    return _read(duck, reading) if total is None else total


def _viewed(duck: duckdb.DuckDBPyConnection, reading: Reading) -> int | None:
    """The pool as a view of Parquet files, decoded as each query needs it; None where Arrow has to read.

    A file with any row that breaks a rule is left to Arrow, which names its place.
    """
    import duckdb

    query = _scanned(reading)
    if query is None:
        return None
    try:
        total, broken, longest = duck.execute(f"select {_checks(reading)} from ({query})").fetchall()[0]
    except duckdb.Error:
        return None
    if broken:
        return None
    made = {"row": "row"} | {name: _stored(name, longest) for name in ("prompt", "score") if _used(name, reading)}
    if reading.rules.passed:
        made["passed"] = _sql_all_pass(len(reading.verdict_columns))
    if longest > LONGEST_KEY:
        # Long prompts are hashed once and held; short ones are cheaper to decode again than to hold.
        columns = ", ".join(f"{sql} as {name}" for name, sql in made.items())
        duck.execute(f"create table narrow as select {columns} from ({query})")
        made, query = {name: name for name in made}, "from narrow"
    _make_pool(duck, made, f"({query})")
    name = reading.table.columns.id
    ids = scan(reading.table.source, {"id": name}, {}, {}) if name else None
    if ids is not None:
        _know_ids(duck, f"select row, nullif(id, '') as id from ({ids})")
    return int(total)


def _scanned(reading: Reading) -> str | None:
    """SQL for everything the rules need, if plain columns hold it."""
    table, columns = reading.table, reading.table.columns
    if reading.rules.distinct or reading.evaluation is not None or (table.has("prompt") and columns.prompt is None):
        return None
    keys = {"prompt": columns.prompt} if columns.prompt else {}
    numbers = {"score": columns.score} if columns.score and reading.rules.scored() else {}
    return scan(table.source, keys, numbers, {f"verdict_{i}": name for i, name in enumerate(reading.verdict_columns)})


def _checks(reading: Reading) -> str:
    """SQL for the number of rows, how many of them break a rule, and the longest prompt."""
    known = ", ".join(f"'{word}'" for word in ("", *VERDICTS))
    broken = [
        f"(verdict_{i} not in ({known}) and lower(verdict_{i}) not in ('true', 'false'))"
        for i in range(len(reading.verdict_columns))
    ]
    broken += ["not isfinite(score)"] if _used("score", reading) else []
    broken += ["prompt is null or prompt = ''"] if _used("prompt", reading) else []
    longest = "coalesce(max(strlen(prompt)), 0)" if _used("prompt", reading) else "0"
    return f"count(*), count(*) filter ({' or '.join(broken) or 'false'}), {longest}"


def _sql_all_pass(verdicts: int) -> str:
    """What `_all_pass` says, as SQL."""
    one = "(case when {0} in ('pass', 'true') then true when {0} in ('fail', 'false') then false end)"
    return " and ".join(one.format(f"lower(verdict_{i})") for i in range(verdicts))


def _read(duck: duckdb.DuckDBPyConnection, reading: Reading) -> int:
    """The pool as a table, read through Arrow."""
    names = [name for name in SCHEMA.names if _used(name, reading)]
    schema = pa.schema([SCHEMA.field(name) for name in names])
    batches = (
        _narrow(chunk, parts, reading, schema)
        for chunk, parts in reading.table.parts(reading.parts(), reading.verdict_columns)
    )
    columns = ", ".join(f"{_stored(name)} as {name}" for name in names)
    feed(duck, f"create table narrow as select {columns} from incoming", schema, batches)
    _make_pool(duck, {name: name for name in names}, "narrow")
    if "id" in names:
        _know_ids(duck, "select row, id from narrow")
    return counted(duck, "pool")


def _make_pool(duck: duckdb.DuckDBPyConnection, made: Mapping[str, str], relation: str) -> None:
    """The view `pool`: every column there can be, null where it is not made."""
    whole = (f"{made.get(name, f'null::{_type(name)}')} as {name}" for name in SCHEMA.names if name != "id")
    duck.execute(f"create view pool as select {', '.join(whole)} from {relation}")


def _know_ids(duck: duckdb.DuckDBPyConnection, query: str) -> None:
    """The view `known_ids`; that it is there is a variable, since to list what is there costs more than small work."""
    duck.execute(f"create view known_ids as {query}")
    duck.execute("set variable ids_known = true")


def counted(duck: duckdb.DuckDBPyConnection, relation: str) -> int:
    """How many rows a relation has."""
    return int(duck.execute(f"select count(*) from {relation}").fetchall()[0][0])


def rows_of(duck: duckdb.DuckDBPyConnection, relation: str) -> Rows:
    """The row numbers of a relation, in order."""
    numbers: Rows = duck.execute(f"select row from {relation} order by row").fetchnumpy()["row"].astype(np.int64)
    return numbers


def draws(duck: duckdb.DuckDBPyConnection, table: Table, seed: int, purpose: str, rows: str) -> None:
    """The table `draws` (row, number): the seeded number of every row of the relation `rows`."""
    number = draw_sql(seed, purpose, "id")
    numbered = f"create or replace table draws as select row, {number} as number from {{}} semi join {rows} using (row)"
    if duck.execute("select getvariable('ids_known')").fetchall()[0][0]:
        duck.execute(numbered.format("known_ids"))
        if not counted(duck, "draws where number is null"):
            return
    schema = pa.schema([("row", pa.int64()), ("id", pa.string())])
    ids = (
        pa.RecordBatch.from_arrays([pa.array(chunk.rows), parts["id"]], schema=schema)
        for chunk, parts in identified(table)
    )
    feed(duck, numbered.format("incoming"), schema, ids)


def identified(table: Table, also: Sequence[str] = ()) -> Iterator[tuple[Chunk, Parts]]:
    """Chunks with candidate ids; without a prompt to count by, the row's number is its id."""
    if table.columns.id is None and not table.has("prompt"):
        for chunk, parts in table.parts(also):
            yield chunk, {**parts, "id": pa.array(chunk.rows).cast(pa.string())}
        return
    yield from table.parts(["id", *also])


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


def _stored(name: str, longest: int = LONGEST_KEY + 1) -> str:
    if name == "prompt" and longest > LONGEST_KEY:
        return f"case when strlen(prompt) <= {LONGEST_KEY} then prompt else md5(prompt) end"
    return "md5_number(text)" if name == "text" else name


def _type(name: str) -> str:
    return {
        "row": "bigint",
        "prompt": "varchar",
        "score": "double",
        "passed": "boolean",
        "id": "varchar",
        "text": "hugeint",
        "excluded": "boolean",
    }[name]


def _narrow(chunk: Chunk, parts: Parts, reading: Reading, schema: pa.Schema) -> pa.RecordBatch:
    made: dict[str, pa.Array] = {"row": pa.array(chunk.rows), **parts}
    if reading.lengths is not None and "text" in parts:
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
