"""The commands that act on rows: verify and select."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from winnow import api
from winnow.cli.console import print_lines
from winnow.cli.options import COLUMNS_PANEL, Column, Document, OutputOptions, TableOptions, command, option
from winnow.stages.results import Rows
from winnow.tables.table import Table

RULES_PANEL = "Rules (applied in this order)"
SELECTION_PANEL = "Beside the selection"

TABLE_ARGUMENT = typer.Argument(
    metavar="TABLE", help="a file, a 'glob*', a store, or - for JSON Lines on standard input"
)
OutOption = Annotated[
    str | None,
    option("--out", "where to write: FILE.jsonl, FILE.csv, FILE.parquet, or a folder for a store", None, "OUT"),
]


@command
def verify(
    table: Annotated[str, TABLE_ARGUMENT],
    reading: TableOptions,
    output: OutputOptions,
    verifiers: Annotated[
        str, option("--with", "exact, number, or a function as module:function; several: a,b", None, "NAME[,NAME]")
    ],
    settings: Annotated[
        list[str], option("--set", "an option of a verifier, for example number.marker='A:'", None, "NAME.OPTION=VALUE")
    ] = [],  # noqa: B006  # Typer reads the default
    out: OutOption = None,
) -> Document:
    """Judge every candidate with one or more verifiers: pass, fail, abstain or error.

    winnow verify t.jsonl --prompt task --text answer --reference gold --with exact --out v
    """
    from winnow.verifiers.registry import make_verifier, parse_settings

    names = [name.strip() for name in verifiers.split(",") if name.strip()]
    settings_by_verifier = parse_settings(names, settings)
    judges = [make_verifier(name, settings_by_verifier[name]) for name in names]
    opened = _open_table(table, reading)
    return report_result(api.verify(opened, *judges, out=out), out)


@dataclass(frozen=True)
class RuleOptions:
    """The rules of a selection."""

    passed: Annotated[
        bool | None, option("--passed/--no-passed", "verdict pass; on by default where there are verdicts", RULES_PANEL)
    ] = None
    threshold: Annotated[float | None, option("--threshold", "score at least t", RULES_PANEL, "T")] = None
    best_of: Annotated[
        str | None,
        option("--best-of", "draw N scored candidates of each prompt and keep the best", RULES_PANEL, "N|all"),
    ] = None
    keep: Annotated[int, option("--keep", "how many of --best-of to keep (default 1)", RULES_PANEL, "K")] = 1
    top_share: Annotated[
        float | None, option("--top-share", "the best share of all remaining rows", RULES_PANEL, "S")
    ] = None
    distinct: Annotated[bool, option("--distinct", "each text once per prompt", RULES_PANEL)] = False
    max_rows: Annotated[int | None, option("--max-rows", "at most N rows, drawn by seeded hash", RULES_PANEL, "N")] = (
        None
    )
    exclude: Annotated[
        str | None, option("--exclude", "leave out prompts of this table (an evaluation set)", RULES_PANEL, "FILE")
    ] = None
    by: Annotated[
        str, option("--by", "how --exclude compares: text (default) or ngram13", RULES_PANEL, "text|ngram13")
    ] = "text"
    mix_real: Annotated[str | None, option("--mix-real", "add real rows from this table", RULES_PANEL, "FILE")] = None
    real_share: Annotated[
        float | None, option("--real-share", "share of the result that is real", RULES_PANEL, "A")
    ] = None

    def to_keywords(self) -> dict[str, Any]:
        """The rules that were given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class SelectOptions:
    """What stands beside the rules."""

    control: Annotated[
        str | None,
        option("--control", "also write as many rows of each prompt drawn at random", SELECTION_PANEL, "FILE"),
    ] = None
    verdict: Annotated[
        Column, option("--verdict", "the verdicts --passed goes by; several: all must pass", COLUMNS_PANEL, "COLUMN")
    ] = None
    verdicts: Annotated[
        str | None, option("--verdicts", "a store of verdicts to join by candidate id", SELECTION_PANEL, "STORE")
    ] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score", SELECTION_PANEL)] = (
        False
    )
    seed: Annotated[int, option("--seed", "seed of draws and ties (default 0)", SELECTION_PANEL, "N")] = 0


@command
def select(
    table: Annotated[str, TABLE_ARGUMENT],
    rules: RuleOptions,
    selection: SelectOptions,
    reading: TableOptions,
    output: OutputOptions,
    out: OutOption = None,
) -> Document:
    """Choose the rows to train on, and a control to compare against.

    winnow select v --passed --out s.jsonl --control c.jsonl
    """
    opened = _open_table(table, reading, verdicts=selection.verdicts)
    keywords = {"lower_is_better": selection.lower_is_better, "seed": selection.seed, **rules.to_keywords()}
    if selection.verdict is not None:
        keywords["verdict"] = selection.verdict
    selected = api.select(opened, out=out, control=selection.control or False, **keywords)
    return report_result(selected, out)


def _open_table(path: str, reading: TableOptions, **keywords: Any) -> Table:
    table = api.table(
        path, **reading.to_keywords(), **{name: value for name, value in keywords.items() if value is not None}
    )
    print_lines(table.columns.summary())
    return table


def report_result(result: Rows, out: str | None) -> Document:
    """Say what came of it, and where it was written."""
    print_lines(result.describe())
    if result.summary.get("quarantined"):
        print_lines(f"  set aside: {result.summary['quarantined']:,} bad rows, listed in {out}.quarantine.jsonl")
    if out is None:
        print_lines("nothing was written: name a place with --out")
    elif result.summary.get("already_done"):
        print_lines(f"{out} already holds this very result; nothing was done again")
    else:
        print_lines(f"wrote {out}")
    return result.summary
