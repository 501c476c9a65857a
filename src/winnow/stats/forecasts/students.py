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

from winnow.stats.forecasts import weights
from winnow.stats.forecasts.candidates import Floats
from winnow.stats.forecasts.curves import Option
from winnow.stats.forecasts.estimates import TOO_FEW_PROMPTS, Blocks, Estimate, Tally, estimate, replicates, widened

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
class Copied:
    """What students copy under a rule, each with its gain over the raw rows."""

    rule: str
    at: float | None
    sampling: Estimate
    """The share right among kept rows."""
    sampling_gain: Estimate
    greedy: Estimate
    """The share of prompts, of those with a kept row, whose commonest kept answer is right."""
    greedy_gain: Estimate

    def plain(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "at": self.at,
            "sampling": self.sampling.plain(),
            "sampling_gain": self.sampling_gain.plain(),
            "greedy": self.greedy.plain(),
            "greedy_gain": self.greedy_gain.plain(),
        }


def copied(blocks: Blocks, options: Sequence[Option], repeats: int, seed: int) -> list[Copied]:
    """The raw rows first, then each option; answers that cannot be compared leave `greedy` without a value."""
    candidates = blocks.candidates
    everything = np.ones(candidates.rows, dtype=np.bool_)
    among = [blocks.tally(everything.astype(np.float64), per_prompt=False), *(option.among for option in options)]
    sampling = list(zip(among, replicates(blocks.prompts, among, repeats, seed).T, strict=True))
    said = [estimate(blocks, tally, drawn) for tally, drawn in sampling]
    greedy = [Estimate(None, why=NO_ANSWERS)] * len(among)
    greedy_drawn = np.full((len(among), repeats), np.nan)
    if candidates.answer is not None:
        every = weights.commonest(candidates.prompt, candidates.answer, everything)
        tallies = [blocks.tally(every, per_prompt=False)]
        tallies += [tally for option in options if (tally := commonest_tally(blocks, option)) is not None]
        greedy_drawn = replicates(blocks.prompts, tallies, repeats, seed).T
        greedy = [estimate(blocks, t, d) for t, d in zip(tallies, greedy_drawn, strict=True)]
    return [
        Copied(
            "raw" if i == 0 else options[i - 1].rule,
            None if i == 0 else options[i - 1].at,
            said[i],
            gain(said[i], said[0], sampling[i][1] - sampling[0][1], among[i].prompts),
            greedy[i],
            gain(greedy[i], greedy[0], greedy_drawn[i] - greedy_drawn[0], among[i].prompts),
        )
        for i in range(len(among))
    ]


def commonest_tally(blocks: Blocks, option: Option) -> Tally | None:
    """The commonest kept answers; the kept row itself, where a rule keeps one of a prompt; None without answers."""
    if option.rows is None:
        return option.among
    candidates = blocks.candidates
    if candidates.answer is None:
        return None
    return blocks.tally(weights.commonest(candidates.prompt, candidates.answer, option.rows), per_prompt=False)


def gain(after: Estimate, before: Estimate, differences: Floats, units: float) -> Estimate:
    """A difference of two shares from the same prompts, with its paired interval."""
    if after.value is None or before.value is None:
        return Estimate(None, why=after.why or before.why)
    size, known = after.value - before.value, differences[~np.isnan(differences)]
    if not len(known) or units < 1.5:
        return Estimate(size, why=TOO_FEW_PROMPTS)
    low, high = np.quantile(known, [widened(units), 1 - widened(units)])
    return Estimate(size, float(min(low, size)), float(max(high, size)))


@dataclass(frozen=True)
class Seen:
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
    off: float
    """How far a student's accuracy was from the share right of its rows, on average."""

    def words(self) -> str:
        """The record, and nothing beyond it."""
        return (
            f"of {self.students} small models trained from scratch on what {self.generators} of their like wrote "
            f"({self.tasks} tasks), the rows with the larger share right made the better student in "
            f"{self.by_share_right:.0%} of {self.pairs} pairs, with the larger p* in {self.by_p_star:.0%}, with the "
            f"larger share right times prompts served in {self.by_right_and_served:.0%}; how good a student gets was "
            f"not foreseen: it ended {100 * self.off:.0f} points from the share right of its rows, on average"
        )


SEEN = Seen(
    students=28,
    generators=4,
    tasks=2,
    pairs=73,
    by_share_right=0.85,
    by_right_and_served=0.89,
    by_p_star=0.89,
    off=0.11,
)
"""A test holds these figures against results/studies/forecast-small.csv."""


@dataclass(frozen=True)
class Lead:
    """What may be said about a student trained on what the rule keeps."""

    regime: Regime
    basis: str
    """`your own outcomes`, `small models from scratch` or `none`."""
    expects: str | None
    """`better`, `worse` or `undecided` against training on raw rows; None where nothing supports saying so."""
    words: str
    differences: tuple[float, ...] = ()
    """What recorded students of this regime got, less what was said of the rows they were trained on."""
    counter_evidence: tuple[tuple[str, str], ...] = field(default=())

    def plain(self) -> dict[str, object]:
        return {
            "regime": self.regime,
            "basis": self.basis,
            "expects": self.expects,
            "words": self.words,
            # A number for the student itself, which nothing here can give; the places are kept for readers of them.
            "value": None,
            "low": None,
            "high": None,
            "outcomes": len(self.differences),
            "difference": spread(self.differences),
            "counter_evidence": [{"source": source, "says": says} for source, says in self.counter_evidence],
        }


def lead(regime: Regime, over_raw: Estimate, outcomes: Sequence[tuple[float, float]] = ()) -> Lead:
    """What is known about a student; `outcomes` are pairs (share right said, share right the student got)."""
    against = COUNTER_EVIDENCE[regime]
    expects = direction(over_raw)
    differences = tuple(got - said for said, got in outcomes)
    words = SEEN.words()
    if regime != "self":
        words = (
            "no student of this regime was seen, so nothing is said about it; published work points the other way, as "
            "far as its abstracts tell, which is all that was read"
        )
    if differences:
        seen = f"{told(differences)}; whether the next one does so too is not said"
        words = f"{seen}; {words}" if regime == "self" else seen
        return Lead(regime, "your own outcomes", expects, words, differences, against)
    if regime == "self":
        return Lead(regime, "small models from scratch", expects, words)
    return Lead(regime, "none", None, words, counter_evidence=against)


def told(differences: Sequence[float]) -> str:
    """How recorded students ended against what was said of their rows, in words."""
    count = len(differences)
    if count == 1:
        return f"your 1 recorded student ended {100 * differences[0]:+.1f} points from the share right said of its rows"
    return (
        f"your {count} recorded students ended {100 * mean(differences):+.1f} points on average from the share right "
        f"said of their rows ({100 * min(differences):+.1f} to {100 * max(differences):+.1f})"
    )


def spread(differences: Sequence[float]) -> dict[str, float] | None:
    """Mean and extremes; None of none."""
    if not differences:
        return None
    return {"value": mean(differences), "low": min(differences), "high": max(differences)}


def direction(over_raw: Estimate) -> str | None:
    """`better`, `worse` or `undecided`, as far as the interval of a difference tells."""
    if over_raw.value is None or over_raw.low is None or over_raw.high is None:
        return None
    return "better" if over_raw.low > 0 else "worse" if over_raw.high < 0 else "undecided"
