"""The commands that run recipes and look after what they leave: run, status and check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from winnow.app.options import Document, OutputOptions, command, option
from winnow.app.say import say
from winnow.data.errors import UsageError, nearest
from winnow.data.places.place import place

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
    from winnow.runs.progress import Progress
    from winnow.runs.recipe import read_recipe, schema_of_recipes
    from winnow.runs.run import Run

    if schema:
        import json

        found = schema_of_recipes()
        say(json.dumps(found, indent=1))
        return found
    if recipe is None:
        raise UsageError("RECIPE", "no recipe is given", "For example winnow run recipe.yaml")
    asked = read_recipe(recipe, (*changes, *(["engine.workers=0"] if engine == "inline" else [])))
    work = Run(asked, recipe.parent, Progress(say))
    if dry_run:
        planned = work.plan()
        say(asked.resolved().rstrip(), *planned["words"])
        return planned
    return work.go()


@command
def status(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="the folder a recipe calls out")], output: OutputOptions
) -> Document:
    """Say how a run stands.

    winnow status runs/first
    """
    from winnow.runs.status import status as standing

    found = standing(folder)
    say(f"{folder}: {'a run is at work' if found['running'] else 'no run is at work'}", *found.pop("words"))
    if found["decision"]:
        say(f"card: {found['decision']}")
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
    from winnow.runs.status import check as checked

    if what not in CHECKS:
        raise UsageError("check", f"'{what}' cannot be checked", nearest(what, CHECKS))
    stores = checked(place(path))
    say(*(f"{one['store']}: whole ({one['kind']}, {one['shards']:,} shards, {one['bytes']:,} bytes)" for one in stores))
    return {"stores": stores}
