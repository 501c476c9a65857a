"""The step `verify`: what the verifiers say of every candidate, shard by shard."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from winnow.pipeline.run_context import RunContext
from winnow.stages.verify import shard_map
from winnow.stages.verify.shard_map import VerifyMap
from winnow.stages.verify.stage import VerdictTally, describe_tally
from winnow.storage.shard_receipt import merge_counters
from winnow.storage.store import open_store
from winnow.tables.table import Table


class VerifyEntry(BaseModel):
    """A verifier by name or as module:function; every other key is one of its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str


class VerifyStep(RootModel[Annotated[tuple[VerifyEntry, ...], Field(min_length=1)]]):
    """The verifiers."""

    model_config = ConfigDict(frozen=True)

    step_name: ClassVar[str] = "verify"
    store_names: ClassVar[tuple[str, ...]] = ("verdicts",)

    def plan(self, table: Table, context: RunContext) -> list[str]:
        stage = VerifyMap(self.verifier_settings())
        stage.work(table, context.out)
        return [f"verify: by {', '.join(entry['name'] for entry in stage.config()['verifiers'])}"]

    def execute(self, context: RunContext) -> None:
        stage, target = VerifyMap(self.verifier_settings(), context.engine.batch), context.out / "verdicts"
        done = context.map_shards(self.step_name, stage, context.latest("edits", "candidates"), target)
        # What verifiers hold, other processes and models, goes with the workers.
        context.workers.shut_down()
        store = context.stores["verdicts"] = open_store(target)
        row_counts = store.receipt.books
        tallies = [VerdictTally(name, counts).to_dict() for name, counts in merge_counters(done or []).items()]
        message = "\n".join([f"{row_counts.keep:,} candidates judged", *map(describe_tally, tallies)])
        context.finish_step(
            self.step_name, message, already_done=done is None, verifiers=tallies, **row_counts.to_dict()
        )

    def verifier_settings(self) -> tuple[shard_map.VerifierUse, ...]:
        """The verifiers, by name and settings."""
        return tuple((entry.use, tuple(sorted((entry.model_extra or {}).items()))) for entry in self.root)
