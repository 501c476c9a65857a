"""One selection by one library, in a process of its own: `python bench/works.py WORK LIBRARY SOURCE OUT`.

Prints the seconds from the opened file to the finished one; imports come before the clock, for everyone. Each
peer is asked in the fastest way we know, as it comes, and writes Parquet with its usual compression.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

SHARE = 0.125
UNORDERED = ", unordered"
"""DuckDB told that the order of rows need not be kept; without it, DuckDB as it comes."""

BEST_DUCKDB = {
    "duckdb semi join": "select t.* from {t} t semi join "
    "(select arg_max(candidate_id, score) as c from {t} group by prompt_id) k on t.candidate_id = k.c",
    "duckdb window": "select * from {t} qualify row_number() over (partition by prompt_id order by score desc) = 1",
    "duckdb arg_max": "select unnest(arg_max(t, score)) from {t} t group by prompt_id",
}


def prepare_winnow(work: str, source: Path, out: Path) -> Callable[[], object]:
    import duckdb  # noqa: F401  # what select imports when it needs it
    import pyarrow as pa

    from winnow.stages.select import SelectionRules, SelectRequest, select
    from winnow.tables.open_table import open_rows

    pa.array([0])  # makes pyarrow import pandas where that is installed
    rules = SelectionRules(best_of=0) if work == "best" else SelectionRules(top_share=SHARE)
    return lambda: select(open_rows(source), SelectRequest(rules, out=out))


def prepare_duckdb(query: str, unordered: bool, source: Path, out: Path) -> Callable[[], object]:
    import duckdb

    connection = duckdb.connect(config={"preserve_insertion_order": False} if unordered else {})
    table = f"'{source}'"
    rows = f"(select round(count(*) * {SHARE})::bigint from {table})"
    return lambda: connection.execute(f"copy ({query.format(t=table, n=rows)}) to '{out}' (format parquet)")


def prepare_pandas(work: str, source: Path, out: Path) -> Callable[[], object]:
    import pandas

    def best() -> None:
        frame = pandas.read_parquet(source)
        frame.loc[frame.groupby("prompt_id", sort=False)["score"].idxmax()].to_parquet(out, index=False)

    def top() -> None:
        frame = pandas.read_parquet(source)
        frame.nlargest(int(SHARE * len(frame) + 0.5), "score").to_parquet(out, index=False)

    return best if work == "best" else top


def prepare_polars(source: Path, out: Path) -> Callable[[], object]:
    import polars

    best = polars.col("score").arg_max()
    kept = polars.scan_parquet(source).group_by("prompt_id").agg(polars.all().get(best))
    return lambda: kept.sink_parquet(out, compression="snappy")


def prepare(work: str, library: str, source: Path, out: Path) -> Callable[[], object]:
    """The work, ready to be timed."""
    if library == "winnow":
        return prepare_winnow(work, source, out)
    if library == "pandas":
        return prepare_pandas(work, source, out)
    if library == "polars":
        return prepare_polars(source, out)
    query_name = library.removesuffix(UNORDERED)
    query = BEST_DUCKDB.get(query_name, "select * from {t} order by score desc limit {n}")
    return prepare_duckdb(query, query_name != library, source, out)


if __name__ == "__main__":
    run = prepare(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    start = perf_counter()
    run()
    print(perf_counter() - start)
