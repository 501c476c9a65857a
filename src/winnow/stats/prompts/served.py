"""The share of prompts that have a right kept candidate, from labels of some rows.

A prompt without a kept row is not served, which verdicts alone tell. A prompt with k kept rows is known when all k are
labeled. Which of the prompts with k kept rows are known depends on how labels were drawn and not on who is right, so
their share served is estimated from the known ones, and weighed by how many prompts have k kept rows.
Promises: every row kept and labeled gives the plain share, with the interval of as many independent prompts. Where for
some k no prompt is known there is no value, only the ends between which it lies: from below a prompt counts as served
where one of the labels it has is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.stats.evidence import Booleans, Counts, Drawn, Floats, How, Integers, Labeled
from winnow.stats.intervals import Figure, Share, between, coded, joint


@dataclass(frozen=True)
class Served:
    """The share with its interval; without a value, `low` and `high` are the ends it lies between.

    `prompts` counts the prompts with kept rows that are known.
    """

    figure: Figure
    prompts: int = 0
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.figure.plain(), "prompts": self.prompts, "why": self.why}


@dataclass(frozen=True, eq=False)
class _Strata:
    """By number of kept rows: how many prompts, how many of them are seen, and the share served of those."""

    prompts: Floats
    seen: Floats
    served: Floats


def served(counts: Counts, labeled: Labeled, how: How) -> Served | None:
    """The share of prompts served; None where the table says nothing of its prompts."""
    table = counts.with_kept
    if table is None or labeled.prompt_kept is None:
        return None
    if not sum(table.values()):
        return Served(Figure(), 0, "the table has no prompt")
    if how.drawn is Drawn.BY_LABEL:
        return Served(Figure(), 0, "labels drawn by label do not show prompts as they are")
    weight = None if labeled.weight is None else labeled.weight[labeled.kept]
    if weight is not None and len(weight) and np.ptp(weight) > 1e-9 * weight.max():
        return Served(Figure(), 0, "kept rows were drawn with unequal chances, so prompts were not seen as they are")
    kept = {number: prompts for number, prompts in table.items() if number and prompts}
    codes, size = coded(labeled.prompt[labeled.kept])
    every, right = np.bincount(codes, minlength=size), np.zeros(size, np.bool_)
    right[codes[labeled.right[labeled.kept] > 0.5]] = True
    has = np.zeros(size)
    has[codes] = labeled.prompt_kept[labeled.kept]
    known = every == has
    strata = _strata(kept, has[known].astype(np.int64), right[known])
    unknown = strata.seen == 0
    total = float(sum(table.values()))
    if not unknown.any():
        return Served(_figure(strata, total, how), int(known.sum()))
    part = _strata(kept, has.astype(np.int64), right)
    least = _figure(_merged(strata, part, unknown, 0.0), total, how)
    most = _figure(_merged(strata, part, unknown, 1.0), total, how)
    missing = strata.prompts[unknown].sum() / strata.prompts.sum()
    why = f"of {missing:.0%} of the prompts with kept rows none like it (as many kept rows) has them all labeled"
    return Served(Figure(None, least.low, most.high), int(known.sum()), why)


def _strata(kept: dict[int, int], has: Integers, right: Booleans) -> _Strata:
    prompts = np.array(list(kept.values()), np.float64)
    place = {number: at for at, number in enumerate(kept)}
    at = np.array([place[int(number)] for number in has], np.int64)
    seen = np.bincount(at, minlength=len(kept)).astype(np.float64)
    hits = np.bincount(at, right, minlength=len(kept)).astype(np.float64)
    return _Strata(prompts, seen, hits / np.maximum(seen, 1))


def _merged(known: _Strata, part: _Strata, unknown: Booleans, most: float) -> _Strata:
    """The known strata, and for the others what their partly labeled prompts allow at least, or at most."""
    seen = np.where(unknown, part.seen if most == 0 else np.inf, known.seen)
    share = np.where(unknown, part.served if most == 0 else 1.0, known.served)
    # Not one label: nothing is seen served, and that is certain to be no more than the truth.
    return _Strata(known.prompts, np.where(seen == 0, np.inf, seen), share)


def _figure(strata: _Strata, total: float, how: How) -> Figure:
    """The weighed share; as certain as the prompts it was seen on and the table's own number of prompts make it."""
    weight = strata.prompts / total
    value = float(weight @ strata.served)
    # A stratum that is all served so far may hold a prompt that is not.
    exact = np.isinf(strata.seen)
    seen = np.where(exact, 1.0, strata.seen)
    smooth = np.where(exact, strata.served, (strata.served * seen + 0.5) / (seen + 1))
    middle = float(weight @ smooth)
    within = float((weight**2 * smooth * (1 - smooth) / seen)[~exact].sum())
    none = 1 - float(weight.sum())
    across = float(weight @ (smooth - middle) ** 2) + none * middle**2
    variance = within + across / total
    effective = min(middle * (1 - middle) / variance, total) if variance > 0 else total
    share = Share(value, max(effective, 1e-6), np.inf, np.zeros(1), 0.0, int(total))
    return between(value, joint([share], how.level, how.seed)[0], how.level)
