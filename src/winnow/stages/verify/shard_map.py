"""verify as a map over shards. It holds names and settings, so that every process makes its own verifiers once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.stages.shard_tasks import ShardCounts
from winnow.stages.verify.stage import (
    BATCH_ROWS,
    STORE_SCHEMA,
    check_inputs,
    judge_chunks,
    verdict_rows,
    verifier_config,
    verify_work,
)
from winnow.storage.receipts import WorkSpec
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Verifier

VerifierUse = tuple[str, tuple[tuple[str, object], ...]]
"""A verifier by name, and its settings."""


@dataclass(frozen=True)
class VerifyMap:
    """The verdicts of these verifiers on a shard."""

    uses: tuple[VerifierUse, ...]
    batch: int = BATCH_ROWS

    kind = "verdicts"
    schema = STORE_SCHEMA

    def config(self) -> dict[str, Any]:
        """Names, versions and settings; of a function the sha256 of its source."""
        return verifier_config(_make_verifiers(self.uses))

    def work(self, table: Table, target: Path) -> WorkSpec:
        """The identity of the verdicts of this table."""
        verifiers = _make_verifiers(self.uses)
        check_inputs(table, verifiers)
        return verify_work(table, verifiers, target)

    def rows(self, shard: Table, counts: ShardCounts) -> Iterator[pa.RecordBatch]:
        """One row per candidate and verifier."""
        verifiers = _make_verifiers(self.uses)
        for chunk, roles, verdicts in judge_chunks(shard, verifiers, counts, ["id"], batch_rows=self.batch):
            yield verdict_rows(chunk, roles, verifiers, verdicts)


@cache
def _make_verifiers(uses: tuple[VerifierUse, ...]) -> tuple[Verifier, ...]:
    return tuple(make_verifier(name, dict(settings)) for name, settings in uses)
