"""Chooses the rows of a shard and of its control, and counts them. A table that is not sharded is one shard.

A shard holds all candidates of its prompts, so most rules decide in it what they would decide in the whole table. The
rules that rank all rows are given the last row to keep (see `shard_job`). Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from winnow.stages.select.config import SelectConfig
from winnow.stages.select.contamination import EvaluationPrompts
from winnow.stages.select.pool import PoolInput, create_draws, fetch_row_numbers, load_pool
from winnow.stages.select.rule_queries import DROP_REASONS, Cutoffs, RuleQueries, SelectionState, count_prompts
from winnow.stages.select.text_lengths import TextLengths
from winnow.tables.chunks import RowNumbers
from winnow.tables.duckdb_session import open_duckdb
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table

if TYPE_CHECKING:
    import duckdb

Counts = dict[str, dict[str, int]]
"""What is counted of a shard, in whole numbers that add up over shards."""

CONTROL_QUERY = """
create temp table control as
select row from (
    select open.row, counts.n, row_number() over (partition by open.prompt order by number, open.row) as turn
    from open join draws using (row)
    join (select prompt, count(*) as n from {chosen} group by prompt) counts
      on open.prompt is not distinct from counts.prompt
) where turn <= n
"""


@dataclass(frozen=True)
class ShardSelection:
    """The settings of a selection, the same for all shards.

    Attributes:
        config: The options, with `passed` decided.
        verdicts: The columns of verdicts that decide.
        exclude: The evaluation prompts, or the path from which each process reads them.
    """

    config: SelectConfig
    verdicts: tuple[str, ...] = ()
    exclude: str | EvaluationPrompts | None = None

    @contextmanager
    def open_pool(
        self, shard: Table, cutoffs: Cutoffs | None, lengths: TextLengths | None = None
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, RuleQueries, int]]:
        """Load the candidates of a shard; yields the connection, the rules, and the number of rows."""
        evaluation = self.exclude
        if isinstance(evaluation, str):
            evaluation = _load_evaluation(evaluation, self.config.exclude_by)
        # Other processes work on other shards at the same time.
        with open_duckdb(threads=2 if cutoffs is None else 1) as duck:
            total = load_pool(duck, PoolInput(shard, self.config, self.verdicts, evaluation, lengths))
            yield duck, RuleQueries(duck, shard, self.config, evaluation is not None, cutoffs), total


@dataclass(frozen=True, eq=False)
class RowChoice:
    """The chosen rows of a shard and those of its control, by number."""

    rows: RowNumbers
    control: RowNumbers
    total: int
    state: SelectionState
    prompts: tuple[int, int]
    lengths: TextLengths

    def counts(self) -> Counts:
        """What was counted; call it after the lengths of the chosen texts were added."""
        return {
            "in": {step["rule"]: step["in"] for step in self.state.steps},
            "out": {step["rule"]: step["out"] for step in self.state.steps},
            "rows": {"total": self.total, "chosen": self.state.count},
            "prompts": dict(zip(("before", "after"), self.prompts, strict=True)),
            "lengths": asdict(self.lengths),
        }


def choose_rows(selection: ShardSelection, shard: Table, cutoffs: Cutoffs | None, with_control: bool) -> RowChoice:
    """Apply the rules to a shard.

    Args:
        selection: The settings.
        shard: The candidates.
        cutoffs: Where the rules that rank all rows cut; None if the shard is the whole table, which finds them.
        with_control: Whether to draw a control; if not, the control of the result is empty.
    """
    lengths = TextLengths()
    with selection.open_pool(shard, cutoffs, lengths) as (duck, rules, total):
        state = rules.apply_rules()
        rows = fetch_row_numbers(duck, state.name)
        control = rows[:0]
        if with_control:
            control = fetch_row_numbers(duck, draw_control(duck, shard, selection.config, state.name))
        prompts = count_prompts(duck, state) if shard.has_role("prompt") else (0, 0)
    return RowChoice(rows, control, total, state, prompts, lengths)


def draw_control(duck: duckdb.DuckDBPyConnection, table: Table, config: SelectConfig, chosen: str) -> str:
    """Draw as many rows of each prompt as were chosen, by seeded hash, whatever their verdict or score.

    The rules that do not judge hold for the control too: no repeated texts, no evaluation prompts.

    Args:
        duck: The connection that holds the pool.
        table: The table of the pool.
        config: The options.
        chosen: The DuckDB table of the chosen rows.

    Returns:
        The DuckDB table of the row numbers of the control.
    """
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


def summarize_counts(table: Table, rule: str, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The summary of a selection, from the counts of its shards added up."""
    rows_in, rows_out, rows, prompts = (counts.get(name, {}) for name in ("in", "out", "rows", "prompts"))
    total, chosen = rows["total"], rows["chosen"]
    shift: dict[str, Any] = {"length": TextLengths(**counts["lengths"]).to_dict()}
    if table.has_role("prompt"):
        before, after = prompts["before"], prompts["after"]
        shift |= {"prompts": before, "prompts_kept": after, "prompts_lost": before - after}
        answers = {"raw": total / before if before else None, "kept": chosen / after if after else None}
        shift["answers_per_prompt"] = answers
    return {
        "rows": chosen,
        "table": table.name,
        "columns": table.columns.to_dict(),
        "rule": rule,
        "rows_in": total,
        "quarantined": len(table.bad_rows),
        "undecided": rows_in.get("undecided", 0) - rows_out.get("undecided", 0),
        "without_score": rows_in.get("without score", 0) - rows_out.get("without score", 0),
        "selected": chosen,
        "real": 0,
        "steps": [
            {"rule": reason, "in": rows_in[reason], "out": rows_out[reason]}
            for reason in DROP_REASONS
            if reason in rows_in
        ],
        "shift": shift,
    }


@cache
def _load_evaluation(path: str, by: str) -> EvaluationPrompts:
    return EvaluationPrompts(open_rows(path), by)
