"""The pool: the narrow table that a selection is computed on, in DuckDB, which spills to disk.

It holds row number, prompt, score and verdict. Long prompts are replaced by a hash, texts (for distinct) by 128 bits;
ids are in it only where reading them later would mean parsing all rows again. Whole rows are read after the selection,
and only the chosen ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.errors import BadTable
from winnow.stages.chunk_reading import chunks_with_ids
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.text_lengths import TextLengths
from winnow.statistics.row_random import draw_sql
from winnow.tables.chunks import Chunk, RowNumbers
from winnow.tables.column_values import MAX_KEY_LENGTH, VERDICTS, read_verdicts
from winnow.tables.duckdb_session import run_over_batches
from winnow.tables.readers.arrow import ArrowSource, ArrowTableSource
from winnow.tables.readers.parquet import ParquetSource, build_scan_query
from winnow.tables.table import RoleArrays, Table

if TYPE_CHECKING:
    import duckdb

POOL_COLUMNS = {
    "row": (pa.int64(), "bigint"),
    "prompt": (pa.string(), "varchar"),
    "score": (pa.float64(), "double"),
    "passed": (pa.bool_(), "boolean"),
    "id": (pa.string(), "varchar"),
    "text": (pa.string(), "hugeint"),
    "excluded": (pa.bool_(), "boolean"),
}
"""The columns the pool can have, with their types as they are read and in DuckDB."""


@dataclass(frozen=True)
class PoolInput:
    """What a pool is made of. `lengths` counts the lengths of texts that are read anyway."""

    table: Table
    config: SelectConfig
    verdict_columns: Sequence[str]
    evaluation: EvaluationPrompts | None
    lengths: TextLengths | None

    def roles(self) -> list[str]:
        """The roles of the table that the rules need."""
        parses_whole_rows = not isinstance(self.table.source, ParquetSource | ArrowSource | ArrowTableSource)
        counts_lengths = self.lengths is not None and parses_whole_rows and self.table.has_role("text")
        needed = {
            "score": self.config.needs_scores(),
            "text": self.config.distinct or counts_lengths,
            "prompt_text": self.evaluation is not None,
            "id": (parses_whole_rows or bool(self.table.bad_rows.limit)) and self.table.has_role("id"),
            "prompt": self.table.has_role("prompt"),
        }
        return [role for role, is_needed in needed.items() if is_needed]

    def columns(self) -> list[str]:
        """The columns of the pool that are filled."""
        filled = {
            **{name: name in self.roles() for name in ("prompt", "score", "id")},
            **{"row": True, "passed": bool(self.config.passed), "text": self.config.distinct},
            "excluded": self.evaluation is not None,
        }
        return [name for name in POOL_COLUMNS if filled[name]]


def load_pool(duck: duckdb.DuckDBPyConnection, pool_input: PoolInput) -> int:
    """Make the relation `pool`, and `known_ids` where ids can be read cheaply; returns the number of rows.

    If bad rows may be set aside, Arrow reads, ids included: a bad row must be known before rows are counted.
    """
    total = None if pool_input.table.bad_rows.limit else _load_as_view(duck, pool_input)
    return _load_through_arrow(duck, pool_input) if total is None else total


def _load_as_view(duck: duckdb.DuckDBPyConnection, pool_input: PoolInput) -> int | None:
    """Make the pool a view of Parquet files, which each query decodes; returns None if Arrow has to read.

    A file with a row that breaks a rule is left to Arrow, which names the place of the row.
    """
    import duckdb

    query = _scan_query(pool_input)
    if query is None:
        return None
    try:
        checked = duck.execute(f"select {_check_sql(pool_input)} from ({query})").fetchall()
    except duckdb.Error:
        return None
    total, broken_rows, longest_prompt = checked[0]
    if broken_rows:
        return None
    column_sql = {name: _storage_sql(name, longest_prompt) for name in pool_input.columns() if name != "id"}
    if pool_input.config.passed:
        column_sql["passed"] = _all_pass_sql(len(pool_input.verdict_columns))
    if longest_prompt > MAX_KEY_LENGTH:
        # Long prompts are hashed once and stored; short ones are cheaper to decode again than to store.
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
    """SQL for the columns that the rules need, if they are plain columns."""
    table, columns = pool_input.table, pool_input.table.columns
    if (
        pool_input.config.distinct
        or pool_input.evaluation is not None
        or (table.has_role("prompt") and columns.prompt is None)
    ):
        return None
    keys = {"prompt": columns.prompt} if columns.prompt else {}
    numbers = {"score": columns.score} if columns.score and pool_input.config.needs_scores() else {}
    return build_scan_query(
        table.source, keys, numbers, {f"verdict_{i}": name for i, name in enumerate(pool_input.verdict_columns)}
    )


def _check_sql(pool_input: PoolInput) -> str:
    """SQL for the number of rows, how many of them break a rule, and the length of the longest prompt."""
    columns = pool_input.columns()
    known = ", ".join(f"'{value}'" for value in ("", *VERDICTS))
    broken_conditions = [
        f"(verdict_{i} not in ({known}) and lower(verdict_{i}) not in ('true', 'false'))"
        for i in range(len(pool_input.verdict_columns))
    ]
    broken_conditions += ["not isfinite(score)"] if "score" in columns else []
    broken_conditions += ["prompt is null or prompt = ''"] if "prompt" in columns else []
    longest = "coalesce(max(strlen(prompt)), 0)" if "prompt" in columns else "0"
    return f"count(*), count(*) filter ({' or '.join(broken_conditions) or 'false'}), {longest}"


def _all_pass_sql(column_count: int) -> str:
    """SQL for what `_all_verdicts_pass` computes."""
    passes_sql = "(case when {0} in ('pass', 'true') then true when {0} in ('fail', 'false') then false end)"
    return " and ".join(passes_sql.format(f"lower(verdict_{i})") for i in range(column_count))


def _load_through_arrow(duck: duckdb.DuckDBPyConnection, pool_input: PoolInput) -> int:
    """Make the pool a table, read through Arrow."""
    names = pool_input.columns()
    schema = pa.schema([(name, POOL_COLUMNS[name][0]) for name in names])
    batches = (
        _to_pool_batch(chunk, parts, pool_input, schema)
        for chunk, parts in pool_input.table.read_roles(pool_input.roles(), pool_input.verdict_columns)
    )
    columns = ", ".join(f"{_storage_sql(name)} as {name}" for name in names)
    run_over_batches(duck, f"create table narrow as select {columns} from incoming", schema, batches)
    _create_pool_view(duck, {name: name for name in names}, "narrow")
    if "id" in names:
        _create_known_ids(duck, "select row, id from narrow")
    return count_rows(duck, "pool")


def _create_pool_view(duck: duckdb.DuckDBPyConnection, column_sql: Mapping[str, str], relation: str) -> None:
    """Make the view `pool`, in which every column exists; those that are not filled are null."""
    select_list = (
        f"{column_sql.get(name, f'null::{sql_type}')} as {name}"
        for name, (_, sql_type) in POOL_COLUMNS.items()
        if name != "id"
    )
    duck.execute(f"create view pool as select {', '.join(select_list)} from {relation}")


def _create_known_ids(duck: duckdb.DuckDBPyConnection, query: str) -> None:
    """Make the view `known_ids`, and note it in a variable, because listing views takes longer than a small query."""
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
    """Make the table `draws` (row, number) with the seeded number of every row of the relation `rows`."""
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


def _storage_sql(name: str, longest_prompt: int = MAX_KEY_LENGTH + 1) -> str:
    if name == "prompt" and longest_prompt > MAX_KEY_LENGTH:
        return f"case when strlen(prompt) <= {MAX_KEY_LENGTH} then prompt else md5(prompt) end"
    return "md5_number(text)" if name == "text" else name


def _to_pool_batch(chunk: Chunk, parts: RoleArrays, pool_input: PoolInput, schema: pa.Schema) -> pa.RecordBatch:
    arrays: dict[str, pa.Array] = {"row": pa.array(chunk.row_numbers), **parts}
    if pool_input.lengths is not None and "text" in parts:
        pool_input.lengths.add_raw(parts["text"])
    if pool_input.config.passed:
        arrays["passed"] = _all_verdicts_pass(chunk, pool_input)
    if pool_input.evaluation is not None:
        arrays["excluded"] = pool_input.evaluation.find_matches(parts["prompt_text"])
    return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)


def _all_verdicts_pass(chunk: Chunk, pool_input: PoolInput) -> pa.Array:
    """True if every verifier passes the row, false if any fails it, else null: the row is undecided."""
    all_passed: pa.Array | None = None
    for name in pool_input.verdict_columns:
        checked = read_verdicts(chunk, name)
        for position, problem in checked.problems.items():
            raise BadTable(chunk.locate(position), problem, "Name the verdict column with --verdict")
        passed, failed = (pc.fill_null(pc.equal(checked.array, verdict), False) for verdict in ("pass", "fail"))
        column_passed = pc.if_else(passed, True, pc.if_else(failed, False, pa.scalar(None, pa.bool_())))
        all_passed = column_passed if all_passed is None else pc.and_kleene(all_passed, column_passed)
    return all_passed
