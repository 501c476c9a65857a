"""Writes the reference pages of docs/reference from the code: `python tools/reference.py [--check]`.

Commands and options come from the command line itself, recipe keys from the steps, verifiers from their registry, and
public functions from their signatures and docstrings. With --check nothing is written, and the exit code is 1 if a
page differs from what the code says.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
MARK = "<!-- Written by `make reference`; do not edit. -->"


def escape_cell(text: str) -> str:
    """Text as a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def markdown_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Format rows as a Markdown table."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def commands_page() -> Iterator[str]:
    """Every command with its options, as `--help` shows them."""
    import typer

    from winnow.cli.main import CommandGroup, all_commands

    yield f"# Commands\n\n{MARK}\n\nEvery command takes `--help`; those that return a result take `--json`."
    group = CommandGroup(name="winnow")
    for name, info in all_commands().items():
        command = group.get_command(typer.Context(group), name)
        text = (command.help or "").strip().split("\n\n")
        yield f"## winnow {name}\n\n{text[0]}"
        if len(text) > 1:
            yield "```sh\n" + inspect.cleandoc("\n".join(text[1:])) + "\n```"
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        if arguments:
            rows = [
                (f"`{param.metavar or param.name.upper()}`", escape_cell(getattr(param, "help", "") or ""))
                for param in arguments
            ]
            yield markdown_table(("argument", "what it is"), rows)
        option_rows = [
            (
                f"`{', '.join([*param.opts, *param.secondary_opts])}`",
                _option_value(param),
                escape_cell(getattr(param, "help", "") or ""),
            )
            for param in options
            if param.name not in ("help", "install_completion", "show_completion")
        ]
        yield markdown_table(("option", "value", "what it does"), option_rows) + f"\n\nGroup: {info.group}."


def _option_value(param: Any) -> str:
    return f"`{escape_cell(param.metavar)}`" if param.metavar else ""


def recipes_page() -> Iterator[str]:
    """Every key of a recipe."""
    from winnow.pipeline.recipe import Recipe

    yield f"# Recipe keys\n\n{MARK}\n\n`winnow run --schema` prints the same as a JSON Schema, for editors."
    rows = []
    for name, field in Recipe.model_fields.items():
        if name == "plugins":
            continue
        sections = list(_models(field.annotation))
        if sections:
            continue
        rows.append((f"`{name}`", _default(field), escape_cell(field.description or "The seed of everything drawn.")))
    yield markdown_table(("key", "default", "what it does"), rows)
    for name, field in Recipe.model_fields.items():
        for kind in list(_models(field.annotation))[:1]:
            yield f"## {name}\n\n{escape_cell(inspect.getdoc(kind) or '')}\n\n{_key_table(kind)}"


def _key_table(kind: Any, prefix: str = "") -> str:
    return markdown_table(("key", "default", "what it does"), list(_key_rows(kind, prefix)))


def _key_rows(kind: Any, prefix: str = "") -> Iterator[tuple[str, ...]]:
    for name, field in kind.model_fields.items():
        inner = list(_models(field.annotation))
        if inner:
            yield from _key_rows(inner[0], f"{prefix}{name}." if name != "root" else prefix)
        else:
            yield f"`{prefix}{name}`", _default(field), escape_cell(field.description or "")


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    return "" if field.default in (None, (), "") else f"`{escape_cell(str(field.default))}`"


def _models(kind: Any) -> Iterator[Any]:
    from typing import get_args

    from pydantic import BaseModel

    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def verifiers_page() -> Iterator[str]:
    """Every verifier with its options."""
    from winnow.verifiers.registry import verifier_names, verifier_options

    usage = "Set an option with `--set NAME.option=value`, or as a key beside `use` in a recipe."
    yield f"# Verifiers\n\n{MARK}\n\n{usage}"
    for name in verifier_names():
        summary, options = verifier_options(name)
        rows = [(f"`{one.name}`", f"`{one.default}`", escape_cell(one.description)) for one in options]
        yield f"## {name}\n\n{summary}\n\n{markdown_table(('option', 'default', 'what it does'), rows)}"


def python_page() -> Iterator[str]:
    """Every public function and class."""
    import winnow

    yield f"# Python\n\n{MARK}\n\n`import winnow` loads nothing; each name is loaded on first use."
    for name in sorted(winnow.__all__, key=str.lower):
        thing = getattr(winnow, name)
        if not callable(thing):
            continue
        kind = "class" if inspect.isclass(thing) else "function"
        signature = "" if kind == "class" else f"\n\n```python\n{name}{_signature(thing)}\n```"
        text = inspect.getdoc(thing) or ""
        yield f"## {name}{signature}\n\n```text\n{text}\n```" if kind == "function" else f"## {name}\n\n{text}"


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [str(parameter).replace("'", "") for parameter in signature.parameters.values()]
    stars = [i for i, p in enumerate(signature.parameters.values()) if p.kind is inspect.Parameter.KEYWORD_ONLY]
    if stars and not any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in signature.parameters.values()):
        parameters.insert(stars[0], "*")
    body = "".join(f"\n    {parameter}," for parameter in parameters)
    returned = "" if signature.return_annotation is inspect.Signature.empty else f" -> {signature.return_annotation}"
    return f"({body}\n){returned}".replace("'", "")


PAGES = {
    "commands.md": commands_page,
    "recipes.md": recipes_page,
    "verifiers.md": verifiers_page,
    "python.md": python_page,
}


def main() -> int:
    """Write the pages, or compare them with the code."""
    os.environ["TERMINAL_WIDTH"], os.environ["COLUMNS"] = "120", "120"
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, "\n\n".join(page()) + "\n"
        if "--check" in sys.argv[1:]:
            if not path.is_file() or path.read_text("utf-8") != text:
                stale.append(f"docs/reference/{name}")
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for name in stale:
        print(f"{name}: differs from the code; run make reference")
    print("reference: " + ("differs" if stale else "holds"))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
