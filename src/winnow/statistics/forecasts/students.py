"""What a student would copy from the kept rows, and what may be said about the student itself.

A student that samples copies the share right among the kept rows; a student that decodes greedily copies each prompt's
commonest kept answer. Both are stated for the raw rows and for the best rule of each kind.
Promises: what is said of a student is a lead: it says on what it stands and in which regime that was seen. Outside
self-training the published counter-evidence stands beside it. No number is ever said of a student to come: recorded
outcomes are shown as what they were, differences between what a forecast said and what a student then got.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Literal

import numpy as np

from winnow.statistics.forecasts import weights
from winnow.statistics.forecasts.candidates import Floats
from winnow.statistics.forecasts.curves import SelectionRule
from winnow.statistics.forecasts.share_estimates import (
    TOO_FEW_PROMPTS,
    ForecastInterval,
    PromptBlocks,
    WeightTally,
    bootstrap_shares,
    estimate_share,
    widened_tail,
)

Regime = Literal["self", "teacher", "pretrain"]

NO_ANSWERS = "answers are not given, so none is the commonest"

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
"""As the abstracts of these works say; nothing beyond them was checked."""


@dataclass(frozen=True)
class CopiedShares:
    """What students copy under a rule, each with its gain over the raw rows."""

    rule: str
    at: float | None
    sampling: ForecastInterval
    """The share right among kept rows."""
    sampling_gain: ForecastInterval
    greedy: ForecastInterval
    """The share of prompts, of those with a kept row, whose commonest kept answer is right."""
    greedy_gain: ForecastInterval

    def to_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "at": self.at,
            "sampling": self.sampling.to_dict(),
            "sampling_gain": self.sampling_gain.to_dict(),
            "greedy": self.greedy.to_dict(),
            "greedy_gain": self.greedy_gain.to_dict(),
        }


def estimate_copied_shares(
    blocks: PromptBlocks, options: Sequence[SelectionRule], repeats: int, seed: int
) -> list[CopiedShares]:
    """The raw rows first, then each option; answers that cannot be compared leave `greedy` without a value."""
    candidates = blocks.candidates
    all_rows = np.ones(candidates.rows, dtype=np.bool_)
    row_tallies = [
        blocks.tally_weights(all_rows.astype(np.float64), per_prompt=False),
        *(option.row_tally for option in options),
    ]
    sampling = list(
        zip(row_tallies, bootstrap_shares(blocks.prompts_per_block, row_tallies, repeats, seed).T, strict=True)
    )
    sampling_estimates = [estimate_share(blocks, tally, drawn) for tally, drawn in sampling]
    greedy = [ForecastInterval(None, why=NO_ANSWERS)] * len(row_tallies)
    greedy_shares = np.full((len(row_tallies), repeats), np.nan)
    if candidates.answer is not None:
        answer_weights = weights.commonest_answer_weights(candidates.prompt, candidates.answer, all_rows)
        tallies = [blocks.tally_weights(answer_weights, per_prompt=False)]
        tallies += [tally for option in options if (tally := tally_commonest_answers(blocks, option)) is not None]
        greedy_shares = bootstrap_shares(blocks.prompts_per_block, tallies, repeats, seed).T
        greedy = [estimate_share(blocks, t, d) for t, d in zip(tallies, greedy_shares, strict=True)]
    return [
        CopiedShares(
            "raw" if i == 0 else options[i - 1].rule,
            None if i == 0 else options[i - 1].at,
            sampling_estimates[i],
            estimate_gain(
                sampling_estimates[i],
                sampling_estimates[0],
                sampling[i][1] - sampling[0][1],
                row_tallies[i].effective_prompts,
            ),
            greedy[i],
            estimate_gain(greedy[i], greedy[0], greedy_shares[i] - greedy_shares[0], row_tallies[i].effective_prompts),
        )
        for i in range(len(row_tallies))
    ]


def tally_commonest_answers(blocks: PromptBlocks, option: SelectionRule) -> WeightTally | None:
    """The commonest kept answers; the kept row itself, where a rule keeps one of a prompt; None without answers."""
    if option.rows is None:
        return option.row_tally
    candidates = blocks.candidates
    if candidates.answer is None:
        return None
    return blocks.tally_weights(
        weights.commonest_answer_weights(candidates.prompt, candidates.answer, option.rows), per_prompt=False
    )


def estimate_gain(
    after: ForecastInterval, before: ForecastInterval, differences: Floats, prompts: float
) -> ForecastInterval:
    """A difference of two shares from the same prompts, with its paired interval."""
    if after.value is None or before.value is None:
        return ForecastInterval(None, why=after.why or before.why)
    size, known = after.value - before.value, differences[~np.isnan(differences)]
    if not len(known) or prompts < 1.5:
        return ForecastInterval(size, why=TOO_FEW_PROMPTS)
    low, high = np.quantile(known, [widened_tail(prompts), 1 - widened_tail(prompts)])
    return ForecastInterval(size, float(min(low, size)), float(max(high, size)))


@dataclass(frozen=True)
class StudyRecord:
    """What forecasts of small models came to, on the tasks that no predictor was chosen on (docs/students.md)."""

    students: int
    generators: int
    tasks: int
    pairs: int
    """Pairs of students of one generator whose outcomes differed by 2 points or more; they are not independent."""
    by_share_right: float
    """The share of these pairs in which the rows with the larger share right made the better student."""
    by_right_and_served: float
    """The same by share right x share of prompts with a right kept answer."""
    by_p_star: float
    mean_error: float
    """How far a student's accuracy was from the share right of its rows, on average."""

    def summary(self) -> str:
        """The record, and nothing beyond it."""
        return (
            f"of {self.students} small models trained from scratch on what {self.generators} of their like wrote "
            f"({self.tasks} tasks), the rows with the larger share right made the better student in "
            f"{self.by_share_right:.0%} of {self.pairs} pairs, with the larger p* in {self.by_p_star:.0%}, with the "
            f"larger share right times prompts served in {self.by_right_and_served:.0%}; how good a student gets was "
            f"not foreseen: it ended {100 * self.mean_error:.0f} points from the share right of its rows, on average"
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
"""A test holds these figures against results/studies/forecast-small.csv."""


@dataclass(frozen=True)
class StudentOutlook:
    """What may be said about a student trained on what the rule keeps."""

    regime: Regime
    basis: str
    """`your own outcomes`, `small models from scratch` or `none`."""
    expects: str | None
    """`better`, `worse` or `undecided` against training on raw rows; None where nothing supports saying so."""
    message: str
    differences: tuple[float, ...] = ()
    """What recorded students of this regime got, less what was said of the rows they were trained on."""
    counter_evidence: tuple[tuple[str, str], ...] = field(default=())

    def to_dict(self) -> dict[str, object]:
        return {
            "regime": self.regime,
            "basis": self.basis,
            "expects": self.expects,
            "words": self.message,
            # A number for the student itself, which nothing here can give; the places are kept for readers of them.
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
    """What is known about a student; `outcomes` are pairs (share right said, share right the student got)."""
    counter_evidence = COUNTER_EVIDENCE[regime]
    expects = expected_direction(over_raw)
    differences = tuple(got - expected for expected, got in outcomes)
    message = STUDY_RECORD.summary()
    if regime != "self":
        message = (
            "no student of this regime was seen, so nothing is said about it; published work points the other way, as "
            "far as its abstracts tell, which is all that was read"
        )
    if differences:
        own_outcomes = f"{describe_differences(differences)}; whether the next one does so too is not said"
        message = f"{own_outcomes}; {message}" if regime == "self" else own_outcomes
        return StudentOutlook(regime, "your own outcomes", expects, message, differences, counter_evidence)
    if regime == "self":
        return StudentOutlook(regime, "small models from scratch", expects, message)
    return StudentOutlook(regime, "none", None, message, counter_evidence=counter_evidence)


def describe_differences(differences: Sequence[float]) -> str:
    """How recorded students ended against what was said of their rows, in words."""
    count = len(differences)
    if count == 1:
        return f"your 1 recorded student ended {100 * differences[0]:+.1f} points from the share right said of its rows"
    return (
        f"your {count} recorded students ended {100 * mean(differences):+.1f} points on average from the share right "
        f"said of their rows ({100 * min(differences):+.1f} to {100 * max(differences):+.1f})"
    )


def summarize_differences(differences: Sequence[float]) -> dict[str, float] | None:
    """Mean and extremes; None of none."""
    if not differences:
        return None
    return {"value": mean(differences), "low": min(differences), "high": max(differences)}


def expected_direction(over_raw: ForecastInterval) -> str | None:
    """`better`, `worse` or `undecided`, as far as the interval of a difference tells."""
    if over_raw.value is None or over_raw.low is None or over_raw.high is None:
        return None
    return "better" if over_raw.low > 0 else "worse" if over_raw.high < 0 else "undecided"
