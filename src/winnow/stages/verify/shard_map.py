"""verify as a map over shards: the verifiers are named, so that every process can make its own and keep it warm."""

from __future__ import annotations

from collections import Counter
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
    count_verdicts,
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
    """The verdicts of these verifiers."""

    uses: tuple[VerifierUse, ...]
    batch: int = BATCH_ROWS

    kind = "verdicts"
    schema = STORE_SCHEMA

    def config(self) -> dict[str, Any]:
        """Names, versions and settings; of a function the sha256 of its source."""
        return verifier_config(_make_verifiers(self.uses))

    def work(self, table: Table, target: Path) -> WorkSpec:
        """The verdicts of this table."""
        verifiers = _make_verifiers(self.uses)
        check_inputs(table, verifiers)
        return verify_work(table, verifiers, target)

    def rows(self, shard: Table, counts: ShardCounts) -> Iterator[pa.RecordBatch]:
        """One row per candidate and verifier."""
        verifiers = _make_verifiers(self.uses)
        for chunk, parts, verdicts in judge_chunks(shard, verifiers, ["id"], False, self.batch):
            counts.rows += len(chunk)
            for judge, judgments in zip(verifiers, verdicts, strict=True):
                counts.verdicts.setdefault(judge.name, Counter()).update(count_verdicts(judgments))
            yield verdict_rows(chunk, parts, verifiers, verdicts)


@cache
def _make_verifiers(uses: tuple[VerifierUse, ...]) -> tuple[Verifier, ...]:
    """The verifiers themselves, made once in a process."""
    return tuple(make_verifier(name, dict(settings)) for name, settings in uses)
