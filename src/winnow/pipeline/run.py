"""Runs: the steps of a recipe in their order. The same command again continues a stopped run.

Every result is a store whose identity says which work it is the result of. Finished results are not computed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from winnow.pipeline.recipe import Recipe
from winnow.pipeline.run_context import RunContext, RunObserver
from winnow.pipeline.run_folder import append_log, lock_run_folder, remove_partial_files, write_run_facts
from winnow.storage.locations.location import require_local


@dataclass
class Run:
    """A recipe and the folder in which it runs."""

    recipe: Recipe
    base: Path
    observer: RunObserver = field(default_factory=RunObserver)

    @property
    def out(self) -> Path:
        """The folder of the run."""
        return self.base / require_local(self.recipe.out, "out", "a run works in a local folder, which it locks")

    def execute(self) -> dict[str, Any]:
        """Do what is not finished yet, and return the report of every step."""
        with lock_run_folder(self.out):
            remove_partial_files(self.out)
            write_run_facts(self.out, self.recipe.to_yaml(), self.recipe.seed)
            context = self._context()
            with context.workers:
                for step in self.recipe.steps():
                    start = perf_counter()
                    step.execute(context)
                    append_log(self.out, step.step_name, perf_counter() - start)
        return {"out": str(self.out), "stages": context.step_results}

    def plan(self) -> dict[str, Any]:
        """Check what can be checked without writing, and describe what would be done."""
        table, context = self.recipe.data.table(self.base), self._context()
        lines = [line for step in self.recipe.steps() for line in step.plan(table, context)]
        return {"out": str(self.out), "recipe": self.recipe.model_dump(mode="json"), "words": lines}

    def _context(self) -> RunContext:
        return RunContext(self.base, self.out, self.recipe.seed, self.recipe.engine, self.observer)
