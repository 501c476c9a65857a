"""What one shard says of a table's verifiers: small, and the same in whichever order shards are added up.

All candidates of a prompt stand in one shard, so what its labeled rows know of their prompts is whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from winnow.stages.decide.prompts import Floats, OfPrompt, Sums

Codes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
Slice = str | None
"""The name of a slice; None is the whole table."""


@dataclass(frozen=True, eq=False)
class Partial:
    """What one shard, or several, say: a summary that others can be added to, if no prompt stands in both.

    Arrays have one entry per labeled row, as in `Evidence`.
    """

    counts: dict[Slice, Integers]
    row: Integers
    key: Objects
    verdict: Codes
    label: Floats
    drawn: Floats
    slice: Objects
    answer: Objects
    sums: dict[Slice, list[Sums]] = field(default_factory=dict)
    in_table: OfPrompt | None = None
    in_slice: OfPrompt | None = None


def merge(one: Partial, other: Partial) -> Partial:
    """Of both."""
    return Partial(
        counts=_added(one.counts, other.counts),
        row=np.concatenate([one.row, other.row]),
        key=np.concatenate([one.key, other.key]),
        verdict=np.concatenate([one.verdict, other.verdict], axis=1),
        label=np.concatenate([one.label, other.label], axis=1),
        drawn=np.concatenate([one.drawn, other.drawn]),
        slice=np.concatenate([one.slice, other.slice]),
        answer=np.concatenate([one.answer, other.answer]),
        sums=_summed(one.sums, other.sums),
        in_table=_both(one.in_table, other.in_table),
        in_slice=_both(one.in_slice, other.in_slice),
    )


def _added(one: dict[Slice, Integers], other: dict[Slice, Integers]) -> dict[Slice, Integers]:
    return {**one, **{name: values + one[name] if name in one else values for name, values in other.items()}}


def _summed(one: dict[Slice, list[Sums]], other: dict[Slice, list[Sums]]) -> dict[Slice, list[Sums]]:
    both = {name: [a.plus(b) for a, b in zip(one[name], other[name], strict=True)] for name in one if name in other}
    return {**one, **other, **both}


def _both(one: OfPrompt | None, other: OfPrompt | None) -> OfPrompt | None:
    return None if one is None or other is None else one.plus(other)
