"""The card as programs and people read it: its numbers, and its words, the most useful line first.

Promises: a label made by a model is called agreement with that model, never right; nothing is said that is not known,
and no number is NaN.
It computes nothing but percentages: card.py does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from typing import Any

from winnow.statistics.card_inputs import LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.prompts.prompt_coverage import PromptCoverage
from winnow.statistics.rate_formulas import CardRates

HELPS, HARMS, UNDECIDED = "helps", "harms", "undecided"
RATE_NAMES = tuple(field.name for field in fields(CardRates))
REFERENCE_ROWS = 10_000
LOPSIDED_SHARE = 0.25  # an interval this much longer on one side is written with both ends


@dataclass(frozen=True)
class CardWarning:
    """Something to know before believing a number."""

    code: str
    words: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class LabelTally:
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
    phi: IntervalEstimate
    psi: IntervalEstimate
    p: IntervalEstimate
    p_star: IntervalEstimate
    p_star_w: IntervalEstimate | None
    margin: IntervalEstimate
    precision: IntervalEstimate
    uplift: IntervalEstimate
    keep_rate: IntervalEstimate
    prompts_served: PromptCoverage | None
    decision: str
    why: str
    uplift_p: float | None
    more_labels: tuple[int, int] | None
    tally: LabelTally
    options: MeasureOptions
    warnings: tuple[CardWarning, ...] = ()
    slices: tuple[dict[str, Any], ...] = ()

    @property
    def raw_share_right(self) -> float | None:
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
        rows, names = (
            REFERENCE_ROWS * self.decided / self.n,
            "kept_right kept_wrong dropped_right dropped_wrong undecided".split(),
        )
        ends = [round(end) for end in (0.0, *accumulate(rows * part for part in parts), float(REFERENCE_ROWS))]
        return {name: high - low for name, low, high in zip(names, ends, ends[1:], strict=False)}

    def summary(self) -> str:
        """The card as a person reads it."""
        return summarize_card(self)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        names = "n labeled kept dropped decided abstain error prompts design_effect".split()
        document: dict[str, Any] = {name: getattr(self, name) for name in names}
        for name in (*RATE_NAMES, "prompts_served"):
            figure = getattr(self, name)
            document[name] = None if figure is None else figure.to_dict()
        more = None if self.more_labels is None else dict(zip(side_names(self.options), self.more_labels, strict=True))
        return document | {
            "decision": self.decision,
            "why": self.why,
            "uplift_p": self.uplift_p,
            "more_labels": more,
            "per_10000": self.per_10000(),
            "labels": asdict(self.tally),
            "labels_drawn": str(self.options.labels_drawn),
            "labels_by": self.options.judge,
            "level": self.options.level,
            "classes": self.options.classes,
            "w": self.options.w,
            "warnings": [caution.to_dict() for caution in self.warnings],
            "slices": list(self.slices),
        }


@dataclass(frozen=True)
class DecisionContext:
    """What is needed to say how the decision came about."""

    more_labels: tuple[int, int] | None
    options: MeasureOptions


@dataclass(frozen=True)
class LabelWording:
    """What right and wrong are called, depending on who labeled."""

    right: str
    wrong: str
    right_share: str
    note: str


def side_names(options: MeasureOptions) -> tuple[str, str]:
    """The two kinds of rows that labels were drawn from."""
    return ("right", "wrong") if options.labels_drawn is SamplingDesign.BY_LABEL else ("kept", "dropped")


def label_wording(judge: str | None) -> LabelWording:
    """Labels made by people, or by a model."""
    if judge is None:
        return LabelWording("right answers", "wrong ones", "right", "")
    return LabelWording(
        f"answers that {judge} accepts", "those it does not", f"accepted by {judge}", f", agreement with {judge}"
    )


def format_percent(value: float) -> str:
    """A share as a person says it, with a decimal where it would otherwise be 0% or 100%."""
    whole = f"{value:.0%}"
    return f"{value:.1%}" if whole in ("0%", "100%", "-0%") and 0 < abs(value) < 1 else whole.replace("-0%", "0%")


def format_points(value: float) -> str:
    """A difference of shares in percentage points."""
    return f"{100 * value:+.0f}" if abs(value) >= 0.0095 else f"{100 * value:+.1f}"


def format_estimate(figure: IntervalEstimate) -> str:
    """A share with its interval: +- where both sides are alike, else both ends."""
    value, low, high = figure.value, figure.low, figure.high
    if value is None:
        return "unknown" if low is None or high is None else f"between {format_percent(low)} and {format_percent(high)}"
    if low is None or high is None or low == high:
        return format_percent(value)
    if abs((high - value) - (value - low)) <= LOPSIDED_SHARE * (high - low):
        half = 100 * (high - low) / 2
        return f"{format_percent(value)} +-{half:.0f}" if half >= 0.95 else f"{format_percent(value)} +-{half:.1f}"
    return f"{format_percent(value)} ({format_percent(low)} to {format_percent(high)})"


def summarize_card(card: Card) -> str:
    """The card, the most useful line first."""
    lines = [rates_line(card), f"{card.decision}: {card.why}", labels_line(card)]
    if card.p_star.value is not None and card.margin.value is not None:
        star = f"p* {card.p_star.value:.2f} (the two-class break-even), margin {card.margin.value:+.2f}"
        if card.p_star_w is not None and card.p_star_w.value is not None:
            star += f" · p*_w {card.p_star_w.value:.2f} (w {card.options.w:.3g})"
        lines.append(star if card.options.classes == 2 else f"{star}; for open answers it decides nothing")
    lines.extend(f"note: {caution.words}" for caution in card.warnings)
    return "\n".join(lines)


def rates_line(card: Card) -> str:
    """What the verifier keeps, what it lets through, and what the kept rows are worth."""
    wording = label_wording(card.options.judge)
    parts = []
    if card.phi.value is not None and card.psi.value is not None:
        parts.append(
            f"keeps {format_percent(card.phi.value)} of {wording.right} (phi, true-positive rate{wording.note})"
        )
        parts.append(f"lets {format_percent(card.psi.value)} of {wording.wrong} through (psi, false-positive rate)")
    if card.precision.value is not None:
        raw = "" if card.raw_share_right is None else f", raw {format_percent(card.raw_share_right)}"
        parts.append(f"{wording.right_share} among kept {format_estimate(card.precision)}{raw}")
    if card.prompts_served is not None and card.prompts_served.figure.high is not None:
        parts.append(
            f"prompts with a kept answer that is {wording.right_share} {format_estimate(card.prompts_served.figure)}"
        )
    rows = card.per_10000()
    if rows is not None:
        parts.append(
            f"per 10,000 rows: {rows['kept_right']:,} {wording.right_share} and {rows['kept_wrong']:,} not so are kept,"
            f" {rows['dropped_right']:,} {wording.right_share} are lost"
        )
    return " · ".join(parts) or "nothing is known of this verifier yet"


def labels_line(card: Card) -> str:
    """How much evidence there is, and what was left undecided."""
    line = f"{card.labeled:,} labels of {card.prompts:,} prompts, drawn {card.options.labels_drawn}"
    if card.design_effect is not None and card.design_effect >= 1.05:
        worth = card.labeled / card.design_effect
        line += f", worth {worth:,.0f} independent ones (design effect {card.design_effect:.1f})"
    line += f" · {card.kept:,} kept, {card.dropped:,} dropped"
    if card.abstain or card.error:
        line += f", {card.abstain:,} abstain, {card.error:,} error: rates are over the {card.decided:,} decided rows"
    return line


def explain_decision(
    counts: VerdictCounts,
    labeled: LabeledRows,
    figures: dict[str, IntervalEstimate],
    decision: str,
    context: DecisionContext,
) -> str:
    """The reason for the decision in one sentence."""
    missing = _describe_missing_labels(counts, labeled, context.options)
    if missing:
        return missing
    uplift, precision = figures["uplift"], figures["precision"]
    if uplift.value is None or uplift.low is None or uplift.high is None:
        return "the labels do not say how the kept rows differ from the raw ones"
    share = label_wording(context.options.judge).right_share
    size = (
        f"the share {share} among kept is {format_points(uplift.value)} points from raw"
        f" ({format_points(uplift.low)} to {format_points(uplift.high)})"
    )
    if context.options.classes == 2:
        size += f" and {format_estimate(precision)}, to be held against 50%"
    return size if decision != UNDECIDED else f"{size}; {_describe_labels_to_settle(context, counts, labeled)}"


def _describe_missing_labels(counts: VerdictCounts, labeled: LabeledRows, options: MeasureOptions) -> str:
    """What stands in the way of any decision, if something does."""
    if not counts.decided:
        return "no row has a verdict"
    if not counts.dropped:
        return "every decided row is kept, so nothing is chosen"
    if not counts.kept:
        return "every decided row is dropped, so nothing is kept"
    if not len(labeled):
        return "no decided row has a label: label some, kept rows first"
    if options.labels_drawn is SamplingDesign.BY_LABEL:
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


def _describe_labels_to_settle(context: DecisionContext, counts: VerdictCounts, labeled: LabeledRows) -> str:
    """How many labels of which side would settle it."""
    if context.more_labels is None:
        return "too small a difference to settle with 10,000 labels of a side"
    by_label = context.options.labels_drawn is SamplingDesign.BY_LABEL
    sides_named = side_names(context.options)
    needed = [f"{more:,} of {side} rows" for more, side in zip(context.more_labels, sides_named, strict=True) if more]
    if not needed:
        return "a few more labels may settle it"
    needed_text = " and ".join(needed).replace(" of", " more labels of", 1)
    message = f"about {needed_text} would settle it four times in five, if the rates stay as they are"
    remaining = (counts.kept - int(labeled.kept.sum()), counts.dropped - int((~labeled.kept).sum()))
    if not by_label and any(more > rows for more, rows in zip(context.more_labels, remaining, strict=True)):
        message += "; the table has fewer rows than that"
    return message
