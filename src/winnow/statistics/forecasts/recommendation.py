"""The recommended selection rule, judged by prompts that did not choose it.

Where prompts have several candidates, rules are compared by the chance that a kept row of a prompt is right, where a
prompt without a kept row counts as not right. A threshold or top share must beat the best N by more than one paired
standard error, since best-of-N loses no prompt. Where every prompt has one candidate, rules are compared by
precision^2 x share kept, which orders them as precision x recall does.
A rule is chosen on four fifths of the prompts and judged on the rest, over ten splits: the accuracy is that of the
choice, and the named rule is the one that all labels choose. Costs and students are not considered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from winnow.statistics.card_inputs import Floats
from winnow.statistics.forecasts.candidates import control_weights
from winnow.statistics.forecasts.curves import SelectionRule
from winnow.statistics.forecasts.share_estimates import (
    ForecastInterval,
    PromptBlocks,
    WeightTally,
    estimate_gain,
    paired_standard_error,
    share_values,
)
from winnow.statistics.forecasts.students import NO_ANSWERS, tally_commonest_answers

FOLDS = 5
SPLITS = 10

RULE_FLAGS = {"best-of-n": "--best-of", "threshold": "--threshold", "top-share": "--top-share"}


@dataclass(frozen=True)
class Recommendation:
    """The rule, its accuracy on prompts that did not choose it, and the command that applies it."""

    rule: str
    n: int | None  # the N of best-of-N; None for other rules
    args: dict[str, float | int]
    accuracy: ForecastInterval
    command: str
    raw: float | None
    gain: ForecastInterval  # the gain over taking any candidate of a prompt
    uncorrected: float | None
    """The accuracy by the labels that chose the rule; too high, as the best of many comparisons is."""
    judged_by: str

    def to_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "n": self.n,
            "args": self.args,
            **self.accuracy.to_dict("accuracy"),
            "why": self.accuracy.why,
            "command": self.command,
            "raw": self.raw,
            "gain": self.gain.to_dict(),
            "uncorrected": self.uncorrected,
            "judged_by": self.judged_by,
        }


class RuleComparison:
    """The rules that the labels can evaluate, and the best of them on any part of the prompts."""

    def __init__(self, blocks: PromptBlocks, rules: Sequence[SelectionRule]) -> None:
        self.blocks = blocks
        self.has_single_candidates = int(blocks.candidates.sizes.max()) == 1
        tallies = [rule.row_tally if self.has_single_candidates else rule.prompt_tally for rule in rules]
        visible = [i for i, tally in enumerate(tallies) if tally.is_visible]
        self.rules = [rules[i] for i in visible]
        self.tallies = [tallies[i] for i in visible]
        self._kept = np.array([rule.kept for rule in self.rules]) / blocks.candidates.rows
        self._kinds = np.array([rule.rule for rule in self.rules])

    def find_winner(self, block_counts: Floats) -> int:
        """Return the index of the best rule on the blocks taken."""
        merits = self.compute_merits(block_counts)
        best = self._best_by_kind(merits)
        if self.has_single_candidates or len(best) == 1:
            return best[_first_best_index(merits[best])]
        best_of_n = best[0]
        best_cutoff = best[1:][_first_best_index(merits[best[1:]])]
        error = paired_standard_error(
            self.tallies[best_cutoff], self.tallies[best_of_n], block_counts, self.blocks.prompts_per_block
        )
        return best_cutoff if merits[best_cutoff] - merits[best_of_n] > error else best_of_n

    @cached_property
    def winner_index(self) -> int:
        """The index of the best rule on all blocks."""
        return self.find_winner(np.ones(self.blocks.count))

    def find_runner_up(self) -> SelectionRule | None:
        """Return the best rule of a different kind: another N or, next to best-of-N, a threshold or top share.

        Two cutoffs select nearly the same rows, so a cutoff is compared with a best-of-N rule if there is one.
        """
        best = self.rules[self.winner_index]
        different = [
            i for i, rule in enumerate(self.rules) if self.is_selective(rule) and self._is_different(rule, best)
        ]
        best_of_n = [i for i in different if self.rules[i].rows is None]
        eligible = different if best.rows is None else best_of_n or different
        merits = self.compute_merits(np.ones(self.blocks.count))
        return self.rules[eligible[_first_best_index(merits[eligible])]] if eligible else None

    def is_selective(self, rule: SelectionRule) -> bool:
        """Return whether a rule leaves out anything that taking any candidate would not."""
        return self._effective_n(rule) > 1 if rule.rows is None else 0 < rule.kept < self.blocks.candidates.rows

    def _is_different(self, first: SelectionRule, second: SelectionRule) -> bool:
        if first.rows is None or second.rows is None:
            return first.rows is not second.rows or self._effective_n(first) != self._effective_n(second)
        return first.rule != second.rule and not np.array_equal(first.rows, second.rows)

    def _effective_n(self, rule: SelectionRule) -> float:
        """Return N, capped at the largest number of candidates of a prompt."""
        return min(rule.at, float(self.blocks.candidates.sizes.max()))

    def best_of_each_kind(self) -> list[SelectionRule]:
        """Return the best rule of each kind on all blocks."""
        merits = self.compute_merits(np.ones(self.blocks.count)) if self.rules else np.empty(0)
        return [self.rules[index] for index in self._best_by_kind(merits)]

    def compute_merits(self, block_counts: Floats) -> Floats:
        """Return the number that rules are compared by; -1 where there is no label."""
        shares = share_values(self.tallies, block_counts, self.blocks.prompts_per_block)
        merits = shares**2 * self._kept if self.has_single_candidates else shares
        return np.where(np.isnan(merits), -1.0, merits)

    def _best_by_kind(self, merits: Floats) -> list[int]:
        """Return the index of the best rule of each kind, best-of-N first if present."""
        by_kind = [own for kind in RULE_FLAGS if len(own := np.flatnonzero(self._kinds == kind))]
        return [int(own[_first_best_index(merits[own])]) for own in by_kind]


def recommend_rule(comparison: RuleComparison, command: str) -> Recommendation | None:
    """Return the rule to use; None if the labels can evaluate no rule, or not even the raw share.

    `command` is the command that the rule is added to.
    """
    blocks = comparison.blocks
    raw = blocks.tally_weights(1.0 / blocks.candidates.sizes[blocks.candidates.prompt], per_prompt=True)
    if not comparison.rules or not raw.is_visible:
        return None
    best = comparison.rules[comparison.winner_index]
    accuracy, over_raw = _judge_winner(comparison, raw)
    return Recommendation(
        best.rule,
        int(best.at) if best.rule == "best-of-n" else None,
        {best.rule.removesuffix("-n").replace("-", "_"): best.at},
        accuracy,
        build_command(command, best, blocks.candidates.sign),
        blocks.share_value(raw),
        over_raw,
        blocks.share_value(comparison.tallies[comparison.winner_index]),
        "precision and share kept" if comparison.has_single_candidates else "share of prompts served right",
    )


@dataclass(frozen=True)
class FileForecast:
    """The forecast for one training file, made before a student is trained on it."""

    file: str  # `control`, `recommended` or `runner-up`
    rule: str
    at: float | None
    command: str | None
    rows: int  # the number of rows that the rule keeps
    selects: bool  # whether the rule leaves out anything that taking any candidate would not
    sampling: ForecastInterval  # the share right among its rows
    greedy: ForecastInterval  # the share of its prompts whose commonest answer in the file is right
    over_control: ForecastInterval  # the share right minus that of as many rows of the same prompts drawn at random

    def to_dict(self) -> dict[str, object]:
        shares = {name: getattr(self, name).to_dict() for name in ("sampling", "greedy", "over_control")}
        rule = {"file": self.file, "rule": self.rule, "at": self.at, "command": self.command, "rows": self.rows}
        return {**rule, **shares}


def forecast_files(comparison: RuleComparison, command: str) -> list[FileForecast]:
    """Return the forecasts for the control, the best rule and, if there is one, the runner-up."""
    blocks, best, runner_up = comparison.blocks, comparison.rules[comparison.winner_index], comparison.find_runner_up()
    control = blocks.tally_weights(control_weights(blocks.candidates, best.rows), per_prompt=False)
    rules = [best] if runner_up is None else [best, runner_up]
    tallies = [control, *(rule.row_tally for rule in rules)]
    estimates, replicates = blocks.estimate_shares(tallies)
    # In a control with one row per prompt that row is the commonest; in a larger one it depends on chance.
    greedy = estimates[0] if best.rows is None else ForecastInterval(None, why="the control is drawn at random")
    no_estimate = ForecastInterval(None, why="this is the control itself")
    forecasts = [FileForecast("control", "control", None, None, best.kept, False, estimates[0], greedy, no_estimate)]
    for i, (file, rule) in enumerate(zip(("recommended", "runner-up"), rules, strict=False), 1):
        answer_tally = tally_commonest_answers(blocks, rule)
        greedy = ForecastInterval(None, why=NO_ANSWERS)
        if answer_tally is not None:
            ((greedy,), _) = blocks.estimate_shares([answer_tally])
        gain = estimate_gain(
            estimates[i], estimates[0], replicates[:, i] - replicates[:, 0], tallies[i].effective_prompts
        )
        forecasts.append(
            FileForecast(
                file,
                rule.rule,
                rule.at,
                build_command(command, rule, blocks.candidates.sign),
                rule.kept,
                comparison.is_selective(rule),
                estimates[i],
                greedy,
                gain,
            )
        )
    return forecasts


def build_command(base_command: str, rule: SelectionRule, sign: int) -> str:
    """Return the command that selects by this rule."""
    text = f"{base_command} {RULE_FLAGS[rule.rule]} {rule.at!r}"
    return f"{text} --lower-is-better" if sign < 0 else text


def _first_best_index(merits: Floats) -> int:
    """Return the first, and so the simplest, of equally good rules."""
    return int(np.flatnonzero(merits >= merits.max() - 1e-12)[0])


def _cross_validate(comparison: RuleComparison) -> WeightTally:
    """Return the tally of the choice: each block counts for the rules that the other folds chose."""
    count = comparison.blocks.count
    folds = min(FOLDS, count)
    rng = np.random.default_rng([comparison.blocks.seed, 4])
    stacks = [
        np.stack([getattr(t, name) for t in comparison.tallies], axis=1) for name in ("right", "represented", "total")
    ]
    sums = [np.zeros(count) for _ in stacks]
    for _ in range(SPLITS):
        fold = rng.permutation(count) % folds
        chosen = np.array([comparison.find_winner((fold != held_out).astype(np.float64)) for held_out in range(folds)])
        for total, stack in zip(sums, stacks, strict=True):
            total += np.take_along_axis(stack, chosen[fold][:, None], axis=1)[:, 0] / SPLITS
    units = float(np.mean([tally.effective_prompts for tally in comparison.tallies]))
    labels = float(np.mean([tally.effective_labels for tally in comparison.tallies]))
    return WeightTally(sums[0], sums[1], sums[2], 0.0, labels, units, True)


def _judge_winner(comparison: RuleComparison, raw: WeightTally) -> tuple[ForecastInterval, ForecastInterval]:
    """Return the accuracy of the choice and its gain over the raw rows.

    Choosing on part of the labels finds a slightly worse rule than choosing on all, so intervals extend up to the end
    of the winner's own interval.
    """
    blocks = comparison.blocks
    if blocks.count == 1:
        no_estimate = ForecastInterval(None, why="one prompt cannot both choose and judge a rule")
        return no_estimate, no_estimate
    cross_validated = _cross_validate(comparison)
    estimates, replicates = blocks.estimate_shares([cross_validated, comparison.tallies[comparison.winner_index], raw])
    gains = [
        estimate_gain(
            estimates[i], estimates[2], replicates[:, i] - replicates[:, 2], cross_validated.effective_prompts
        )
        for i in (0, 1)
    ]
    return _extend_upper_end(estimates[0], estimates[1]), _extend_upper_end(*gains)


def _extend_upper_end(estimate: ForecastInterval, wider_estimate: ForecastInterval) -> ForecastInterval:
    if estimate.high is None or wider_estimate.high is None:
        return estimate
    return replace(estimate, high=max(estimate.high, wider_estimate.high))
