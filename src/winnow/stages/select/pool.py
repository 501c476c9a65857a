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

from winnow.errors import BadTable
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.rules import SelectionRules
from winnow.stages.select.shift import TextLengths
from winnow.statistics.row_random import draw_sql
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.column_values import MAX_KEY_LENGTH, VERDICTS, read_verdicts
from winnow.tables.duckdb_session import run_over_batches
from winnow.tables.readers.columnar import ArrowSource, ArrowTableSource, ParquetSource
from winnow.tables.readers.duckdb_scan import build_scan_query
from winnow.tables.table import RoleArrays, Table

if TYPE_CHECKING:
    import duckdb

POOL_SCHEMA = pa.schema(
    [
        *(("row", pa.int64()), ("prompt", pa.string()), ("score", pa.float64()), ("passed", pa.bool_())),
        *(("id", pa.string()), ("text", pa.string()), ("excluded", pa.bool_())),
    ]
)


@dataclass(frozen=True)
class PoolInput:
    """What a selection reads, and what it meets on the way; lengths are None where they are not asked for."""

    table: Table
    rules: SelectionRules
    verdict_columns: Sequence[str]
    evaluation: EvaluationPrompts | None
    lengths: TextLengths | None

    def parts(self) -> list[str]:
        """The parts of the table that the rules need."""
        needed = ["score"] if self.rules.needs_scores() else []
        if self.rules.distinct or (
            self.lengths is not None and self.must_parse_whole_rows() and self.table.has_role("text")
        ):
            needed.append("text")
        if self.evaluation is not None:
            needed.append("prompt_text")
        if (self.must_parse_whole_rows() or self.table.bad_rows.limit) and self.table.has_role("id"):
            needed.append("id")
        return [*needed, *(["prompt"] if self.table.has_role("prompt") else [])]

    def must_parse_whole_rows(self) -> bool:
        """Whether reading one column costs as much as reading all."""
        return not isinstance(self.table.source, ParquetSource | ArrowSource | ArrowTableSource)


def load_pool(duck: duckdb.DuckDBPyConnection, pool_input: PoolInput) -> int:
    """Make the relation `pool`, and `known_ids` where ids are at hand; returns how many rows there are.

    Where bad rows may be set aside, Arrow reads, and ids too: a row must be known as bad before it is counted.
    """
    total = None if pool_input.table.bad_rows.limit else _load_as_view(duck, pool_input)
    return _load_through_arrow(duck, pool_input) if total is None else total


def _load_as_view(duck: duckdb.DuckDBPyConnection, pool_input: PoolInput) -> int | None:
    """The pool as a view of Parquet files, decoded as each query needs it; None where Arrow has to read.

    A file with any row that breaks a rule is left to Arrow, which names its place.
    """
    import duckdb

    query = _scan_query(pool_input)
    if query is None:
        return None
    try:
        total, broken_rows, longest_prompt = duck.execute(f"select {_check_sql(pool_input)} from ({query})").fetchall()[
            0
        ]
    except duckdb.Error:
        return None
    if broken_rows:
        return None
    column_sql = {"row": "row"} | {
        name: _storage_sql(name, longest_prompt) for name in ("prompt", "score") if _is_used(name, pool_input)
    }
    if pool_input.rules.passed:
        column_sql["passed"] = _sql_all_pass(len(pool_input.verdict_columns))
    if longest_prompt > MAX_KEY_LENGTH:
        # Long prompts are hashed once and held; short ones are cheaper to decode again than to hold.
        columns = ", ".join(f"{sql} as {name}" for name, sql in column_sql.items())
        duck.execute(f"create table narrow as select {columns} from ({query})")
        column_sql, query = {name: name for name in column_sql}, "from narrow"
    _create_pool_view(duck, column_sql, f"({query})")
    name = pool_input.table.columns.id
    ids = build_scan_query(pool_input.table.source, {"id": name}, {}, {}) if name else None
    if ids is not None:
        _create_known_ids(duck, f"select row, nullif(id, '') as id from ({ids})")
    return int(total)


def _scan_query(pool_input: PoolInput) -> str | None:
    """SQL for everything the rules need, if plain columns hold it."""
    table, columns = pool_input.table, pool_input.table.columns
    if (
        pool_input.rules.distinct
        or pool_input.evaluation is not None
        or (table.has_role("prompt") and columns.prompt is None)
    ):
        return None
    keys = {"prompt": columns.prompt} if columns.prompt else {}
    numbers = {"score": columns.score} if columns.score and pool_input.rules.needs_scores() else {}
    return build_scan_query(
        table.source, keys, numbers, {f"verdict_{i}": name for i, name in enumerate(pool_input.verdict_columns)}
    )


def _check_sql(pool_input: PoolInput) -> str:
    """SQL for the number of rows, how many of them break a rule, and the longest prompt."""
    known = ", ".join(f"'{value}'" for value in ("", *VERDICTS))
    broken_conditions = [
        f"(verdict_{i} not in ({known}) and lower(verdict_{i}) not in ('true', 'false'))"
        for i in range(len(pool_input.verdict_columns))
    ]
    broken_conditions += ["not isfinite(score)"] if _is_used("score", pool_input) else []
    broken_conditions += ["prompt is null or prompt = ''"] if _is_used("prompt", pool_input) else []
    longest = "coalesce(max(strlen(prompt)), 0)" if _is_used("prompt", pool_input) else "0"
    return f"count(*), count(*) filter ({' or '.join(broken_conditions) or 'false'}), {longest}"


def _sql_all_pass(column_count: int) -> str:
    """What `_all_pass` says, as SQL."""
    passes_sql = "(case when {0} in ('pass', 'true') then true when {0} in ('fail', 'false') then false end)"
    return " and ".join(passes_sql.format(f"lower(verdict_{i})") for i in range(column_count))


def _load_through_arrow(duck: duckdb.DuckDBPyConnection, pool_input: PoolInput) -> int:
    """The pool as a table, read through Arrow."""
    names = [name for name in POOL_SCHEMA.names if _is_used(name, pool_input)]
    schema = pa.schema([POOL_SCHEMA.field(name) for name in names])
    batches = (
        _to_pool_batch(chunk, parts, pool_input, schema)
        for chunk, parts in pool_input.table.read_roles(pool_input.parts(), pool_input.verdict_columns)
    )
    columns = ", ".join(f"{_storage_sql(name)} as {name}" for name in names)
    run_over_batches(duck, f"create table narrow as select {columns} from incoming", schema, batches)
    _create_pool_view(duck, {name: name for name in names}, "narrow")
    if "id" in names:
        _create_known_ids(duck, "select row, id from narrow")
    return count_rows(duck, "pool")


def _create_pool_view(duck: duckdb.DuckDBPyConnection, column_sql: Mapping[str, str], relation: str) -> None:
    """The view `pool`: every column there can be, null where it is not made."""
    select_list = (
        f"{column_sql.get(name, f'null::{_sql_type(name)}')} as {name}" for name in POOL_SCHEMA.names if name != "id"
    )
    duck.execute(f"create view pool as select {', '.join(select_list)} from {relation}")


def _create_known_ids(duck: duckdb.DuckDBPyConnection, query: str) -> None:
    """The view `known_ids`; that it is there is a variable, since to list what is there costs more than small work."""
    duck.execute(f"create view known_ids as {query}")
    duck.execute("set variable ids_known = true")


def count_rows(duck: duckdb.DuckDBPyConnection, relation: str) -> int:
    """How many rows a relation has."""
    return int(duck.execute(f"select count(*) from {relation}").fetchall()[0][0])


def fetch_row_numbers(duck: duckdb.DuckDBPyConnection, relation: str) -> RowNumbers:
    """The row numbers of a relation, in order."""
    numbers: RowNumbers = duck.execute(f"select row from {relation} order by row").fetchnumpy()["row"].astype(np.int64)
    return numbers


def create_draws(duck: duckdb.DuckDBPyConnection, table: Table, seed: int, purpose: str, rows: str) -> None:
    """The table `draws` (row, number): the seeded number of every row of the relation `rows`."""
    number = draw_sql(seed, purpose, "id")
    create_query = (
        f"create or replace table draws as select row, {number} as number from {{}} semi join {rows} using (row)"
    )
    if duck.execute("select getvariable('ids_known')").fetchall()[0][0]:
        duck.execute(create_query.format("known_ids"))
        if not count_rows(duck, "draws where number is null"):
            return
    schema = pa.schema([("row", pa.int64()), ("id", pa.string())])
    ids = (
        pa.RecordBatch.from_arrays([pa.array(chunk.row_numbers), parts["id"]], schema=schema)
        for chunk, parts in chunks_with_ids(table)
    )
    run_over_batches(duck, create_query.format("incoming"), schema, ids)


def chunks_with_ids(table: Table, also: Sequence[str] = ()) -> Iterator[tuple[Chunk, RoleArrays]]:
    """Chunks with candidate ids; without a prompt to count by, the row's number is its id."""
    if table.columns.id is None and not table.has_role("prompt"):
        for chunk, parts in table.read_roles(also):
            yield chunk, {**parts, "id": pa.array(chunk.row_numbers).cast(pa.string())}
        return
    yield from table.read_roles(["id", *also])


def _is_used(name: str, pool_input: PoolInput) -> bool:
    parts = pool_input.parts()
    return {
        "row": True,
        "prompt": "prompt" in parts,
        "score": "score" in parts,
        "passed": bool(pool_input.rules.passed),
        "id": "id" in parts,
        "text": pool_input.rules.distinct,
        "excluded": pool_input.evaluation is not None,
    }[name]


def _storage_sql(name: str, longest_prompt: int = MAX_KEY_LENGTH + 1) -> str:
    if name == "prompt" and longest_prompt > MAX_KEY_LENGTH:
        return f"case when strlen(prompt) <= {MAX_KEY_LENGTH} then prompt else md5(prompt) end"
    return "md5_number(text)" if name == "text" else name


def _sql_type(name: str) -> str:
    return {
        "row": "bigint",
        "prompt": "varchar",
        "score": "double",
        "passed": "boolean",
        "id": "varchar",
        "text": "hugeint",
        "excluded": "boolean",
    }[name]


def _to_pool_batch(chunk: Chunk, parts: RoleArrays, pool_input: PoolInput, schema: pa.Schema) -> pa.RecordBatch:
    arrays: dict[str, pa.Array] = {"row": pa.array(chunk.row_numbers), **parts}
    if pool_input.lengths is not None and "text" in parts:
        pool_input.lengths.add_raw(parts["text"])
    if pool_input.rules.passed:
        arrays["passed"] = _all_verdicts_pass(chunk, pool_input)
    if pool_input.evaluation is not None:
        arrays["excluded"] = pool_input.evaluation.find_matches(parts["prompt_text"])
    return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)


def _all_verdicts_pass(chunk: Chunk, pool_input: PoolInput) -> pa.Array:
    """True where every verifier passes, false where any fails, null where the rest leaves it undecided."""
    all_passed: pa.Array | None = None
    for name in pool_input.verdict_columns:
        checked = read_verdicts(chunk, name)
        for position, problem in checked.problems.items():
            raise BadTable(chunk.locate(position), problem, "Name the verdict column with --verdict")
        passed, failed = (pc.fill_null(pc.equal(checked.array, verdict), False) for verdict in ("pass", "fail"))
        column_passed = pc.if_else(passed, True, pc.if_else(failed, False, pa.scalar(None, pa.bool_())))
        all_passed = column_passed if all_passed is None else pc.and_kleene(all_passed, column_passed)
    return all_passed
