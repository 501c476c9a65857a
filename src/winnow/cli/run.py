"""The commands run, status and check: run recipes, show how far a run is, and check stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from winnow.cli.console import print_lines
from winnow.cli.options import Document, cli_option, command
from winnow.errors import UsageError, suggest_name
from winnow.storage.locations.location import parse_location

Changes = Annotated[
    list[str],
    cli_option(
        "--set", "Change a key of the recipe: select.top_share=0.25 or verify.number.marker='A:'.", None, "KEY=VALUE"
    ),
]


@command
def run(
    recipe: Annotated[Path | None, typer.Argument(metavar="RECIPE", help="a recipe, FILE.yaml")] = None,
    changes: Changes = [],  # noqa: B006  # Typer reads the default
    dry_run: Annotated[
        bool, cli_option("--dry-run", "Check everything and describe what would be done; write nothing.")
    ] = False,
    engine: Annotated[
        Literal["local", "inline"],
        cli_option("--engine", "local uses processes of this machine, inline only this one.", None, "ENGINE"),
    ] = "local",
    schema: Annotated[bool, cli_option("--schema", "Print the JSON Schema of recipes, for editors.")] = False,
) -> Document:
    """Run a recipe: import, edit, verify, measure, select, train. The same command again continues a stopped run.

    winnow run recipe.yaml --set select.top_share=0.25
    """
    from winnow.pipeline.recipe import Recipe, read_recipe
    from winnow.pipeline.run import execute_recipe, plan_recipe
    from winnow.pipeline.run_context import ProgressReporter

    if schema:
        import json

        json_schema = Recipe.model_json_schema()
        print_lines(json.dumps(json_schema, indent=1))
        return json_schema
    if recipe is None:
        raise UsageError("RECIPE", "no recipe is given", "For example winnow run recipe.yaml")
    parsed_recipe = read_recipe(recipe, (*changes, *(["engine.workers=0"] if engine == "inline" else [])))
    if dry_run:
        plan_document = plan_recipe(parsed_recipe, recipe.parent)
        print_lines(parsed_recipe.to_yaml().rstrip(), *plan_document["words"])
        return plan_document
    return execute_recipe(parsed_recipe, recipe.parent, ProgressReporter(print_lines))


@command
def status(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the folder that the recipe calls out")],
) -> Document:
    """Show which results of a run are finished and how far the others are.

    winnow status runs/first
    """
    from winnow.pipeline.run import read_status

    document = read_status(folder)
    print_lines(f"{folder}: {'a run is active' if document['running'] else 'no run is active'}", *document.pop("words"))
    if document["decision"]:
        print_lines(f"card: {document['decision']}")
    return document


@command
def check(
    what: Annotated[str, typer.Argument(metavar="store", help="what kind of thing to check")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="a store, or the folder of a run")],
) -> Document:
    """Check every byte of a store against its receipt.

    winnow check store runs/first
    """
    from winnow.pipeline.run import check_stores

    if what != "store":
        raise UsageError("check", f"'{what}' cannot be checked", suggest_name(what, ("store",)))
    stores = check_stores(parse_location(path))
    for store in stores:
        size = f"{store['shards']:,} shards, {store['bytes']:,} bytes"
        print_lines(f"{store['store']}: intact ({store['kind']}, {size})")
    return {"stores": stores}
