"""The control: as many rows of each prompt as were chosen, drawn by seeded hash whatever the verifier said.

Rules that do not judge hold for the control too: no repeated texts, no evaluation prompts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from winnow.stages.select.pool import create_draws
from winnow.stages.select.rules import SelectionRules
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


def draw_control(duck: duckdb.DuckDBPyConnection, table: Table, rules: SelectionRules, chosen: str) -> str:
    """The name of the table of the control's row numbers."""
    allowed = "excluded is not true"
    first_of_text_sql = (
        f"and row in (select min(row) from pool where {allowed} group by prompt, text)" if rules.distinct else ""
    )
    selected_prompts_sql = f"semi join {chosen} c on p.prompt is not distinct from c.prompt"
    pool = f"(select row, prompt from pool where {allowed} {first_of_text_sql}) p"
    duck.execute(f"create temp table open as select row, prompt from {pool} {selected_prompts_sql}")
    create_draws(duck, table, rules.seed, "control", "open")
    duck.execute(CONTROL_QUERY.format(chosen=chosen))
    return "control"
