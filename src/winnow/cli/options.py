"""How a command takes its options, and where its errors end.

A command is a function whose parameters are stage configs (their fields become options), groups of options of its
own, and plain arguments. The decorator `command` makes the Typer command from it, checks the configs, prints errors
and sets the exit code.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import winnow
from winnow.cli.console import print_document, print_error
from winnow.errors import EnvironmentFault, WinnowError
from winnow.stages.config import Door, StageConfig, option, option_flag, option_info

EXIT_LIMIT = 1
EXIT_INTERRUPTED = 130

Document = dict[str, Any]
TableArgument = Annotated[
    str, typer.Argument(metavar="TABLE", help="a file, a 'glob*', a store, or - for JSON Lines on standard input")
]


def cli_option(flag: str, description: str, panel: str | None = None, metavar: str | None = None) -> Any:
    """An option that only a command has, not the stage."""
    return typer.Option(flag, help=description, rich_help_panel=panel, metavar=metavar, show_default=False)


OutOption = Annotated[
    str | None,
    cli_option("--out", "where to write: FILE.jsonl, FILE.csv, FILE.parquet, or a folder for a store", None, "OUT"),
]


class OutputOptions(StageConfig):
    """How a command answers."""

    json_output: Annotated[
        bool, option("Print one JSON document on stdout, and text for people on stderr.", flag="--json")
    ] = False


def command(function: Callable[..., Document]) -> Callable[..., None]:
    """Make a Typer command from a function that takes configs and returns its document.

    With --json only the document goes to stdout, with the name of the command and the version of winnow; what a user's
    own function prints goes to stderr.
    """
    hints = get_type_hints(function, include_extras=True)
    configs: dict[str, type[StageConfig]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, StageConfig)
    }
    parameters = _flatten(function, hints, configs)

    @functools.wraps(function)
    def run_command(**values: Any) -> None:
        as_json = bool(values.get("json_output"))
        try:
            groups = {
                name: kind.read({field: values.pop(field) for field in kind.model_fields}, Door.COMMAND)
                for name, kind in configs.items()
            }
            with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
                document = function(**values, **groups)
            if as_json:
                print_document({"command": function.__name__, "winnow": winnow.__version__, **document})
            if document.get("unmet"):
                raise typer.Exit(EXIT_LIMIT)
        except WinnowError as error:
            print_error(error, as_json)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            # A refusal by the machine that no other place expected: a message, and no traceback.
            where, problem = str(error.filename or "the machine"), error.strerror or str(error)
            fault = EnvironmentFault(where, f"was refused ({problem})", "Check the disk, the path and its permissions")
            print_error(fault, as_json)
            raise typer.Exit(fault.exit_code) from error
        except KeyboardInterrupt as interrupt:
            print("interrupted: nothing is left half-written; run the same command again to go on", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from interrupt

    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    run_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run_command


def _flatten(
    function: Callable[..., Document], hints: dict[str, Any], configs: dict[str, type[StageConfig]]
) -> list[inspect.Parameter]:
    """The parameters of a command, with each config replaced by an option per field."""
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in configs:
            parameters.extend(_option_parameters(configs[name]))
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
    return parameters


def _option_parameters(config: type[BaseModel]) -> list[inspect.Parameter]:
    hints = get_type_hints(config)
    parameters = []
    for name, field in config.model_fields.items():
        info = option_info(field)
        kind: Any = info.command_type or hints[name]
        default = inspect.Parameter.empty if field.default is PydanticUndefined else field.default
        if info.command_type is not None and default is not inspect.Parameter.empty:
            default, kind = None, kind | type(None)
        help_text = _help_text(field.description or "", field.default)
        annotation: Any = Annotated[
            kind,
            typer.Option(
                option_flag(name, field),
                help=help_text,
                rich_help_panel=info.panel,
                metavar=info.metavar,
                show_default=False,
            ),
        ]
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    return parameters


def _help_text(description: str, default: object) -> str:
    """The description, with the default where there is one to speak of."""
    if (
        default is None
        or isinstance(default, bool)
        or default in (PydanticUndefined, (), "")
        or "default" in description
    ):
        return description
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{description.removesuffix('.')} (default {shown})."
