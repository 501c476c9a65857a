"""The decorator `command`, which makes a Typer command of a function, prints its errors and sets the exit code.

The parameters of the function are configs, whose fields become options, and plain arguments and options.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_type_hints

import typer
from pydantic_core import PydanticUndefined

import winnow
from winnow.cli.console import print_error
from winnow.errors import EnvironmentFault, WinnowError
from winnow.stages.config import Door, StageConfig, option_flag, option_info

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


JsonOption = Annotated[bool, cli_option("--json", "Print one JSON document on stdout, and text for people on stderr.")]


def command(function: Callable[..., Document]) -> Callable[..., None]:
    """Make a Typer command from a function that takes configs and returns its document.

    The command also has the option --json: then only the document goes to stdout, with the name of the command and the
    version of winnow, and all other text goes to stderr, including what a user's own function prints.
    """
    hints = get_type_hints(function, include_extras=True)
    configs: dict[str, type[StageConfig]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, StageConfig)
    }

    @functools.wraps(function)
    def run_command(**values: Any) -> None:
        as_json = values.pop("json_output")
        try:
            groups = {
                name: kind.read({field: values.pop(field) for field in kind.model_fields}, Door.COMMAND)
                for name, kind in configs.items()
            }
            with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
                document = function(**values, **groups)
            if as_json:
                _print_document({"command": function.__name__, "winnow": winnow.__version__, **document})
            if document.get("unmet"):
                raise typer.Exit(EXIT_LIMIT)
        except WinnowError as error:
            raise _report_error(error, as_json) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            # An error of the operating system that no other place caught: print a message instead of a traceback.
            where, problem = str(error.filename or "the machine"), error.strerror or str(error)
            fault = EnvironmentFault(where, f"was refused ({problem})", "Check the disk, the path and its permissions")
            raise _report_error(fault, as_json) from error
        except KeyboardInterrupt as interrupt:
            print("interrupted: nothing is left half-written; run the same command again to continue", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from interrupt

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in configs:
            parameters.extend(_option_parameters(configs[name]))
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
    parameters.append(
        inspect.Parameter("json_output", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption)
    )
    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    run_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run_command


def _print_document(content: Document) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))


def _report_error(error: WinnowError, as_json: bool) -> typer.Exit:
    """Print an error, with --json also as the document, and return what ends the command with its exit code."""
    print_error(error)
    if as_json:
        parts = {"where": error.where, "problem": error.problem, "next_step": error.next_step}
        _print_document({"error": {**parts, "exit_code": error.exit_code}})
    return typer.Exit(error.exit_code)


def _option_parameters(config: type[StageConfig]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(config)
    for name, field in config.model_fields.items():
        info = option_info(field)
        kind: Any = info.command_type or hints[name]
        default = inspect.Parameter.empty if field.is_required() else field.default
        if info.command_type is not None and not field.is_required():
            default, kind = None, kind | type(None)
        help_text = _help_text(field.description or "", field.default)
        annotation: Any = Annotated[kind, cli_option(option_flag(name, field), help_text, info.panel, info.metavar)]
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _help_text(description: str, default: object) -> str:
    """Return the description with the default, unless that is empty, a switch, or described already."""
    if isinstance(default, bool) or default in (None, PydanticUndefined, (), "") or "default" in description:
        return description
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{description.removesuffix('.')} (default {shown})."
