"""The step `verify`: the verdicts of one or more verifiers on every candidate, shard by shard."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from winnow.pipeline.run_context import Provides, RunContext
from winnow.stages.config import Door, option, options_named_for
from winnow.stages.verify.report import describe_verdicts, summarize_verdicts
from winnow.stages.verify.shard_map import VerifierUse, VerifyMap
from winnow.storage.shard_receipt import merge_counters
from winnow.storage.store import open_store
from winnow.tables.table import Table


class VerifyEntry(BaseModel):
    """A verifier; every key beside `use` is one of its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: Annotated[str, option("A verifier by name, or a function as module:function.", flag="--with")]


class VerifyStep(RootModel[Annotated[tuple[VerifyEntry, ...], Field(min_length=1)]]):
    """The section verify: the verifiers and their options."""

    model_config = ConfigDict(frozen=True)

    step_name: ClassVar[str] = "verify"
    store_names: ClassVar[tuple[str, ...]] = ("verdicts",)
    provides: ClassVar[Provides] = Provides.VERDICTS

    def plan(self, table: Table, context: RunContext) -> list[str]:
        stage = VerifyMap(self._uses())
        with options_named_for(Door.RECIPE, VerifyEntry, prefix="verify."):
            stage.work(table, context.out)
        return [f"verify: by {', '.join(entry['name'] for entry in stage.config()['verifiers'])}"]

    def execute(self, context: RunContext) -> None:
        stage, target = VerifyMap(self._uses(), context.engine.batch), context.out / "verdicts"
        results = context.map_shards(self.step_name, stage, context.rows, target)
        # The processes and models of verifiers end with the workers.
        context.workers.shut_down()
        store = open_store(target)
        context.provide(self.provides, "verdicts", store)
        row_counts = store.receipt.books
        verdicts = [summarize_verdicts(name, counts) for name, counts in merge_counters(results or []).items()]
        message = "\n".join([f"{row_counts.keep:,} candidates judged", *map(describe_verdicts, verdicts)])
        context.finish_step(
            self.step_name, message, already_done=results is None, verifiers=verdicts, **row_counts.to_dict()
        )

    def _uses(self) -> tuple[VerifierUse, ...]:
        return tuple((entry.use, tuple(sorted((entry.model_extra or {}).items()))) for entry in self.root)
