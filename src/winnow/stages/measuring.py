"""measure as a fold over shards: each says what it has of evidence, and the card is made of the whole."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from winnow.data.stores.joined import Attached, attach
from winnow.data.table import Table
from winnow.stages.decide.evidence import Asked, summarize
from winnow.stages.decide.partial import Partial, merge


@dataclass(frozen=True)
class Evidencing:
    """The evidence of a shard, with its labels that came from another file laid beside it."""

    asked: Asked
    labels: pa.RecordBatch | None = None

    def summarize(self, shard: Table) -> Partial:
        """What one shard says."""
        labels = self.labels
        if labels is None:
            return summarize(shard, self.asked)
        source = attach(shard, lambda: iter([labels]), labels.schema.names[1:], {})
        return summarize(Table(source, shard.columns.stated(), shard.bad), self.asked)

    def merge(self, one: Partial, other: Partial) -> Partial:
        """What both say."""
        return merge(one, other)


def labels_by_shard(table: Table, rows: Sequence[int]) -> list[pa.RecordBatch] | None:
    """The labels that another file laid beside a table, for shards of so many rows; they are few."""
    source = table.source
    if not isinstance(source, Attached) or source.labels is None:
        return None
    labels = pa.Table.from_batches(list(source.stream())).combine_chunks()
    ends = np.searchsorted(labels[0].to_numpy(), np.cumsum([0, *rows]))
    names = ["row", *source.columns]
    return [
        pa.RecordBatch.from_arrays([c.combine_chunks() for c in labels.slice(a, b - a).columns], names=names)
        for a, b in itertools.pairwise(ends.tolist())
    ]
