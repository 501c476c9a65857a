"""The step `verify`: what the verifiers say of every candidate, shard by shard."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from winnow.data.stores.shards.done import counted
from winnow.data.stores.store import open_store
from winnow.data.table import Table
from winnow.runs.under_way import UnderWay
from winnow.stages import verifying
from winnow.stages.verify import Tally, said
from winnow.stages.verifying import Verifying


class Use(BaseModel):
    """A verifier by name or as module:function; every other key is one of its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str


class Verify(RootModel[Annotated[tuple[Use, ...], Field(min_length=1)]]):
    """The verifiers."""

    model_config = ConfigDict(frozen=True)

    step: ClassVar[str] = "verify"
    leaves: ClassVar[tuple[str, ...]] = ("verdicts",)

    def plan(self, table: Table, run: UnderWay) -> list[str]:
        stage = Verifying(self.uses())
        stage.work(table, run.out)
        return [f"verify: by {', '.join(one['name'] for one in stage.config()['verifiers'])}"]

    def go(self, run: UnderWay) -> None:
        stage, target = Verifying(self.uses(), run.engine.batch), run.out / "verdicts"
        done = run.mapped(self.step, stage, run.stores["candidates"], target)
        # What verifiers hold, other processes and models, goes with the workers.
        run.workers.let_go()
        store = run.stores["verdicts"] = open_store(target)
        books = store.receipt.books
        tallies = [Tally(name, counts).plain() for name, counts in counted(done or []).items()]
        words = "\n".join([f"{books.keep:,} candidates judged", *map(said, tallies)])
        run.ends(self.step, words, already_done=done is None, verifiers=tallies, **books.plain())

    def uses(self) -> tuple[verifying.Use, ...]:
        """The verifiers, by name and settings."""
        return tuple((one.use, tuple(sorted((one.model_extra or {}).items()))) for one in self.root)
