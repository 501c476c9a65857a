"""The options commands share, and how a command takes them.

An options group is a frozen dataclass whose fields are Typer options; `command` spreads the fields over the
command line and hands the command the group. So one place says how a table is named, and no function has twenty
parameters. `command` is also where errors end: it prints them and sets the exit code.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

from winnow.cli.console import print_document, print_error
from winnow.errors import EnvironmentFault, WinnowError

COLUMNS_PANEL = "Columns (what is not named is guessed, and said)"
READING_PANEL = "Reading"
EXIT_OVER_LIMIT = 1
EXIT_INTERRUPTED = 130


def option(flag: str, about: str, panel: str | None = None, metavar: str | None = None) -> Any:
    """A Typer option for a field of a group."""
    return typer.Option(flag, help=about, rich_help_panel=panel, metavar=metavar, show_default=False)


Column = str | None


@dataclass(frozen=True)
class TableOptions:
    """How the table is read."""

    id: Annotated[Column, option("--id", "the candidate's id", COLUMNS_PANEL, "COLUMN")] = None
    prompt: Annotated[
        Column, option("--prompt", "what groups the candidates: an id or the text", COLUMNS_PANEL, "COLUMN")
    ] = None
    prompt_text: Annotated[Column, option("--prompt-text", "the prompt as text", COLUMNS_PANEL, "COLUMN")] = None
    text: Annotated[Column, option("--text", "the candidate's text", COLUMNS_PANEL, "COLUMN")] = None
    messages: Annotated[
        Column,
        option("--messages", "a message list; its last assistant turn is the candidate", COLUMNS_PANEL, "COLUMN"),
    ] = None
    reference: Annotated[Column, option("--reference", "the right answer", COLUMNS_PANEL, "COLUMN")] = None
    score: Annotated[Column, option("--score", "a number per candidate", COLUMNS_PANEL, "COLUMN")] = None
    candidates: Annotated[
        Column,
        option(
            "--candidates", "a list of candidates per row; several lists side by side: a,b", COLUMNS_PANEL, "COLUMN"
        ),
    ] = None
    bad_rows: Annotated[
        str, option("--bad-rows", "refuse (default), or quarantine:N to set up to N bad rows aside", READING_PANEL)
    ] = "refuse"

    def to_keywords(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}


@dataclass(frozen=True)
class OutputOptions:
    """How the command answers."""

    json: Annotated[bool, option("--json", "print one JSON document on stdout, words on stderr")] = False


Document = dict[str, Any]


def command(function: Callable[..., Document]) -> Callable[..., None]:
    """A Typer command out of a function that takes options groups and returns its document.

    With --json the document alone goes to stdout: what a user's own function prints goes to stderr.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)
    }
    flat = _flat_parameters(function, hints, groups)

    @functools.wraps(function)
    def run_command(**arguments: Any) -> None:
        option_groups = {
            name: kind(**{f.name: arguments.pop(f.name) for f in fields(kind)}) for name, kind in groups.items()
        }
        as_json = any(getattr(group, "json", False) for group in option_groups.values())
        try:
            with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
                content = function(**arguments, **option_groups)
            if as_json:
                print_document(content)
            if content.get("unmet"):
                raise typer.Exit(EXIT_OVER_LIMIT)
        except WinnowError as error:
            print_error(error, as_json)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            # What no place foresaw the machine to refuse: still words, and no traceback.
            where, reason = str(error.filename or "the machine"), error.strerror or str(error)
            fault = EnvironmentFault(where, f"was refused ({reason})", "Check the disk, the path and its permissions")
            print_error(fault, as_json)
            raise typer.Exit(fault.exit_code) from error
        except KeyboardInterrupt as interrupt:
            print("interrupted: nothing half-done was left; give the same command again", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from interrupt

    run_command.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]  # what Typer reads
    run_command.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return run_command


def _flat_parameters(
    function: Callable[..., Document], hints: dict[str, Any], groups: dict[str, type[Any]]
) -> list[inspect.Parameter]:
    """The parameters of a command with each group replaced by its fields."""
    flat: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in groups:
            flat.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            default = field.default if field.default_factory is MISSING else field.default_factory()
            flat_parameter = inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default)
            flat.append(flat_parameter.replace(annotation=types[field.name]))
    return flat
