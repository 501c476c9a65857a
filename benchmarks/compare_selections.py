"""Whether two selections of the same rows agree: `python bench/agree.py WORK SOURCE OURS THEIRS`; prints what does not.

Best of all: one row of every prompt, each with its prompt's best score, and the same row where no other shares it.
Top share: as many rows, and the same least score. Ours must also stand in the order of the source, each row whole.
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
select (select count(*) from best) - (select count(*) from {one}),
       (select count(*) from best anti join {one} using (prompt_id, score)),
       (select count(*) from shared anti join {one} using (candidate_id))
"""
TOP = "select count(*), min(score) from {one}"
WHOLE = "select count(*) from {one} ours anti join {source} source using ({columns})"
ORDER = """
select count(*) from (select candidate_id < lag(candidate_id) over (order by file_row_number) as back
                      from read_parquet({one}, file_row_number = true)) where back
"""


def find_differences(work: str, source: Path, ours: Path, theirs: Path) -> Iterator[str]:
    """What does not hold, in words; nothing when all of it does."""
    duck = duckdb.connect()
    names = {"source": f"'{source}'", "one": f"'{ours}'"}
    if work == "best":
        for which, path in (("ours", ours), ("theirs", theirs)):
            found = duck.execute(BEST.format(source=names["source"], one=f"'{path}'")).fetchall()[0]
            for count, problem in zip(found, ("prompts missing", "scores not the best", "other rows"), strict=True):
                if count:
                    yield f"{which}: {count} {problem}"
    elif len({duck.execute(TOP.format(one=f"'{path}'")).fetchall()[0] for path in (ours, theirs)}) > 1:
        yield "the number of rows or the least score differs"
    columns = ", ".join(row[0] for row in duck.execute(f"describe select * from {names['source']}").fetchall())
    for query, problem in ((WHOLE, "rows not as they were"), (ORDER, "rows out of order")):
        count = duck.execute(query.format(columns=columns, **names)).fetchall()[0][0]
        if count:
            yield f"ours: {count} {problem}"


if __name__ == "__main__":
    for problem in find_differences(sys.argv[1], *map(Path, sys.argv[2:5])):
        print(problem)
