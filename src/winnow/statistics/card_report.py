"""The card as a result object: its numbers as JSON, and its text with the decision first.

Labels made by a model are called agreement with that model, never right. No number is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from winnow.statistics.card_inputs import LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.prompts.prompt_coverage import PromptCoverage
from winnow.statistics.rate_formulas import RATE_NAMES
from winnow.storage.canonical_json import to_plain

HELPS, HARMS, UNDECIDED = "helps", "harms", "undecided"
COUNT_KEYS = tuple("n labeled kept dropped decided abstain error prompts".split())
DRAWN_TEXT = {
    SamplingDesign.RANDOM: "at random",
    SamplingDesign.BY_VERDICT: "by verdict",
    SamplingDesign.BY_LABEL: "by label",
}
REFERENCE_ROWS = 10_000


@dataclass(frozen=True)
class CardWarning:
    """Something to know before believing a number."""

    code: str
    words: str


@dataclass(frozen=True)
class Card:
    """The estimated rates of a verifier and the decision. Rates are over decided rows.

    `n` counts all rows, `labeled` the decided rows with a label, `tally` these by verdict and label (grades by their
    size). `slices` holds the cards of parts of the table.
    """

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
    tally: dict[str, float]
    options: MeasureOptions
    warnings: tuple[CardWarning, ...] = ()
    slices: tuple[dict[str, Any], ...] = ()

    @property
    def raw_share_right(self) -> float | None:
        """The share right of all decided rows."""
        return None if self.p.value is None else 1 - self.p.value

    def per_10000(self) -> dict[str, int] | None:
        """Return what becomes of 10,000 rows like these; the parts add up to 10,000."""
        keep, p, a = self.keep_rate.value, self.p.value, self.precision.value
        if keep is None or p is None or (a is None and self.kept):
            return None
        kept_right = keep * (a or 0.0)
        dropped_right = max(1 - p - kept_right, 0.0)
        parts = (kept_right, keep - kept_right, dropped_right, 1 - keep - dropped_right)
        rows = REFERENCE_ROWS * self.decided / self.n
        names = "kept_right kept_wrong dropped_right dropped_wrong undecided".split()
        ends = [round(end) for end in (0.0, *accumulate(rows * part for part in parts), float(REFERENCE_ROWS))]
        return {name: high - low for name, low, high in zip(names, ends, ends[1:], strict=False)}

    def summary(self) -> str:
        """Return the card as text: the decision, the rates, the evidence, the two-class number and the warnings."""
        lines = [f"{self.decision}: {self.why}", *_rate_lines(self), _evidence_line(self)]
        if self.p_star.value is not None and self.margin.value is not None:
            line = f"p* is {self.p_star.value:.2f} (the two-class break-even), margin {self.margin.value:+.2f}"
            if self.p_star_w is not None and self.p_star_w.value is not None:
                line += f"; p*_w is {self.p_star_w.value:.2f} (w = {self.options.w:.3g})"
            lines.append(line if self.options.classes == 2 else f"{line}; for open answers p* decides nothing")
        lines.extend(f"warning: {warning.words}" for warning in self.warnings)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        names = (*COUNT_KEYS, "design_effect")
        document: dict[str, Any] = {name: getattr(self, name) for name in names}
        document |= {name: to_plain(getattr(self, name)) for name in (*RATE_NAMES, "prompts_served")}
        more = None if self.more_labels is None else dict(zip(side_names(self.options), self.more_labels, strict=True))
        return document | {
            "decision": self.decision,
            "why": self.why,
            "uplift_p": self.uplift_p,
            "more_labels": more,
            "per_10000": self.per_10000(),
            "labels": self.tally,
            "labels_drawn": str(self.options.labels_drawn),
            "labels_by": self.options.judge,
            "level": self.options.level,
            "classes": self.options.classes,
            "w": self.options.w,
            "warnings": to_plain(self.warnings),
            "slices": list(self.slices),
        }


@dataclass(frozen=True)
class LabelWording:
    """How labels are called in the text of a card."""

    right: str
    wrong: str
    right_share: str
    note: str


def side_names(options: MeasureOptions) -> tuple[str, str]:
    """Return the two kinds of rows that labels were drawn from."""
    return ("right", "wrong") if options.labels_drawn is SamplingDesign.BY_LABEL else ("kept", "dropped")


def label_wording(judge: str | None) -> LabelWording:
    """Return the words for right and wrong: those of people, or agreement with the model that labeled."""
    if judge is None:
        return LabelWording("right answers", "wrong answers", "right", "")
    accepted, rejected = f"answers that {judge} accepts", f"answers that {judge} rejects"
    return LabelWording(accepted, rejected, f"accepted by {judge}", f", agreement with {judge}")


def format_percent(value: float) -> str:
    """Format a share as a whole percentage, with a decimal where it would otherwise read 0% or 100%."""
    whole = f"{value:.0%}"
    return f"{value:.1%}" if whole in ("0%", "100%", "-0%") and 0 < abs(value) < 1 else whole.replace("-0%", "0%")


def format_points(value: float) -> str:
    """Format a difference of shares in percentage points, with its sign."""
    return f"{100 * value:+.0f}" if abs(value) >= 0.0095 else f"{100 * value:+.1f}"


def format_estimate(figure: IntervalEstimate) -> str:
    """Format a share with its interval."""
    value, low, high = figure.value, figure.low, figure.high
    if low is None or high is None or low == high:
        return "unknown" if value is None else format_percent(value)
    if value is None:
        return f"between {format_percent(low)} and {format_percent(high)}"
    return f"{format_percent(value)} ({format_percent(low)} to {format_percent(high)})"


def _rate_lines(card: Card) -> Iterator[str]:
    wording = label_wording(card.options.judge)
    if card.phi.value is not None and card.psi.value is not None:
        yield (
            f"keeps {format_percent(card.phi.value)} of {wording.right} (phi, true-positive rate{wording.note})"
            f" and {format_percent(card.psi.value)} of {wording.wrong} (psi, false-positive rate)"
        )
    elif card.precision.value is not None:
        yield f"{wording.right_share} among kept rows: {format_estimate(card.precision)}"
    if card.prompts_served is not None and card.prompts_served.high is not None:
        share = format_estimate(card.prompts_served)
        yield f"prompts with a kept answer that is {wording.right_share}: {share}"
    rows = card.per_10000()
    if rows is not None:
        yield (
            f"of 10,000 rows like these, {rows['kept_right']:,} are kept and {wording.right_share},"
            f" {rows['kept_wrong']:,} are kept and not {wording.right_share},"
            f" {rows['dropped_right']:,} are {wording.right_share} but dropped"
        )


def _evidence_line(card: Card) -> str:
    line = f"{card.labeled:,} labels from {card.prompts:,} prompts, drawn {DRAWN_TEXT[card.options.labels_drawn]}"
    if card.design_effect is not None and card.design_effect >= 1.05:
        effective = card.labeled / card.design_effect
        line += f", worth {effective:,.0f} independent labels (design effect {card.design_effect:.1f})"
    line += f"; {card.kept:,} rows kept, {card.dropped:,} dropped"
    if card.abstain or card.error:
        line += f", {card.abstain:,} abstain, {card.error:,} error: rates are over the {card.decided:,} decided rows"
    return line


def explain_decision(
    counts: VerdictCounts,
    labeled: LabeledRows,
    rates: dict[str, IntervalEstimate],
    decision: str,
    more_labels: tuple[int, int] | None,
    options: MeasureOptions,
) -> str:
    """Return the reason for the decision in one sentence."""
    missing = _describe_missing_labels(counts, labeled, options)
    if missing:
        return missing
    uplift, precision = rates["uplift"], rates["precision"]
    if uplift.value is None or uplift.low is None or uplift.high is None:
        return "these labels cannot show how the kept rows differ from all rows"
    share = label_wording(options.judge).right_share
    side = "above" if uplift.value >= 0 else "below"
    size = (
        f"the share {share} among kept rows is {format_estimate(precision)},"
        f" {format_points(abs(uplift.value)).lstrip('+')} points {side} the share {share} of all decided rows"
        f" ({format_points(uplift.low)} to {format_points(uplift.high)} points; n = {len(labeled):,} labels)"
    )
    if options.classes == 2:
        size += "; with two classes it must also exceed 50%"
    if decision != UNDECIDED:
        return size
    return f"{size}; {_describe_labels_to_settle(counts, labeled, more_labels, options)}"


def _describe_missing_labels(counts: VerdictCounts, labeled: LabeledRows, options: MeasureOptions) -> str:
    """Return what prevents any decision; empty if nothing does."""
    if not counts.decided:
        return "no row has a verdict"
    if not counts.dropped:
        return "every decided row is kept, so the verifier selects nothing"
    if not counts.kept:
        return "every decided row is dropped, so nothing is kept"
    if not len(labeled):
        return "no decided row has a label: label some rows, kept rows first"
    in_first = labeled.right > 0.5 if options.labels_drawn is SamplingDesign.BY_LABEL else labeled.kept
    for rows, name in zip((in_first, ~in_first), side_names(options), strict=True):
        if not rows.any():
            return f"no {name} row has a label: label some {name} rows"
    if options.labels_drawn is SamplingDesign.BY_LABEL or len(labeled) <= 2:
        return ""
    if (labeled.prompt == labeled.prompt[0]).all():
        return "all labels belong to one prompt, which says little about other prompts: label rows of other prompts"
    return ""


def _describe_labels_to_settle(
    counts: VerdictCounts, labeled: LabeledRows, more_labels: tuple[int, int] | None, options: MeasureOptions
) -> str:
    if more_labels is None:
        return "the difference is too small to settle with 10,000 labels per side"
    by_side = zip(more_labels, side_names(options), strict=True)
    needed = [f"{more:,} more labels of {side} rows" for more, side in by_side if more]
    if not needed:
        return "a few more labels may settle it"
    message = f"about {' and '.join(needed)} would settle it with a chance of 80%, if the rates stay as they are"
    remaining = (counts.kept - int(labeled.kept.sum()), counts.dropped - int((~labeled.kept).sum()))
    is_by_label = options.labels_drawn is SamplingDesign.BY_LABEL
    if not is_by_label and any(more > rows for more, rows in zip(more_labels, remaining, strict=True)):
        message += "; the table has fewer rows than that"
    return message
