"""The commands run, status and check: run recipes, show how far a run is, and check stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, cli_option, command
from winnow.errors import UsageError, suggest_name
from winnow.storage.locations.location import parse_location

CHECKS = ("store",)
Changes = Annotated[
    list[str],
    cli_option(
        "--set", "Change a key of the recipe: select.top_share=0.25 or verify.number.marker='A:'.", None, "KEY=VALUE"
    ),
]


@command
def run(
    output: OutputOptions,
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
    from winnow.pipeline.progress import ProgressReporter
    from winnow.pipeline.recipe import read_recipe, recipe_json_schema
    from winnow.pipeline.run import Run

    if schema:
        import json

        json_schema = recipe_json_schema()
        print_lines(json.dumps(json_schema, indent=1))
        return json_schema
    if recipe is None:
        raise UsageError("RECIPE", "no recipe is given", "For example winnow run recipe.yaml")
    parsed_recipe = read_recipe(recipe, (*changes, *(["engine.workers=0"] if engine == "inline" else [])))
    work = Run(parsed_recipe, recipe.parent, ProgressReporter(print_lines))
    if dry_run:
        plan_document = work.plan()
        print_lines(parsed_recipe.to_yaml().rstrip(), *plan_document["words"])
        return plan_document
    return work.execute()


@command
def status(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the folder that the recipe calls out")],
    output: OutputOptions,
) -> Document:
    """Show which results of a run are finished and how far the others are.

    winnow status runs/first
    """
    from winnow.pipeline.status import read_status

    found = read_status(folder)
    print_lines(f"{folder}: {'a run is active' if found['running'] else 'no run is active'}", *found.pop("words"))
    if found["decision"]:
        print_lines(f"card: {found['decision']}")
    return found


@command
def check(
    what: Annotated[str, typer.Argument(metavar="store", help="what kind of thing to check")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="a store, or the folder of a run")],
    output: OutputOptions,
) -> Document:
    """Check every byte of a store against its receipt.

    winnow check store runs/first
    """
    from winnow.pipeline.status import check_stores

    if what not in CHECKS:
        raise UsageError("check", f"'{what}' cannot be checked", suggest_name(what, CHECKS))
    stores = check_stores(parse_location(path))
    print_lines(
        *(
            f"{store['store']}: intact ({store['kind']}, {store['shards']:,} shards, {store['bytes']:,} bytes)"
            for store in stores
        )
    )
    return {"stores": stores}
