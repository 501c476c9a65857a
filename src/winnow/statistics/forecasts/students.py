"""What a student would copy from the kept rows, and what may be stated about the student itself.

A student that samples copies the share right among the kept rows; a student that decodes greedily copies each prompt's
commonest kept answer. Both are estimated for the raw rows and for the best rule of each kind.
Outside self-training the published counter-evidence is added. No number is given for a future student.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

import numpy as np

from winnow.statistics.forecasts.candidates import commonest_answer_weights
from winnow.statistics.forecasts.curves import SelectionRule
from winnow.statistics.forecasts.share_estimates import ForecastInterval, PromptBlocks, WeightTally, estimate_gain

Regime = Literal["self", "teacher", "pretrain"]

NO_ANSWERS = "the table has no answers to compare, so none is the commonest"

COUNTER_EVIDENCE: dict[Regime, tuple[tuple[str, str], ...]] = {
    "self": (),
    "teacher": (
        (
            "arXiv 2506.04178 (OpenThoughts)",
            "in over 1,000 distillation runs from strong teachers no answer filter or verification gave a "
            "significant gain",
        ),
        ("arXiv 2502.07374", "training on long traces with wrong answers cost 3.2 points only"),
    ),
    "pretrain": (
        (
            "arXiv 2510.01631",
            "with about 30% rephrased text nothing degraded, while textbook-style text showed collapse-like patterns",
        ),
        (
            "FinePhrase 2026",
            "shares of 60-80% synthetic text were the best of its sweeps: that more synthetic is worse holds for "
            "freely generated text, not for rephrasing",
        ),
    ),
}
"""According to the abstracts of these works; nothing else in them was checked."""


@dataclass(frozen=True)
class CopiedShares:
    """What students copy under a rule, each with its gain over the raw rows."""

    rule: str
    at: float | None
    sampling: ForecastInterval  # the share right among kept rows
    sampling_gain: ForecastInterval
    greedy: ForecastInterval  # the share of prompts, among those with a kept row, whose commonest kept answer is right
    greedy_gain: ForecastInterval

    def to_dict(self) -> dict[str, object]:
        names = ("sampling", "sampling_gain", "greedy", "greedy_gain")
        return {"rule": self.rule, "at": self.at} | {name: getattr(self, name).to_dict() for name in names}


def estimate_copied_shares(blocks: PromptBlocks, rules: Sequence[SelectionRule]) -> list[CopiedShares]:
    """Estimate the raw rows first, then each rule; `greedy` has no value where answers cannot be compared."""
    candidates = blocks.candidates
    all_rows = np.ones(candidates.rows, dtype=np.bool_)
    raw = blocks.tally_weights(all_rows.astype(np.float64), per_prompt=False)
    row_tallies = [raw, *(rule.row_tally for rule in rules)]
    units = [tally.effective_prompts for tally in row_tallies]
    sampling = _estimate_with_gains(blocks, row_tallies, units)
    greedy = [(ForecastInterval(None, why=NO_ANSWERS),) * 2] * len(row_tallies)
    if candidates.answer is not None:
        answer_weights = commonest_answer_weights(candidates.prompt, candidates.answer, all_rows)
        tallies = [blocks.tally_weights(answer_weights, per_prompt=False)]
        tallies += [tally for rule in rules if (tally := tally_commonest_answers(blocks, rule)) is not None]
        greedy = _estimate_with_gains(blocks, tallies, units)
    names = [("raw", None), *((rule.rule, rule.at) for rule in rules)]
    return [
        CopiedShares(*name, *shares, *answers) for name, shares, answers in zip(names, sampling, greedy, strict=True)
    ]


def _estimate_with_gains(
    blocks: PromptBlocks, tallies: Sequence[WeightTally], units: Sequence[float]
) -> list[tuple[ForecastInterval, ForecastInterval]]:
    """Return each share with its gain over the first one."""
    estimates, replicates = blocks.estimate_shares(tallies)
    return [
        (estimate, estimate_gain(estimate, estimates[0], replicates[:, i] - replicates[:, 0], prompts))
        for i, (estimate, prompts) in enumerate(zip(estimates, units, strict=True))
    ]


def tally_commonest_answers(blocks: PromptBlocks, rule: SelectionRule) -> WeightTally | None:
    """Tally the commonest kept answers; None without answers. If a rule keeps one row per prompt, that row."""
    if rule.rows is None:
        return rule.row_tally
    candidates = blocks.candidates
    if candidates.answer is None:
        return None
    answer_weights = commonest_answer_weights(candidates.prompt, candidates.answer, rule.rows)
    return blocks.tally_weights(answer_weights, per_prompt=False)


@dataclass(frozen=True)
class StudyRecord:
    """The results of forecasts for small models on tasks that no predictor was chosen on (students.md)."""

    students: int
    generators: int
    tasks: int
    pairs: int
    """Pairs of students of one generator whose outcomes differed by 2 points or more; they are not independent."""
    by_share_right: float
    """The share of these pairs in which the rows with the larger share right made the better student."""
    by_right_and_served: float  # the same by share right x share of prompts with a right kept answer
    by_p_star: float
    mean_error: float  # the mean absolute difference between a student's accuracy and the share right of its rows

    def summary(self) -> str:
        """Return the record in one sentence."""
        return (
            f"in a study of {self.students} small models trained from scratch on the output of {self.generators} such"
            f" models ({self.tasks} tasks), the rows with the larger share right made the better student in"
            f" {self.by_share_right:.0%} of {self.pairs} pairs (larger p*: {self.by_p_star:.0%}; larger share right"
            f" times prompts served: {self.by_right_and_served:.0%}); the score itself was not predictable: it differed"
            f" from the share right of the rows by {100 * self.mean_error:.0f} points on average"
        )


STUDY_RECORD = StudyRecord(
    students=28,
    generators=4,
    tasks=2,
    pairs=73,
    by_share_right=0.85,
    by_right_and_served=0.89,
    by_p_star=0.89,
    mean_error=0.11,
)
"""A test compares these numbers with results/studies/forecast-small.csv."""


@dataclass(frozen=True)
class StudentOutlook:
    """What may be stated about a student trained on the rows that the rule keeps."""

    regime: Regime
    basis: str  # `your own outcomes`, `small models from scratch` or `none`
    expects: str | None  # `better`, `worse` or `undecided` against training on raw rows; None without a basis
    message: str
    differences: tuple[float, ...]
    """For recorded students of this regime, the score minus the forecast share right of their rows."""
    counter_evidence: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, object]:
        return {
            "regime": self.regime,
            "basis": self.basis,
            "expects": self.expects,
            "words": self.message,
            # There is no forecast of the student's own score; the fields exist for programs that read them.
            "value": None,
            "low": None,
            "high": None,
            "outcomes": len(self.differences),
            "difference": summarize_differences(self.differences),
            "counter_evidence": [{"source": source, "says": says} for source, says in self.counter_evidence],
        }


def describe_student_outlook(
    regime: Regime, over_raw: ForecastInterval, outcomes: Sequence[tuple[float, float]] = ()
) -> StudentOutlook:
    """Return the outlook; `outcomes` are pairs (forecast share right, score) of recorded students."""
    differences = tuple(got - expected for expected, got in outcomes)
    basis, message = "small models from scratch", STUDY_RECORD.summary()
    if regime != "self":
        basis = "none"
        message = "no student of this regime was studied; published work (by its abstracts) points the other way"
    if differences:
        basis = "your own outcomes"
        average, low, high = (100 * value for value in (mean(differences), min(differences), max(differences)))
        own_outcomes = (
            f"your recorded students scored {average:+.1f} points on average relative to the share right of their rows"
            f" ({low:+.1f} to {high:+.1f}; n = {len(differences)}), which does not predict the next one"
        )
        message = f"{own_outcomes}; {message}" if regime == "self" else own_outcomes
    expects = None if basis == "none" else expected_direction(over_raw)
    return StudentOutlook(regime, basis, expects, message, differences, COUNTER_EVIDENCE[regime])


def summarize_differences(differences: Sequence[float]) -> dict[str, float] | None:
    """Return mean and extremes; None without differences."""
    if not differences:
        return None
    return {"value": mean(differences), "low": min(differences), "high": max(differences)}


def expected_direction(over_raw: ForecastInterval) -> str | None:
    """Return `better`, `worse` or `undecided` from the interval of a difference; None without an interval."""
    if over_raw.value is None or over_raw.low is None or over_raw.high is None:
        return None
    return "better" if over_raw.low > 0 else "worse" if over_raw.high < 0 else "undecided"
