"""The command `winnow`: its commands by group, each loaded only when it is called.

Promises: an error winnow knows is one line that names its place, its rule and the next step, with the exit code
of its kind (2 usage or input, 3 environment, 4 broken promise, 130 interrupted); with --json it is a document
on stdout as well. It does no work of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class CommandEntry:
    """One line of `winnow --help`: where the command lives and what it is for."""

    group: str
    home: str
    about: str


COMMANDS = {
    "demo": CommandEntry(
        "Decide", "demo:demo", "Word problems, a scripted answerer and a judge that likes long answers."
    ),
    "measure": CommandEntry(
        "Decide", "measure:measure", "What a verifier is worth:  winnow measure v --labels labels.csv"
    ),
    "plan": CommandEntry("Decide", "forecast:plan", "What to label first:  winnow plan v --for measure --out l.csv"),
    "forecast": CommandEntry(
        "Decide",
        "forecast:forecast",
        "Which rule to select by:  winnow forecast t.jsonl --score judge",
    ),
    "outcome": CommandEntry(
        "Decide",
        "outcome:outcome",
        "What training gave:  winnow outcome pilot --score 0.71 --n 500",
    ),
    "combine": CommandEntry(
        "Decide",
        "combine:combine",
        "One verifier out of several:  winnow combine t.jsonl --scores a,b,c --out c",
    ),
    "verify": CommandEntry(
        "Act", "commands:verify", "Judge every candidate:  winnow verify t.jsonl --with exact --out v"
    ),
    "select": CommandEntry(
        "Act", "commands:select", "Choose what to train on:  winnow select v --passed --out s.jsonl"
    ),
    "edit": CommandEntry(
        "Act", "edit:edit", "Draw certain tokens anew:  winnow edit t.jsonl --model DIR --out e.jsonl"
    ),
    "run": CommandEntry("Run", "run:run", "All of it by a recipe, on and on where it stopped:  winnow run recipe.yaml"),
    "status": CommandEntry("Run", "run:status", "How a run stands:  winnow status runs/first"),
    "check": CommandEntry("Run", "run:check", "Is a store sound, byte for byte:  winnow check store runs/first"),
    "simulate": CommandEntry(
        "Science",
        "simulate:simulate",
        "Theory as curves, and ideas of yours:  winnow simulate breakdown --figure f.svg",
    ),
    "reproduce": CommandEntry(
        "Science",
        "reproduce:reproduce",
        "Papers as studies, published beside found:  winnow reproduce --list",
    ),
}


class CommandGroup(TyperGroup):
    """Lists commands by group without importing them, and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if ctx.resilient_parsing or getattr(self, "_listing", False):
            return TyperCommand(cmd_name, help=entry.about, rich_help_panel=entry.group)
        module, _, name = entry.home.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(cmd_name, rich_help_panel=entry.group, no_args_is_help=cmd_name not in ("demo", "simulate"))(
            getattr(import_module(f"winnow.cli.{module}"), name)
        )
        return typer.main.get_command(single)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        super().format_help(ctx, formatter)


app = typer.Typer(
    cls=CommandGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> None:
    if value:
        import winnow

        typer.echo(f"winnow {winnow.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Turn model-made candidates into a training set you can trust, and know before you train what you gain."""


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
