"""What one shard says of a table's verifiers: small, and the same in whichever order shards are added up.

All candidates of a prompt stand in one shard, so what its labeled rows know of their prompts is whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from winnow.stages.measure.prompt_sums import Floats, LabeledPromptCounts, PromptSums

Codes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
SliceName = str | None
"""The name of a slice; None is the whole table."""


@dataclass(frozen=True, eq=False)
class ShardEvidence:
    """What one shard, or several, say: a summary that others can be added to, if no prompt stands in both.

    Arrays have one entry per labeled row, as in `Evidence`.
    """

    counts: dict[SliceName, Integers]
    row: Integers
    key: Objects
    verdict: Codes
    label: Floats
    drawn: Floats
    slice: Objects
    answer: Objects
    sums: dict[SliceName, list[PromptSums]] = field(default_factory=dict)
    table_prompt_counts: LabeledPromptCounts | None = None
    slice_prompt_counts: LabeledPromptCounts | None = None


def merge_evidence(left: ShardEvidence, right: ShardEvidence) -> ShardEvidence:
    """Of both."""
    return ShardEvidence(
        counts=_add_counts(left.counts, right.counts),
        row=np.concatenate([left.row, right.row]),
        key=np.concatenate([left.key, right.key]),
        verdict=np.concatenate([left.verdict, right.verdict], axis=1),
        label=np.concatenate([left.label, right.label], axis=1),
        drawn=np.concatenate([left.drawn, right.drawn]),
        slice=np.concatenate([left.slice, right.slice]),
        answer=np.concatenate([left.answer, right.answer]),
        sums=_add_sums(left.sums, right.sums),
        table_prompt_counts=_append_prompt_counts(left.table_prompt_counts, right.table_prompt_counts),
        slice_prompt_counts=_append_prompt_counts(left.slice_prompt_counts, right.slice_prompt_counts),
    )


def _add_counts(left: dict[SliceName, Integers], right: dict[SliceName, Integers]) -> dict[SliceName, Integers]:
    return {**left, **{name: values + left[name] if name in left else values for name, values in right.items()}}


def _add_sums(
    left: dict[SliceName, list[PromptSums]], right: dict[SliceName, list[PromptSums]]
) -> dict[SliceName, list[PromptSums]]:
    both = {name: [a.add(b) for a, b in zip(left[name], right[name], strict=True)] for name in left if name in right}
    return {**left, **right, **both}


def _append_prompt_counts(
    left: LabeledPromptCounts | None, right: LabeledPromptCounts | None
) -> LabeledPromptCounts | None:
    return None if left is None or right is None else left.append(right)
