"""Compares two selections of the same rows: `python benchmarks/compare_selections.py WORK SOURCE OURS THEIRS`.

It prints every difference. Best of all: one row of every prompt with the best score of the prompt, and the same row
where there is no tie. Top share: the same number of rows and the same lowest score. Ours must also keep the order of
the source and every column of its rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

BEST = """
with best as (select prompt_id, max(score) as score from {source} group by prompt_id),
     shared as (select prompt_id, score, min(candidate_id) as candidate_id from {source}
                semi join best using (prompt_id, score) group by all having count(*) = 1)
select (select count(*) from best) - (select count(*) from {selection}),
       (select count(*) from best anti join {selection} using (prompt_id, score)),
       (select count(*) from shared anti join {selection} using (candidate_id))
"""
TOP = "select count(*), min(score) from {selection}"
WHOLE = "select count(*) from {selection} ours anti join {source} source using ({columns})"
ORDER = """
select count(*) from (select candidate_id < lag(candidate_id) over (order by file_row_number) as back
                      from read_parquet({selection}, file_row_number = true)) where back
"""


def find_differences(work: str, source: Path, ours: Path, theirs: Path) -> Iterator[str]:
    """Yield a message for every difference between the selections."""
    duck = duckdb.connect()
    names = {"source": f"'{source}'", "selection": f"'{ours}'"}
    if work == "best":
        for name, path in (("ours", ours), ("theirs", theirs)):
            counts = duck.execute(BEST.format(source=names["source"], selection=f"'{path}'")).fetchall()[0]
            for count, problem in zip(counts, ("prompts missing", "scores not the best", "other rows"), strict=True):
                if count:
                    yield f"{name}: {count} {problem}"
    elif len({duck.execute(TOP.format(selection=f"'{path}'")).fetchall()[0] for path in (ours, theirs)}) > 1:
        yield "the number of rows or the lowest score differs"
    columns = ", ".join(row[0] for row in duck.execute(f"describe select * from {names['source']}").fetchall())
    for query, problem in ((WHOLE, "rows changed"), (ORDER, "rows out of order")):
        count = duck.execute(query.format(columns=columns, **names)).fetchall()[0][0]
        if count:
            yield f"ours: {count} {problem}"


if __name__ == "__main__":
    for problem in find_differences(sys.argv[1], *map(Path, sys.argv[2:5])):
        print(problem)
