"""measure as a fold over shards: each shard gives its evidence, and the card is made from the sum."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from winnow.stages.measure.evidence import Evidence, EvidenceRequest, merge_evidence
from winnow.stages.measure.evidence_reader import summarize_evidence
from winnow.tables.joins import JoinedSource, attach_columns
from winnow.tables.table import Table


@dataclass(frozen=True)
class EvidenceFold:
    """The evidence of a shard, with the labels of its rows if those stand in another file."""

    request: EvidenceRequest
    labels: pa.RecordBatch | None = None

    def summarize(self, shard: Table) -> Evidence:
        """Read the evidence of one shard."""
        labels = self.labels
        if labels is not None:
            source = attach_columns(shard, lambda: iter([labels]), labels.schema.names[1:], {})
            shard = Table(source, shard.columns.without_guesses(), shard.bad_rows)
        return summarize_evidence(shard, self.request)

    def merge(self, left: Evidence, right: Evidence) -> Evidence:
        """Add up the evidence of two shards."""
        return merge_evidence(left, right)


def split_labels_by_shard(table: Table, shard_rows: Sequence[int]) -> list[pa.RecordBatch] | None:
    """Split the labels that a table has from another file, which are few, by shards of so many rows."""
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
