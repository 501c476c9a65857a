"""Which rule to select by, and what it is worth when the labels that chose it do not judge it.

Rules of every kind are compared by one number. Where prompts have several candidates it is the chance that a kept row
of a prompt is right, a prompt left with none counting as not right: for best-of-N just its accuracy, for a threshold
what it gains by dropping wrong rows less the prompts it loses. A threshold or a top share must beat the best N by more
than one paired standard error, since best-of-N loses no prompt. Where every prompt has one candidate no rule can gain
on that scale, and rules are compared by precision x precision x share kept, which orders them as precision x recall.
Promises: chosen on four fifths of the prompts and judged on the rest, over ten splits; the accuracy stated is that of
the choosing, and the rule named is the one all labels choose. What is said of training files beside it is plain: the
labels that chose a rule also say what it keeps. It knows no cost and no student.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from winnow.statistics.forecasts import weights
from winnow.statistics.forecasts.candidates import Floats, Ints
from winnow.statistics.forecasts.curves import SelectionRule
from winnow.statistics.forecasts.share_estimates import (
    ForecastInterval,
    PromptBlocks,
    WeightTally,
    bootstrap_shares,
    estimate_share,
    paired_standard_error,
    share_value,
    share_values,
)
from winnow.statistics.forecasts.students import NO_ANSWERS, estimate_gain, tally_commonest_answers

FOLDS = 5
SPLITS = 10

RULE_FLAGS = {"best-of-n": "--best-of", "threshold": "--threshold", "top-share": "--top-share"}


@dataclass(frozen=True)
class Recommendation:
    """The rule, what it is worth on prompts that did not choose it, and the command that applies it."""

    rule: str
    n: int | None
    """For best-of-N; other rules draw nothing."""
    args: dict[str, float | int]
    accuracy: ForecastInterval
    command: str
    raw: float | None
    gain: ForecastInterval
    """Over taking any candidate of a prompt."""
    uncorrected: float | None
    """What the labels that chose the rule say of it: too good, as the best of many looks always is."""
    judged_by: str

    def to_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "n": self.n,
            "args": self.args,
            "accuracy": self.accuracy.value,
            "low": self.accuracy.low,
            "high": self.accuracy.high,
            "why": self.accuracy.why,
            "command": self.command,
            "raw": self.raw,
            "gain": self.gain.to_dict(),
            "uncorrected": self.uncorrected,
            "judged_by": self.judged_by,
        }


@dataclass(frozen=True)
class BootstrapSettings:
    """How often and by what chance the bootstrap and the splits are drawn, and the command a rule is added to."""

    repeats: int
    seed: int
    command: str


class RuleComparison:
    """The rules that labels can see, and who of them wins on a part of the prompts."""

    def __init__(self, blocks: PromptBlocks, rules: Sequence[SelectionRule]) -> None:
        self.blocks = blocks
        self.has_single_candidates = int(blocks.candidates.sizes.max()) == 1
        tallies = [option.row_tally if self.has_single_candidates else option.prompt_tally for option in rules]
        visible = [i for i, tally in enumerate(tallies) if tally.is_visible]
        self.rules = [rules[i] for i in visible]
        self.tallies = [tallies[i] for i in visible]
        self._kept = np.array([option.kept for option in self.rules]) / blocks.candidates.rows
        self._kinds = np.array([option.rule for option in self.rules])

    def find_winner(self, block_counts: Floats) -> int:
        """The best rule on the blocks taken."""
        best = [
            int(best_of_n[_first_best_index(self.compute_merits(block_counts)[best_of_n])])
            for best_of_n in self._indices_by_kind()
        ]
        if self.has_single_candidates or len(best) == 1:
            return best[_first_best_index(self.compute_merits(block_counts)[best])]
        merits, best_of_n = self.compute_merits(block_counts), best[0]
        best_cutoff = best[1:][_first_best_index(merits[best[1:]])]
        error = paired_standard_error(
            self.tallies[best_cutoff], self.tallies[best_of_n], block_counts, self.blocks.prompts_per_block
        )
        return best_cutoff if merits[best_cutoff] - merits[best_of_n] > error else best_of_n

    @cached_property
    def winner_index(self) -> int:
        """Where the best rule on all blocks stands."""
        return self.find_winner(np.ones(self.blocks.count))

    def find_runner_up(self) -> SelectionRule | None:
        """The best rule that selects truly otherwise: another N or, beside a rule that draws, one that cuts.

        Two ways to cut are much the same rule, so a cut is set against one that draws, if there is any.
        """
        best = self.rules[self.winner_index]
        different = [
            i for i, rule in enumerate(self.rules) if self.is_selective(rule) and self._is_different(rule, best)
        ]
        drawing = [i for i in different if self.rules[i].rows is None]
        eligible = different if best.rows is None else drawing or different
        if not eligible:
            return None
        return self.rules[eligible[_first_best_index(self.compute_merits(np.ones(self.blocks.count))[eligible])]]

    def is_selective(self, rule: SelectionRule) -> bool:
        """Whether a rule leaves anything out that taking any candidate would not."""
        return self._effective_n(rule) > 1 if rule.rows is None else 0 < rule.kept < self.blocks.candidates.rows

    def _is_different(self, first: SelectionRule, second: SelectionRule) -> bool:
        if first.rows is None or second.rows is None:
            return first.rows is not second.rows or self._effective_n(first) != self._effective_n(second)
        return first.rule != second.rule and not np.array_equal(first.rows, second.rows)

    def _effective_n(self, rule: SelectionRule) -> float:
        """The N of best-of-N; more than any prompt has draws no more."""
        return min(rule.at, float(self.blocks.candidates.sizes.max()))

    def best_of_each_kind(self) -> list[SelectionRule]:
        """The best rule of each kind on all blocks."""
        merits = self.compute_merits(np.ones(self.blocks.count)) if self.rules else np.empty(0)
        return [self.rules[int(own[_first_best_index(merits[own])])] for own in self._indices_by_kind()]

    def compute_merits(self, block_counts: Floats) -> Floats:
        """What rules are compared by; below any share where no label speaks."""
        shares = share_values(self.tallies, block_counts, self.blocks.prompts_per_block)
        merits = shares**2 * self._kept if self.has_single_candidates else shares
        return np.where(np.isnan(merits), -1.0, merits)

    def _indices_by_kind(self) -> list[Ints]:
        """Rules by kind, best-of-N first if it is there."""
        return [own for kind in RULE_FLAGS if len(own := np.flatnonzero(self._kinds == kind))]


def recommend_rule(comparison: RuleComparison, settings: BootstrapSettings) -> Recommendation | None:
    """The rule to use; None when labels see no rule, or not even what no rule would give."""
    blocks = comparison.blocks
    raw = blocks.tally_weights(1.0 / blocks.candidates.sizes[blocks.candidates.prompt], per_prompt=True)
    if not comparison.rules or not raw.is_visible:
        return None
    winner_index = comparison.winner_index
    best = comparison.rules[winner_index]
    accuracy, over_raw = _judge_winner(comparison, winner_index, raw, settings)
    return Recommendation(
        best.rule,
        int(best.at) if best.rule == "best-of-n" else None,
        {best.rule.removesuffix("-n").replace("-", "_"): best.at},
        accuracy,
        build_command(settings.command, best, blocks.candidates.sign),
        share_value(blocks, raw),
        over_raw,
        share_value(blocks, comparison.tallies[winner_index]),
        "precision and share kept" if comparison.has_single_candidates else "share of prompts served right",
    )


@dataclass(frozen=True)
class FileForecast:
    """What is said of a training file before a student is trained on it."""

    file: str
    """`control`, `recommended` or `runner-up`."""
    rule: str
    at: float | None
    command: str | None
    rows: int
    """How many the rule keeps."""
    selects: bool
    """Whether the rule leaves anything out that taking any candidate would not."""
    sampling: ForecastInterval
    """The share right among its rows."""
    greedy: ForecastInterval
    """The share of its prompts whose commonest answer in it is right."""
    over_control: ForecastInterval
    """How much more of it is right than of as many rows of the same prompts drawn at random."""

    def to_dict(self) -> dict[str, object]:
        return {
            "file": self.file,
            "rule": self.rule,
            "at": self.at,
            "command": self.command,
            "rows": self.rows,
            "sampling": self.sampling.to_dict(),
            "greedy": self.greedy.to_dict(),
            "over_control": self.over_control.to_dict(),
        }


def forecast_files(comparison: RuleComparison, settings: BootstrapSettings) -> list[FileForecast]:
    """The control, what the best rule keeps and, if there is one, what the runner-up keeps."""
    blocks, best, runner_up = comparison.blocks, comparison.rules[comparison.winner_index], comparison.find_runner_up()
    control = blocks.tally_weights(weights.control_weights(blocks.candidates, best.rows), per_prompt=False)
    rules = [best] if runner_up is None else [best, runner_up]
    tallies = [control, *(rule.row_tally for rule in rules)]
    shares = bootstrap_shares(blocks.prompts_per_block, tallies, settings.repeats, settings.seed)
    estimates = [estimate_share(blocks, tally, shares[:, i]) for i, tally in enumerate(tallies)]
    # Of a control with one row of a prompt, that row is the commonest; of a larger one chance says which is.
    greedy = estimates[0] if best.rows is None else ForecastInterval(None, why="it is drawn at random")
    no_estimate = ForecastInterval(None, why="it is the control itself")
    forecasts = [FileForecast("control", "control", None, None, best.kept, False, estimates[0], greedy, no_estimate)]
    for i, (file, rule) in enumerate(zip(("recommended", "runner-up"), rules, strict=False), 1):
        forecasts.append(
            FileForecast(
                file,
                rule.rule,
                rule.at,
                build_command(settings.command, rule, blocks.candidates.sign),
                rule.kept,
                comparison.is_selective(rule),
                estimates[i],
                _estimate_commonest_answers(blocks, rule, settings),
                estimate_gain(estimates[i], estimates[0], shares[:, i] - shares[:, 0], tallies[i].effective_prompts),
            )
        )
    return forecasts


def _estimate_commonest_answers(
    blocks: PromptBlocks, rule: SelectionRule, settings: BootstrapSettings
) -> ForecastInterval:
    tally = tally_commonest_answers(blocks, rule)
    if tally is None:
        return ForecastInterval(None, why=NO_ANSWERS)
    return estimate_share(
        blocks, tally, bootstrap_shares(blocks.prompts_per_block, [tally], settings.repeats, settings.seed)[:, 0]
    )


def build_command(base_command: str, rule: SelectionRule, sign: int) -> str:
    """The line that selects by this rule."""
    text = f"{base_command} {RULE_FLAGS[rule.rule]} {rule.at!r}"
    return f"{text} --lower-is-better" if sign < 0 else text


def _first_best_index(merits: Floats) -> int:
    """The simplest of equally good rules, which stands first."""
    return int(np.flatnonzero(merits >= merits.max() - 1e-12)[0])


def _cross_validate(comparison: RuleComparison, seed: int) -> WeightTally:
    """What the choosing comes to: each block counts for the rules that the other folds chose."""
    count = comparison.blocks.count
    folds = min(FOLDS, count)
    rng = np.random.default_rng([seed, 4])
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


def _judge_winner(
    comparison: RuleComparison, winner_index: int, raw: WeightTally, settings: BootstrapSettings
) -> tuple[ForecastInterval, ForecastInterval]:
    """The accuracy of the choosing, and its gain over the raw rows.

    Choosing on a part of the labels finds a rule that is a little worse than the one they all choose, so intervals
    reach up as far as that of the rule itself does.
    """
    blocks = comparison.blocks
    if blocks.count == 1:
        no_estimate = ForecastInterval(None, why="one prompt cannot both choose and judge")
        return no_estimate, no_estimate
    cross_validated, winner_tally = _cross_validate(comparison, settings.seed), comparison.tallies[winner_index]
    shares = bootstrap_shares(
        blocks.prompts_per_block, [cross_validated, winner_tally, raw], settings.repeats, settings.seed
    )
    validated_estimate, winner_estimate, before = (
        estimate_share(blocks, tally, shares[:, i]) for i, tally in enumerate((cross_validated, winner_tally, raw))
    )
    gains = [
        estimate_gain(share, before, shares[:, i] - shares[:, 2], cross_validated.effective_prompts)
        for i, share in enumerate((validated_estimate, winner_estimate))
    ]
    return _extend_upper_end(validated_estimate, winner_estimate), _extend_upper_end(*gains)


def _extend_upper_end(estimate: ForecastInterval, wider_estimate: ForecastInterval) -> ForecastInterval:
    if estimate.high is None or wider_estimate.high is None:
        return estimate
    return replace(estimate, high=max(estimate.high, wider_estimate.high))
