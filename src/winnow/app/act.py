"""The commands that act on rows: verify and select."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from winnow.app.options import COLUMNS, Column, Document, OutputOptions, TableOptions, command, option
from winnow.app.say import say
from winnow.data.table import Table
from winnow.stages import front
from winnow.stages.results import Rows

RULES = "Rules (applied in this order)"
BESIDE = "Beside the selection"

TABLE = typer.Argument(metavar="TABLE", help="a file, a 'glob*', a store, or - for JSON Lines on standard input")
Out = Annotated[
    str | None,
    option("--out", "where to write: FILE.jsonl, FILE.csv, FILE.parquet, or a folder for a store", None, "OUT"),
]


@command
def verify(
    table: Annotated[str, TABLE],
    reading: TableOptions,
    output: OutputOptions,
    verifiers: Annotated[
        str, option("--with", "exact, number, or a function as module:function; several: a,b", None, "NAME[,NAME]")
    ],
    settings: Annotated[
        list[str], option("--set", "an option of a verifier, for example number.marker='A:'", None, "NAME.OPTION=VALUE")
    ] = [],  # noqa: B006  # Typer reads the default
    out: Out = None,
) -> Document:
    """Judge every candidate with one or more verifiers: pass, fail, abstain or error.

    winnow verify t.jsonl --prompt task --text answer --reference gold --with exact --out v
    """
    from winnow.verifiers.named import settings_for, verifier

    names = [name.strip() for name in verifiers.split(",") if name.strip()]
    given = settings_for(names, settings)
    judges = [verifier(name, given[name]) for name in names]
    opened = _opened(table, reading)
    return told(front.verify(opened, *judges, out=out), out)


@dataclass(frozen=True)
class RuleOptions:
    """The rules of a selection."""

    passed: Annotated[
        bool | None, option("--passed/--no-passed", "verdict pass; on by default where there are verdicts", RULES)
    ] = None
    threshold: Annotated[float | None, option("--threshold", "score at least t", RULES, "T")] = None
    best_of: Annotated[
        str | None, option("--best-of", "draw N scored candidates of each prompt and keep the best", RULES, "N|all")
    ] = None
    keep: Annotated[int, option("--keep", "how many of --best-of to keep (default 1)", RULES, "K")] = 1
    top_share: Annotated[float | None, option("--top-share", "the best share of all remaining rows", RULES, "S")] = None
    distinct: Annotated[bool, option("--distinct", "each text once per prompt", RULES)] = False
    max_rows: Annotated[int | None, option("--max-rows", "at most N rows, drawn by seeded hash", RULES, "N")] = None
    exclude: Annotated[
        str | None, option("--exclude", "leave out prompts of this table (an evaluation set)", RULES, "FILE")
    ] = None
    by: Annotated[str, option("--by", "how --exclude compares: text (default) or ngram13", RULES, "text|ngram13")] = (
        "text"
    )
    mix_real: Annotated[str | None, option("--mix-real", "add real rows from this table", RULES, "FILE")] = None
    real_share: Annotated[float | None, option("--real-share", "share of the result that is real", RULES, "A")] = None

    def given(self) -> dict[str, Any]:
        """The rules that were given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class SelectOptions:
    """What stands beside the rules."""

    control: Annotated[
        str | None, option("--control", "also write as many rows of each prompt drawn at random", BESIDE, "FILE")
    ] = None
    verdict: Annotated[
        Column, option("--verdict", "the verdicts --passed goes by; several: all must pass", COLUMNS, "COLUMN")
    ] = None
    verdicts: Annotated[
        str | None, option("--verdicts", "a store of verdicts to join by candidate id", BESIDE, "STORE")
    ] = None
    lower_is_better: Annotated[bool, option("--lower-is-better", "a low score is a good score", BESIDE)] = False
    seed: Annotated[int, option("--seed", "seed of draws and ties (default 0)", BESIDE, "N")] = 0


@command
def select(
    table: Annotated[str, TABLE],
    rules: RuleOptions,
    beside: SelectOptions,
    reading: TableOptions,
    output: OutputOptions,
    out: Out = None,
) -> Document:
    """Choose the rows to train on, and a control to compare against.

    winnow select v --passed --out s.jsonl --control c.jsonl
    """
    opened = _opened(table, reading, verdicts=beside.verdicts)
    said = {"lower_is_better": beside.lower_is_better, "seed": beside.seed, **rules.given()}
    if beside.verdict is not None:
        said["verdict"] = beside.verdict
    chosen = front.select(opened, out=out, control=beside.control or False, **said)
    return told(chosen, out)


def _opened(path: str, reading: TableOptions, **more: Any) -> Table:
    table = front.table(path, **reading.given(), **{name: value for name, value in more.items() if value is not None})
    say(table.columns.said())
    return table


def told(result: Rows, out: str | None) -> Document:
    """Say what came of it, and where it was written."""
    say(result.words())
    if result.summary.get("quarantined"):
        say(f"  set aside: {result.summary['quarantined']:,} bad rows, listed in {out}.quarantine.jsonl")
    if out is None:
        say("nothing was written: name a place with --out")
    elif result.summary.get("already_done"):
        say(f"{out} already holds this very result; nothing was done again")
    else:
        say(f"wrote {out}")
    return result.summary
