"""How many labels go to kept rows and how many to dropped ones.

uplift = (1 - P)(a - b), with a and b the shares right among kept and dropped. P is known from all rows, so the interval
shrinks fastest if labels are in the ratio of the standard deviations sqrt(a(1-a)) : sqrt(b(1-b)) (Neyman 1934). Without
labels both are taken to be equal. A guess or earlier labels change the ratio at most to 45 : 55, because under the
sequential boundaries and with a few hundred labels the best ratio is close to one half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_SHARE = 0.45


@dataclass(frozen=True)
class LookAllocation:
    """The labels of each side at an interim look."""

    labels: int
    kept: int
    dropped: int


def share_kept(a: float, b: float) -> float:
    """Return the share of labels for kept rows, from the shares right of the two sides."""
    spread_a, spread_b = math.sqrt(max(a * (1 - a), 0.0)), math.sqrt(max(b * (1 - b), 0.0))
    if spread_a + spread_b == 0:
        return 0.5
    return min(max(spread_a / (spread_a + spread_b), LEAST_SHARE), 1 - LEAST_SHARE)


def shrink_share(right: int, labels: int) -> float:
    """Return a share right from few labels, shrunk toward one half."""
    return (right + 1) / (labels + 2)


def allocate_labels(
    sizes: tuple[int, ...], share: float, rows: tuple[int, int], already_labeled: tuple[int, int] = (0, 0)
) -> list[LookAllocation]:
    """Return the labels per side at each look after the current one; if a side runs out, the other gets its labels."""
    kept, dropped = already_labeled
    allocations = []
    for size in sizes:
        extra = min(size, sum(rows)) - kept - dropped
        if extra <= 0:
            continue
        target = math.floor(share * size + 0.5) - kept
        to_kept = min(max(target, extra - (rows[1] - dropped), 0), extra, rows[0] - kept)
        kept, dropped = kept + to_kept, dropped + extra - to_kept
        allocations.append(LookAllocation(kept + dropped, kept, dropped))
    return allocations
