"""A run: the steps of a recipe in their order; the same command again goes on where it stopped.

Every result is a store whose identity says of which work it is. What stands finished is not done again, what was
asked for otherwise is moved aside, and nothing depends on the engine, the batch or the moment of an interruption.
What each step does stands in `steps`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.data.places.place import local
from winnow.runs.folder import clear_partials, keep_facts, locked, log
from winnow.runs.recipe import Recipe
from winnow.runs.under_way import UnderWay, Watcher


@dataclass
class Run:
    """A recipe, and the folder it is done in."""

    recipe: Recipe
    base: Path
    watcher: Watcher = field(default_factory=Watcher)

    @property
    def out(self) -> Path:
        """The folder of the run."""
        return self.base / local(self.recipe.out, "out", "a run works in a local folder, which it locks")

    def go(self) -> dict[str, Any]:
        """Do what is not done yet; returns what each step says of itself."""
        with locked(self.out):
            clear_partials(self.out)
            keep_facts(self.out, self.recipe.resolved(), self.recipe.seed)
            run = self._under_way()
            with run.workers:
                for step in self.recipe.steps():
                    start = perf_counter()
                    step.go(run)
                    log(self.out, step.step, perf_counter() - start)
        return {"out": str(self.out), "stages": run.told}

    def plan(self) -> dict[str, Any]:
        """Check what can be checked without writing, and say what would be done."""
        table, run = self.recipe.data.table(self.base), self._under_way()
        words = [said for step in self.recipe.steps() for said in step.plan(table, run)]
        return {"out": str(self.out), "recipe": self.recipe.model_dump(mode="json"), "words": words}

    def _under_way(self) -> UnderWay:
        return UnderWay(self.base, self.out, self.recipe.seed, self.recipe.engine, self.watcher)
