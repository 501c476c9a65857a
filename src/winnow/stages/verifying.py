"""verify as a map over shards: the verifiers are named, so that every process can make its own and keep it warm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.data.stores.receipts import Work
from winnow.data.table import Table
from winnow.stages.mapping import Tallied
from winnow.stages.verify import BATCH, STORED, config_of, counted, judged, ready, stored, work_of
from winnow.verifiers.named import verifier
from winnow.verifiers.verdicts import Verifier

Use = tuple[str, tuple[tuple[str, object], ...]]
"""A verifier by name, and its settings."""


@dataclass(frozen=True)
class Verifying:
    """The verdicts of these verifiers."""

    uses: tuple[Use, ...]
    batch: int = BATCH

    kind = "verdicts"
    schema = STORED

    def config(self) -> dict[str, Any]:
        """Names, versions and settings; of a function the sha256 of its source."""
        return config_of(_made(self.uses))

    def work(self, table: Table, target: Path) -> Work:
        """The verdicts of this table."""
        verifiers = _made(self.uses)
        ready(table, verifiers)
        return work_of(table, verifiers, target)

    def rows(self, shard: Table, tallied: Tallied) -> Iterator[pa.RecordBatch]:
        """One row per candidate and verifier."""
        verifiers = _made(self.uses)
        for chunk, parts, verdicts in judged(shard, verifiers, ["id"], False, self.batch):
            tallied.rows += len(chunk)
            for one, said in zip(verifiers, verdicts, strict=True):
                tallied.said.setdefault(one.name, Counter()).update(counted(said))
            yield stored(chunk, parts, verifiers, verdicts)


@cache
def _made(uses: tuple[Use, ...]) -> tuple[Verifier, ...]:
    """The verifiers themselves, made once in a process."""
    return tuple(verifier(name, dict(settings)) for name, settings in uses)
