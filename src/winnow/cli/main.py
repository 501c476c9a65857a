"""The command `winnow`: its commands by group, each imported only when it is called.

An error that winnow knows is one line naming its place, the rule and the next step, with the exit code of its kind;
with --json it is a document on stdout as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from winnow.stages import all_stages


@dataclass(frozen=True)
class CommandInfo:
    """A line of `winnow --help`."""

    group: str
    summary: str
    path: str
    """The command as `module:function`."""
    runs_without_arguments: bool = False


OTHER_COMMANDS = {
    "demo": CommandInfo(
        "Decide", "See the main job on word problems:  winnow demo --train", "winnow.cli.demo:demo", True
    ),
    "run": CommandInfo("Run", "Run a recipe, or continue a run:  winnow run recipe.yaml", "winnow.cli.run:run"),
    "status": CommandInfo("Run", "Show how far a run is:  winnow status runs/first", "winnow.cli.run:status"),
    "check": CommandInfo("Run", "Check every byte of a store:  winnow check store runs/first", "winnow.cli.run:check"),
    "simulate": CommandInfo(
        "Science",
        "Simulate the theory:  winnow simulate breakdown --figure f.svg",
        "winnow.cli.simulate:simulate",
        True,
    ),
    "reproduce": CommandInfo(
        "Science", "Reproduce a paper:  winnow reproduce --list", "winnow.cli.reproduce:reproduce"
    ),
}
GROUPS = ("Decide", "Act", "Run", "Science")
STAGE_COMMAND_MODULES = {"Decide": "decide", "Act": "rows"}


def all_commands() -> dict[str, CommandInfo]:
    """Every command by name, in the order of `winnow --help`."""
    stages = {
        name: CommandInfo(
            stage.group, stage.summary, stage.command_path or f"winnow.cli.{STAGE_COMMAND_MODULES[stage.group]}:{name}"
        )
        for name, stage in all_stages().items()
    }
    commands = {**OTHER_COMMANDS, **stages}
    return {name: commands[name] for group in GROUPS for name in commands if commands[name].group == group}


class CommandGroup(TyperGroup):
    """Lists commands by group without importing them, and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(all_commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        info = all_commands().get(cmd_name)
        if info is None:
            return None
        if ctx.resilient_parsing or getattr(self, "_listing", False):
            return TyperCommand(cmd_name, help=info.summary, rich_help_panel=info.group)
        module, _, name = info.path.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(cmd_name, rich_help_panel=info.group, no_args_is_help=not info.runs_without_arguments)(
            getattr(import_module(module), name)
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
    """Turn model-generated candidates into training data you can trust, and see before training what you gain."""


def main() -> None:
    """Run the command line, as the console script does."""
    app()


if __name__ == "__main__":
    main()
