"""How many of the next labels go to kept rows and how many to dropped ones.

uplift = (1 - P)(a - b), a and b the shares right among kept and dropped. P is known from all rows, so what a label
buys depends on its side alone: the interval shrinks fastest when labels stand in the ratio of the two standard
deviations sqrt(a(1-a)) : sqrt(b(1-b)), whatever P is (Neyman 1934). Before any label both are taken to be equal:
half and half. A guess of a and b, or labels already there, move the ratio, but only up to 45 : 55. That rule is for the
plain normal interval; at the looks' boundaries and with some hundred labels the best ratio lies near half and half, and
going all the way takes more labels until the decision, not fewer. Within the labels up to a look, kept rows come first:
what they say is worth knowing by itself.

It does not choose rows: that is order.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

LEAST_SHARE = 0.45


@dataclass(frozen=True)
class LookAllocation:
    """The labels of each side that a look at this size is taken with."""

    labels: int
    kept: int
    dropped: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able numbers."""
        return {"labels": self.labels, "kept": self.kept, "dropped": self.dropped}


def share_kept(a: float, b: float) -> float:
    """The share of labels that kept rows get, from the shares right of the two sides."""
    spread_a, spread_b = math.sqrt(max(a * (1 - a), 0.0)), math.sqrt(max(b * (1 - b), 0.0))
    if spread_a + spread_b == 0:
        return 0.5
    return min(max(spread_a / (spread_a + spread_b), LEAST_SHARE), 1 - LEAST_SHARE)


def shrink_share(right: int, labels: int) -> float:
    """A share right from few labels, drawn towards one half."""
    return (right + 1) / (labels + 2)


def allocate_labels(
    sizes: tuple[int, ...], share: float, rows: tuple[int, int], already_labeled: tuple[int, int] = (0, 0)
) -> list[LookAllocation]:
    """The labels per side at each look beyond those done; a side that runs out gives its labels to the other."""
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
