"""The card: what a verifier is worth, from the keep rate of a whole table and a few labeled rows.

Everything comes from three shares: keep rate P over all decided rows, a = right among kept, b = right among dropped
(labels drawn at random or by verdict), or phi, psi and P (labels drawn by label). Intervals are those of intervals.py.
Promises: the same evidence gives the same card, whatever the order of the rows and the names of the prompts; no number
is NaN; a card that cannot say something says why.
It does not read tables, and it does not choose which rows to label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.data.errors import UsageError
from winnow.stats.evidence import Counts, Drawn, Floats, How, Integers, Labeled
from winnow.stats.formulas import Open, more_labels, rates
from winnow.stats.intervals import Figure, Rows, Share, between, coded, joint, keep_share, shares, two_sided
from winnow.stats.prompts.served import served
from winnow.stats.words import HARMS, HELPS, RATES, UNDECIDED, Card, Caution, Settling, Tally, why

__all__ = ["Card", "Caution", "Tally", "card", "sides_of"]

COUNTED = ("n", "kept", "dropped", "decided", "abstain", "error")
ODD = 3.0  # standard errors at which labels do not look drawn as they are said to be


@dataclass(frozen=True, eq=False)
class Sides:
    """The two labeled sides and the keep rate; a side without labels is None. `by_label` tells which two they are."""

    first: Share | None
    second: Share | None
    keep: Share | None
    by_label: bool

    def drawn(self, how: How) -> Floats | None:
        """Joint draws of the three, where all are known."""
        if self.first is None or self.second is None or self.keep is None:
            return None
        return joint([self.first, self.second, self.keep], how.level, how.seed)

    def values(self) -> Floats:
        """The three estimates; NaN where nothing is known."""
        known = (self.first, self.second, self.keep)
        return np.array([[np.nan if share is None else share.value] for share in known])


def sides_of(counts: Counts, labeled: Labeled, drawn: Drawn) -> Sides:
    """Estimate both sides and the keep rate, with what ties them."""
    codes, prompts = coded(labeled.prompt)
    by_label = drawn is Drawn.BY_LABEL
    if by_label and not np.isin(labeled.right, (0.0, 1.0)).all():
        problem = "is by-label, but there are grades: neither right nor wrong"
        raise UsageError(
            "labels-drawn", problem, "Say from which grade on an answer is right, or draw labels otherwise"
        )
    on = labeled.right > 0.5 if by_label else labeled.kept
    outcome = labeled.kept.astype(np.float64) if by_label else labeled.right
    rows = [_rows(outcome, codes, labeled.weight, prompts, side) for side in (on, ~on)]
    found = iter(shares([side for side in rows if side is not None]))
    first, second = (None if side is None else next(found) for side in rows)
    keep = keep_share(counts, labeled, codes, prompts) if counts.decided else None
    return Sides(first, second, keep, by_label)


def _rows(outcome: Floats, codes: Integers, weight: Floats | None, prompts: int, side: Any) -> Rows | None:
    if not side.any():
        return None
    return Rows(outcome[side], codes[side], None if weight is None else weight[side], prompts)


def card(counts: Counts, labeled: Labeled, how: How | None = None) -> Card:
    """The card of one verifier on one table."""
    how = how or How()
    sides = sides_of(counts, labeled, how.drawn)
    figures, uplift_p = _figures(sides, how)
    if counts.decided and not (counts.kept and counts.dropped):
        figures |= _one_sided(counts, sides, how)
    decision = _decision(figures, how)
    more = _more(sides, figures, how) if decision == UNDECIDED else None
    counted: dict[str, Any] = {name: getattr(counts, name) for name in COUNTED}
    rated: dict[str, Any] = {**figures, "p_star_w": None if how.w is None else figures["p_star_w"]}
    return Card(
        **counted,
        **rated,
        labeled=len(labeled),
        prompts=len(np.unique(labeled.prompt)),
        design_effect=_design_effect(sides),
        prompts_served=served(counts, labeled, how),
        decision=decision,
        why=why(counts, labeled, figures, decision, Settling(more, how)),
        uplift_p=uplift_p,
        more_labels=more,
        tally=_tally(labeled),
        how=how,
        warnings=tuple(_cautions(counts, labeled, sides, how)),
    )


def _figures(sides: Sides, how: How) -> tuple[dict[str, Figure], float | None]:
    values = rates(sides.values(), sides.by_label, how.w, draws=False)
    drawn = sides.drawn(how)
    found: dict[str, Figure] = {name: Figure() for name in RATES}
    if sides.keep is not None:
        found["keep_rate"] = between(sides.keep.value, joint([sides.keep], how.level, how.seed)[0], how.level)
    if drawn is None:
        if sides.first is not None and not sides.by_label:
            found["precision"] = between(sides.first.value, joint([sides.first], how.level, how.seed)[0], how.level)
        return found, None
    spread = rates(drawn, sides.by_label, how.w)
    for name in RATES:
        found[name] = between(float(getattr(values, name)[0]), getattr(spread, name), how.level)
    return found, two_sided(spread.uplift)


def _one_sided(counts: Counts, sides: Sides, how: How) -> dict[str, Figure]:
    """A table that is all kept or all dropped: nothing was chosen, so these are exact for it."""
    all_kept = counts.kept > 0
    exact = Figure(float(all_kept), float(all_kept), float(all_kept))
    found: dict[str, Figure] = {"phi": exact, "psi": exact}
    side = None if sides.by_label else sides.first if all_kept else sides.second
    if side is not None:
        wrong = 1 - joint([side], how.level, how.seed)[0]
        found["p"] = between(1 - side.value, wrong, how.level)
        if all_kept:
            found["margin"] = between(side.value - 0.5, 0.5 - wrong, how.level)
    if all_kept:
        found |= {"p_star": Figure(0.5, 0.5, 0.5), "uplift": Figure(0.0, 0.0, 0.0)}
    return found


def _decision(figures: dict[str, Figure], how: How) -> str:
    uplift, precision = figures["uplift"], figures["precision"]
    if uplift.low is None or uplift.high is None:
        return UNDECIDED
    helps, harms = uplift.low > 0, uplift.high < 0
    if how.classes == 2 and precision.low is not None and precision.high is not None:
        helps, harms = helps and precision.low > 0.5, harms or precision.high < 0.5
    return HELPS if helps else HARMS if harms else UNDECIDED


def _more(sides: Sides, figures: dict[str, Figure], how: How) -> tuple[int, int] | None:
    """Labels of kept and of dropped rows that would settle the uplift; by label, of right and of wrong rows."""
    one, other = sides.first, sides.second
    if one is None or other is None:
        return None
    effects = [max(share.rows / share.effective, 1.0) for share in (one, other)]
    return more_labels(Open(one.value, other.value, one.rows, other.rows, *effects), how.level)


def _design_effect(sides: Sides) -> float | None:
    """Labeled rows for each independent row they are worth."""
    known = [share for share in (sides.first, sides.second) if share is not None]
    if not known:
        return None
    return round(float(sum(share.rows for share in known) / sum(share.effective for share in known)), 9)


def _tally(labeled: Labeled) -> Tally:
    kept, right = labeled.kept, labeled.right
    return Tally(*(float(part.sum()) for side in (kept, ~kept) for part in (right[side], 1 - right[side])))


def _cautions(counts: Counts, labeled: Labeled, sides: Sides, how: How) -> list[Caution]:
    rate = counts.keep_rate
    if rate is None or not len(labeled):
        return []
    if sides.by_label:
        ends = [share.value for share in (sides.first, sides.second) if share is not None]
        if len(ends) == 2 and not min(ends) <= rate <= max(ends):
            words = (
                f"the table keeps {rate:.0%} of its rows, which cannot be if {ends[0]:.0%} of right and {ends[1]:.0%}"
                " of wrong rows are kept: the labels may come from other data, or were not drawn by label"
            )
            return [Caution("keep-rate-outside", words)]
        return []
    if how.drawn is Drawn.RANDOM and len(labeled) < counts.decided:
        codes, prompts = coded(labeled.prompt)
        (seen,) = shares([Rows(labeled.kept.astype(np.float64), codes, labeled.weight, prompts)])
        error = np.sqrt(max(rate * (1 - rate), 1e-12) / min(seen.effective, len(labeled)))
        if abs(seen.value - rate) > ODD * error:
            words = (
                f"the verifier keeps {seen.value:.0%} of the labeled rows and {rate:.0%} of the table: the labels do"
                " not look drawn at random; say how they were drawn (--labels-drawn by-verdict or by-label)"
            )
            return [Caution("keep-rate-differs", words)]
    return []
