"""measure as a fold over shards: each says what it has of evidence, and the card is made of the whole."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from winnow.stages.measure.evidence import EvidenceRequest, summarize_evidence
from winnow.stages.measure.shard_evidence import ShardEvidence, merge_evidence
from winnow.tables.joins import JoinedSource, attach_columns
from winnow.tables.table import Table


@dataclass(frozen=True)
class EvidenceFold:
    """The evidence of a shard, with its labels that came from another file laid beside it."""

    request: EvidenceRequest
    labels: pa.RecordBatch | None = None

    def summarize(self, shard: Table) -> ShardEvidence:
        """What one shard says."""
        labels = self.labels
        if labels is None:
            return summarize_evidence(shard, self.request)
        source = attach_columns(shard, lambda: iter([labels]), labels.schema.names[1:], {})
        return summarize_evidence(Table(source, shard.columns.without_guesses(), shard.bad_rows), self.request)

    def merge(self, left: ShardEvidence, right: ShardEvidence) -> ShardEvidence:
        """What both say."""
        return merge_evidence(left, right)


def split_labels_by_shard(table: Table, shard_rows: Sequence[int]) -> list[pa.RecordBatch] | None:
    """The labels that another file laid beside a table, for shards of so many rows; they are few."""
    source = table.source
    if not isinstance(source, JoinedSource) or source.label_files is None:
        return None
    labels = pa.Table.from_batches(list(source.stream())).combine_chunks()
    ends = np.searchsorted(labels[0].to_numpy(), np.cumsum([0, *shard_rows]))
    names = ["row", *source.columns]
    return [
        pa.RecordBatch.from_arrays(
            [column.combine_chunks() for column in labels.slice(start, end - start).columns], names=names
        )
        for start, end in itertools.pairwise(ends.tolist())
    ]
