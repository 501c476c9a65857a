"""The control: as many rows of each prompt as were chosen, drawn by seeded hash whatever their verdict or score.

The rules that do not judge hold for the control too: no repeated texts, no evaluation prompts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from winnow.stages.select.config import SelectConfig
from winnow.stages.select.pool import create_draws
from winnow.tables.table import Table

if TYPE_CHECKING:
    import duckdb

CONTROL_QUERY = """
create temp table control as
select row from (
    select open.row, counts.n, row_number() over (partition by open.prompt order by number, open.row) as turn
    from open join draws using (row)
    join (select prompt, count(*) as n from {chosen} group by prompt) counts
      on open.prompt is not distinct from counts.prompt
) where turn <= n
"""


def draw_control(duck: duckdb.DuckDBPyConnection, table: Table, config: SelectConfig, chosen: str) -> str:
    """Draw the control of the rows in the table `chosen`; returns the name of the table of its row numbers."""
    allowed = "excluded is not true"
    first_of_text_sql = (
        f"and row in (select min(row) from pool where {allowed} group by prompt, text)" if config.distinct else ""
    )
    selected_prompts_sql = f"semi join {chosen} c on p.prompt is not distinct from c.prompt"
    pool = f"(select row, prompt from pool where {allowed} {first_of_text_sql}) p"
    duck.execute(f"create temp table open as select row, prompt from {pool} {selected_prompts_sql}")
    create_draws(duck, table, config.seed, "control", "open")
    duck.execute(CONTROL_QUERY.format(chosen=chosen))
    return "control"
