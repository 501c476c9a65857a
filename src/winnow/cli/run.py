"""The commands that run recipes and look after what they leave: run, status and check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, command, option
from winnow.errors import UsageError, suggest_name
from winnow.storage.locations.location import parse_location

CHECKS = ("store",)
Changes = Annotated[
    list[str], option("--set", "change the recipe: select.top_share=0.25, verify.number.marker='A:'", None, "KEY=VALUE")
]


@command
def run(
    output: OutputOptions,
    recipe: Annotated[Path | None, typer.Argument(metavar="RECIPE", help="a recipe: FILE.yaml")] = None,
    changes: Changes = [],  # noqa: B006  # Typer reads the default
    dry_run: Annotated[bool, option("--dry-run", "check everything, say what would be done, write nothing")] = False,
    engine: Annotated[
        Literal["local", "inline"], option("--engine", "local: processes of this machine; inline: none", None, "ENGINE")
    ] = "local",
    schema: Annotated[bool, option("--schema", "print the JSON Schema of recipes, for editors")] = False,
) -> Document:
    """Run a recipe: import, verify, measure, select. The same command again goes on where it stopped.

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
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the folder a recipe calls out")], output: OutputOptions
) -> Document:
    """Say how a run stands.

    winnow status runs/first
    """
    from winnow.pipeline.status import read_status as standing

    found = standing(folder)
    print_lines(f"{folder}: {'a run is at work' if found['running'] else 'no run is at work'}", *found.pop("words"))
    if found["decision"]:
        print_lines(f"card: {found['decision']}")
    return found


@command
def check(
    what: Annotated[str, typer.Argument(metavar="store", help="what kind of thing is checked")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="a store, or the folder of a run")],
    output: OutputOptions,
) -> Document:
    """Check that a store is sound: every byte against its receipt.

    winnow check store runs/first
    """
    from winnow.pipeline.status import check_stores as checked

    if what not in CHECKS:
        raise UsageError("check", f"'{what}' cannot be checked", suggest_name(what, CHECKS))
    stores = checked(parse_location(path))
    print_lines(
        *(f"{one['store']}: whole ({one['kind']}, {one['shards']:,} shards, {one['bytes']:,} bytes)" for one in stores)
    )
    return {"stores": stores}
