"""The order in which to label for the card, before any label is there.

Promises: kept and dropped rows in the ratio that shrinks the uplift's interval fastest, kept ones first up to each
look; rows of a side random, spread over prompts and of equal, known chance; a larger budget, or a plan made again
with the first labels in hand, goes on with the same rows. It reads every decided row's side and prompt, and no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.data.errors import UsageError
from winnow.stats.plans.allocation import Stop, guessed, share_kept, stops
from winnow.stats.plans.boundaries import looks_for
from winnow.stats.plans.enough import smallest_uplift
from winnow.stats.plans.order import Indices, walk

BUDGET = 200


@dataclass(frozen=True, eq=False)
class Decided:
    """Every decided row: its side, its number from `order.numbers`, and its prompt's code if there are prompts."""

    kept: npt.NDArray[np.bool_]
    draws: npt.NDArray[np.uint64]
    prompt: Indices | None = None


@dataclass(frozen=True)
class Sofar:
    """Labels already there that followed an earlier plan of the same rows and seed."""

    kept: int = 0
    kept_right: int = 0
    dropped: int = 0
    dropped_right: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """Rows to label, by their index, in order; `drawn` is a row's chance of being within the budget."""

    order: Indices
    stratum: npt.NDArray[np.str_]
    drawn: npt.NDArray[np.float64]
    looks: tuple[Stop, ...]
    share_kept: float
    prompts: int
    most_per_prompt: int
    settles: float | None

    def plain(self) -> dict[str, Any]:
        """As JSON-able numbers; the rows themselves stand in order, stratum and drawn."""
        return {
            "labels": len(self.order),
            "share_kept": self.share_kept,
            "prompts": self.prompts,
            "most_per_prompt": self.most_per_prompt,
            "settles": self.settles,
            "looks": [stop.plain() for stop in self.looks],
        }


def plan(
    rows: Decided,
    budget: int = BUDGET,
    sofar: Sofar | None = None,
    guess: tuple[float, float] = (0.5, 0.5),
    seed: int = 0,
) -> Plan:
    """Which rows to label next, up to `budget` labels in all; `guess` stands for a and b while nothing is labeled."""
    if budget < 1:
        raise UsageError("--budget", f"{budget} labels is less than one", "State at least 1")
    done = sofar or Sofar()
    sides = [np.flatnonzero(rows.kept), np.flatnonzero(~rows.kept)]
    sizes = (len(sides[0]), len(sides[1]))
    share = _share(done, guess)
    looks = tuple(size for size in looks_for(budget) if size < budget)
    at = stops((*looks, budget), share, sizes, (done.kept, done.dropped))
    wanted = (at[-1].kept, at[-1].dropped) if at else (done.kept, done.dropped)
    walks = [_walk(rows, side, count, seed) for side, count in zip(sides, wanted, strict=True)]
    order, is_kept = _interleaved(walks, at, done)
    chances = [count / max(size, 1) for count, size in zip(wanted, sizes, strict=True)]
    per_prompt = _labels_per_prompt(rows, order)
    return Plan(
        order=order,
        stratum=np.where(is_kept, "kept", "dropped"),
        drawn=np.where(is_kept, chances[0], chances[1]),
        looks=tuple(at),
        share_kept=share,
        prompts=len(per_prompt),
        most_per_prompt=int(per_prompt.max(initial=0)),
        settles=smallest_uplift(sum(wanted), share, sizes) if all(sizes) else None,
    )


def _share(done: Sofar, guess: tuple[float, float]) -> float:
    if not done.kept or not done.dropped:
        return share_kept(*guess)
    return share_kept(guessed(done.kept_right, done.kept), guessed(done.dropped_right, done.dropped))


def _walk(rows: Decided, side: Indices, count: int, seed: int) -> Indices:
    prompt = None if rows.prompt is None else rows.prompt[side]
    return side[walk(prompt, rows.draws[side], count, seed)]


def _interleaved(walks: list[Indices], at: list[Stop], done: Sofar) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Block by block up to each look: the kept rows, then the dropped ones."""
    before = (done.kept, done.dropped)
    blocks, is_kept = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.bool_)]
    for stop in at:
        for side, until in enumerate((stop.kept, stop.dropped)):
            block = walks[side][before[side] : until]
            blocks.append(block)
            is_kept.append(np.full(len(block), side == 0))
        before = (stop.kept, stop.dropped)
    return np.concatenate(blocks), np.concatenate(is_kept)


def _labels_per_prompt(rows: Decided, order: Indices) -> Indices:
    if rows.prompt is None:
        return np.ones(len(order), dtype=np.int64)
    return np.unique(rows.prompt[order], return_counts=True)[1].astype(np.int64)
