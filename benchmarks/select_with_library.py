"""Makes one selection with one library: `python benchmarks/select_with_library.py WORK LIBRARY SOURCE OUT`.

It prints the seconds from opening the source to the finished output; imports are not counted. Each library is used in
the fastest way that we know, with its default settings, and writes Parquet with its default compression.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

SHARE = 0.125
UNORDERED = ", unordered"
"""The suffix for DuckDB without keeping the order of rows; by default it keeps the order."""

BEST_DUCKDB = {
    "duckdb semi join": "select t.* from {t} t semi join "
    "(select arg_max(candidate_id, score) as c from {t} group by prompt_id) k on t.candidate_id = k.c",
    "duckdb window": "select * from {t} qualify row_number() over (partition by prompt_id order by score desc) = 1",
    "duckdb arg_max": "select unnest(arg_max(t, score)) from {t} t group by prompt_id",
}


def prepare_winnow(work: str, source: Path, out: Path) -> Callable[[], object]:
    """Return a selection by winnow."""
    import duckdb  # noqa: F401  # select imports it when needed
    import pyarrow as pa

    from winnow.stages.select.config import SelectConfig
    from winnow.stages.select.stage import select
    from winnow.tables.open_table import open_rows

    pa.array([0])  # makes pyarrow import pandas where that is installed
    config = SelectConfig(best_of="all") if work == "best" else SelectConfig(top_share=SHARE)
    return lambda: select(open_rows(source), config, out)


def prepare_duckdb(query: str, unordered: bool, source: Path, out: Path) -> Callable[[], object]:
    """Return a selection by a query of DuckDB."""
    import duckdb

    connection = duckdb.connect(config={"preserve_insertion_order": False} if unordered else {})
    table = f"'{source}'"
    rows = f"(select round(count(*) * {SHARE})::bigint from {table})"
    return lambda: connection.execute(f"copy ({query.format(t=table, n=rows)}) to '{out}' (format parquet)")


def prepare_pandas(work: str, source: Path, out: Path) -> Callable[[], object]:
    """Return a selection by pandas."""
    import pandas

    def best() -> None:
        frame = pandas.read_parquet(source)
        frame.loc[frame.groupby("prompt_id", sort=False)["score"].idxmax()].to_parquet(out, index=False)

    def top() -> None:
        frame = pandas.read_parquet(source)
        frame.nlargest(int(SHARE * len(frame) + 0.5), "score").to_parquet(out, index=False)

    return best if work == "best" else top


def prepare_polars(source: Path, out: Path) -> Callable[[], object]:
    """Return the best row of every prompt by Polars."""
    import polars

    best = polars.col("score").arg_max()
    selected = polars.scan_parquet(source).group_by("prompt_id").agg(polars.all().get(best))
    return lambda: selected.sink_parquet(out, compression="snappy")


def prepare(work: str, library: str, source: Path, out: Path) -> Callable[[], object]:
    """Return the work of a library as a function that can be timed."""
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
