"""The card as programs and people read it: its numbers, and its words, the most useful line first.

Promises: a label made by a model is called agreement with that model, never right; nothing is said that is not known,
and no number is NaN.
It computes nothing but percentages: card.py does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from typing import Any

from winnow.stats.evidence import Counts, Drawn, How, Labeled
from winnow.stats.formulas import Rates
from winnow.stats.intervals import Figure
from winnow.stats.prompts.served import Served

HELPS, HARMS, UNDECIDED = "helps", "harms", "undecided"
RATES = tuple(field.name for field in fields(Rates))
PER = 10_000
LOPSIDED = 0.25  # an interval this much longer on one side is written with both ends


@dataclass(frozen=True)
class Caution:
    """Something to know before believing a number."""

    code: str
    words: str

    def plain(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Tally:
    """Labeled rows by verdict and label; grades count by their size."""

    kept_right: float = 0.0
    kept_wrong: float = 0.0
    dropped_right: float = 0.0
    dropped_wrong: float = 0.0


@dataclass(frozen=True)
class Card:
    """What is known of a verifier. Rates are over decided rows; `n` counts all rows, `labeled` the decided ones."""

    n: int
    labeled: int
    kept: int
    dropped: int
    decided: int
    abstain: int
    error: int
    prompts: int
    design_effect: float | None
    phi: Figure
    psi: Figure
    p: Figure
    p_star: Figure
    p_star_w: Figure | None
    margin: Figure
    precision: Figure
    uplift: Figure
    keep_rate: Figure
    prompts_served: Served | None
    decision: str
    why: str
    uplift_p: float | None
    more_labels: tuple[int, int] | None
    tally: Tally
    how: How
    warnings: tuple[Caution, ...] = ()
    slices: tuple[dict[str, Any], ...] = ()

    @property
    def raw(self) -> float | None:
        """The share right of all decided rows."""
        return None if self.p.value is None else 1 - self.p.value

    def per_10000(self) -> dict[str, int] | None:
        """What becomes of 10,000 rows like these; the parts add up to 10,000."""
        keep, p, a = self.keep_rate.value, self.p.value, self.precision.value
        if keep is None or p is None or (a is None and self.kept):
            return None
        kept_right = keep * (a or 0.0)
        dropped_right = max(1 - p - kept_right, 0.0)
        parts = (kept_right, keep - kept_right, dropped_right, 1 - keep - dropped_right)
        rows, names = PER * self.decided / self.n, "kept_right kept_wrong dropped_right dropped_wrong undecided".split()
        ends = [round(end) for end in (0.0, *accumulate(rows * part for part in parts), float(PER))]
        return {name: high - low for name, low, high in zip(names, ends, ends[1:], strict=False)}

    def words(self) -> str:
        """The card as a person reads it."""
        return card_words(self)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        names = "n labeled kept dropped decided abstain error prompts design_effect".split()
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        for name in (*RATES, "prompts_served"):
            figure = getattr(self, name)
            found[name] = None if figure is None else figure.plain()
        more = None if self.more_labels is None else dict(zip(sides(self.how), self.more_labels, strict=True))
        return found | {
            "decision": self.decision,
            "why": self.why,
            "uplift_p": self.uplift_p,
            "more_labels": more,
            "per_10000": self.per_10000(),
            "labels": asdict(self.tally),
            "labels_drawn": str(self.how.drawn),
            "labels_by": self.how.judge,
            "level": self.how.level,
            "classes": self.how.classes,
            "w": self.how.w,
            "warnings": [caution.plain() for caution in self.warnings],
            "slices": list(self.slices),
        }


@dataclass(frozen=True)
class Settling:
    """What is needed to say how the decision came about."""

    more: tuple[int, int] | None
    how: How


@dataclass(frozen=True)
class Names:
    """What right and wrong are called, depending on who labeled."""

    right: str
    wrong: str
    share: str
    note: str


def sides(how: How) -> tuple[str, str]:
    """The two kinds of rows that labels were drawn from."""
    return ("right", "wrong") if how.drawn is Drawn.BY_LABEL else ("kept", "dropped")


def names(judge: str | None) -> Names:
    """Labels made by people, or by a model."""
    if judge is None:
        return Names("right answers", "wrong ones", "right", "")
    return Names(
        f"answers that {judge} accepts", "those it does not", f"accepted by {judge}", f", agreement with {judge}"
    )


def percent(value: float) -> str:
    """A share as a person says it, with a decimal where it would otherwise be 0% or 100%."""
    whole = f"{value:.0%}"
    return f"{value:.1%}" if whole in ("0%", "100%", "-0%") and 0 < abs(value) < 1 else whole.replace("-0%", "0%")


def points(value: float) -> str:
    """A difference of shares in percentage points."""
    return f"{100 * value:+.0f}" if abs(value) >= 0.0095 else f"{100 * value:+.1f}"


def around(figure: Figure) -> str:
    """A share with its interval: +- where both sides are alike, else both ends."""
    value, low, high = figure.value, figure.low, figure.high
    if value is None:
        return "unknown" if low is None or high is None else f"between {percent(low)} and {percent(high)}"
    if low is None or high is None or low == high:
        return percent(value)
    if abs((high - value) - (value - low)) <= LOPSIDED * (high - low):
        half = 100 * (high - low) / 2
        return f"{percent(value)} +-{half:.0f}" if half >= 0.95 else f"{percent(value)} +-{half:.1f}"
    return f"{percent(value)} ({percent(low)} to {percent(high)})"


def card_words(card: Card) -> str:
    """The card, the most useful line first."""
    lines = [first_line(card), f"{card.decision}: {card.why}", labels_line(card)]
    if card.p_star.value is not None and card.margin.value is not None:
        star = f"p* {card.p_star.value:.2f} (the two-class break-even), margin {card.margin.value:+.2f}"
        if card.p_star_w is not None and card.p_star_w.value is not None:
            star += f" · p*_w {card.p_star_w.value:.2f} (w {card.how.w:.3g})"
        lines.append(star if card.how.classes == 2 else f"{star}; for open answers it decides nothing")
    lines.extend(f"note: {caution.words}" for caution in card.warnings)
    return "\n".join(lines)


def first_line(card: Card) -> str:
    """What the verifier keeps, what it lets through, and what the kept rows are worth."""
    called = names(card.how.judge)
    parts = []
    if card.phi.value is not None and card.psi.value is not None:
        parts.append(f"keeps {percent(card.phi.value)} of {called.right} (phi, true-positive rate{called.note})")
        parts.append(f"lets {percent(card.psi.value)} of {called.wrong} through (psi, false-positive rate)")
    if card.precision.value is not None:
        raw = "" if card.raw is None else f", raw {percent(card.raw)}"
        parts.append(f"{called.share} among kept {around(card.precision)}{raw}")
    if card.prompts_served is not None and card.prompts_served.figure.high is not None:
        parts.append(f"prompts with a kept answer that is {called.share} {around(card.prompts_served.figure)}")
    rows = card.per_10000()
    if rows is not None:
        parts.append(
            f"per 10,000 rows: {rows['kept_right']:,} {called.share} and {rows['kept_wrong']:,} not so are kept,"
            f" {rows['dropped_right']:,} {called.share} are lost"
        )
    return " · ".join(parts) or "nothing is known of this verifier yet"


def labels_line(card: Card) -> str:
    """How much evidence there is, and what was left undecided."""
    line = f"{card.labeled:,} labels of {card.prompts:,} prompts, drawn {card.how.drawn}"
    if card.design_effect is not None and card.design_effect >= 1.05:
        worth = card.labeled / card.design_effect
        line += f", worth {worth:,.0f} independent ones (design effect {card.design_effect:.1f})"
    line += f" · {card.kept:,} kept, {card.dropped:,} dropped"
    if card.abstain or card.error:
        line += f", {card.abstain:,} abstain, {card.error:,} error: rates are over the {card.decided:,} decided rows"
    return line


def why(counts: Counts, labeled: Labeled, figures: dict[str, Figure], decision: str, settling: Settling) -> str:
    """The reason for the decision in one sentence."""
    missing = _missing(counts, labeled, settling.how)
    if missing:
        return missing
    uplift, precision = figures["uplift"], figures["precision"]
    if uplift.value is None or uplift.low is None or uplift.high is None:
        return "the labels do not say how the kept rows differ from the raw ones"
    share = names(settling.how.judge).share
    size = (
        f"the share {share} among kept is {points(uplift.value)} points from raw"
        f" ({points(uplift.low)} to {points(uplift.high)})"
    )
    if settling.how.classes == 2:
        size += f" and {around(precision)}, to be held against 50%"
    return size if decision != UNDECIDED else f"{size}; {_settles(settling, counts, labeled)}"


def _missing(counts: Counts, labeled: Labeled, how: How) -> str:
    """What stands in the way of any decision, if something does."""
    if not counts.decided:
        return "no row has a verdict"
    if not counts.dropped:
        return "every decided row is kept, so nothing is chosen"
    if not counts.kept:
        return "every decided row is dropped, so nothing is kept"
    if not len(labeled):
        return "no decided row has a label: label some, kept rows first"
    if how.drawn is Drawn.BY_LABEL:
        for rows, name in ((labeled.right > 0.5, "right"), (labeled.right <= 0.5, "wrong")):
            if not rows.any():
                return f"no {name} row has a label"
        return ""
    for rows, name in ((labeled.kept, "kept"), (~labeled.kept, "dropped")):
        if not rows.any():
            return f"no {name} row has a label: label some {name} rows"
    if len(labeled) > 2 and (labeled.prompt == labeled.prompt[0]).all():
        return "all labels belong to one prompt, which says little of others: label rows of other prompts"
    return ""


def _settles(settling: Settling, counts: Counts, labeled: Labeled) -> str:
    """How many labels of which side would settle it."""
    if settling.more is None:
        return "too small a difference to settle with 10,000 labels of a side"
    by_label = settling.how.drawn is Drawn.BY_LABEL
    two = sides(settling.how)
    wanted = [f"{more:,} of {side} rows" for more, side in zip(settling.more, two, strict=True) if more]
    if not wanted:
        return "a few more labels may settle it"
    listed = " and ".join(wanted).replace(" of", " more labels of", 1)
    words = f"about {listed} would settle it four times in five, if the rates stay as they are"
    left = (counts.kept - int(labeled.kept.sum()), counts.dropped - int((~labeled.kept).sum()))
    if not by_label and any(more > rows for more, rows in zip(settling.more, left, strict=True)):
        words += "; the table has fewer rows than that"
    return words
