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

from winnow.stats.forecasts import weights
from winnow.stats.forecasts.candidates import Floats, Ints
from winnow.stats.forecasts.curves import Option
from winnow.stats.forecasts.estimates import Blocks, Estimate, Tally, estimate, paired_error, replicates, value, values
from winnow.stats.forecasts.students import NO_ANSWERS, commonest_tally, gain

FOLDS = 5
SPLITS = 10

FLAGS = {"best-of-n": "--best-of", "threshold": "--threshold", "top-share": "--top-share"}


@dataclass(frozen=True)
class Recommended:
    """The rule, what it is worth on prompts that did not choose it, and the command that applies it."""

    rule: str
    n: int | None
    """For best-of-N; other rules draw nothing."""
    args: dict[str, float | int]
    accuracy: Estimate
    command: str
    raw: float | None
    gain: Estimate
    """Over taking any candidate of a prompt."""
    uncorrected: float | None
    """What the labels that chose the rule say of it: too good, as the best of many looks always is."""
    judged_by: str

    def plain(self) -> dict[str, object]:
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
            "gain": self.gain.plain(),
            "uncorrected": self.uncorrected,
            "judged_by": self.judged_by,
        }


@dataclass(frozen=True)
class Rates:
    """How often and by what chance the bootstrap and the splits are drawn, and the command a rule is added to."""

    repeats: int
    seed: int
    command: str


class Contest:
    """The rules that labels can see, and who of them wins on a part of the prompts."""

    def __init__(self, blocks: Blocks, options: Sequence[Option]) -> None:
        self.blocks = blocks
        self.single = int(blocks.candidates.sizes.max()) == 1
        judged = [option.among if self.single else option.each for option in options]
        seen = [i for i, tally in enumerate(judged) if tally.seen]
        self.options = [options[i] for i in seen]
        self.judged = [judged[i] for i in seen]
        self._kept = np.array([option.kept for option in self.options]) / blocks.candidates.rows
        self._kinds = np.array([option.rule for option in self.options])

    def winner(self, taken: Floats) -> int:
        """The best rule on the blocks taken."""
        best = [int(own[_first_best(self.merits(taken)[own])]) for own in self._groups()]
        if self.single or len(best) == 1:
            return best[_first_best(self.merits(taken)[best])]
        merits, own = self.merits(taken), best[0]
        other = best[1:][_first_best(merits[best[1:]])]
        error = paired_error(self.judged[other], self.judged[own], taken, self.blocks.prompts)
        return other if merits[other] - merits[own] > error else own

    @cached_property
    def place(self) -> int:
        """Where the best rule on all blocks stands."""
        return self.winner(np.ones(self.blocks.count))

    def runner_up(self) -> Option | None:
        """The best rule that selects truly otherwise: another N or, beside a rule that draws, one that cuts.

        Two ways to cut are much the same rule, so a cut is set against one that draws, if there is any.
        """
        best = self.options[self.place]
        other = [i for i, one in enumerate(self.options) if self.selects(one) and self._unlike(one, best)]
        drawing = [i for i in other if self.options[i].rows is None]
        places = other if best.rows is None else drawing or other
        if not places:
            return None
        return self.options[places[_first_best(self.merits(np.ones(self.blocks.count))[places])]]

    def selects(self, one: Option) -> bool:
        """Whether a rule leaves anything out that taking any candidate would not."""
        return self._depth(one) > 1 if one.rows is None else 0 < one.kept < self.blocks.candidates.rows

    def _unlike(self, one: Option, other: Option) -> bool:
        if one.rows is None or other.rows is None:
            return one.rows is not other.rows or self._depth(one) != self._depth(other)
        return one.rule != other.rule and not np.array_equal(one.rows, other.rows)

    def _depth(self, one: Option) -> float:
        """The N of best-of-N; more than any prompt has draws no more."""
        return min(one.at, float(self.blocks.candidates.sizes.max()))

    def of_each_kind(self) -> list[Option]:
        """The best rule of each kind on all blocks."""
        merits = self.merits(np.ones(self.blocks.count)) if self.options else np.empty(0)
        return [self.options[int(own[_first_best(merits[own])])] for own in self._groups()]

    def merits(self, taken: Floats) -> Floats:
        """What rules are compared by; below any share where no label speaks."""
        shares = values(self.judged, taken, self.blocks.prompts)
        merits = shares**2 * self._kept if self.single else shares
        return np.where(np.isnan(merits), -1.0, merits)

    def _groups(self) -> list[Ints]:
        """Rules by kind, best-of-N first if it is there."""
        return [own for kind in FLAGS if len(own := np.flatnonzero(self._kinds == kind))]


def recommend(contest: Contest, rates: Rates) -> Recommended | None:
    """The rule to use; None when labels see no rule, or not even what no rule would give."""
    blocks = contest.blocks
    raw = blocks.tally(1.0 / blocks.candidates.sizes[blocks.candidates.prompt], per_prompt=True)
    if not contest.options or not raw.seen:
        return None
    place = contest.place
    best = contest.options[place]
    accuracy, over_raw = _judged(contest, place, raw, rates)
    return Recommended(
        best.rule,
        int(best.at) if best.rule == "best-of-n" else None,
        {best.rule.removesuffix("-n").replace("-", "_"): best.at},
        accuracy,
        command(rates.command, best, blocks.candidates.sign),
        value(blocks, raw),
        over_raw,
        value(blocks, contest.judged[place]),
        "precision and share kept" if contest.single else "share of prompts served right",
    )


@dataclass(frozen=True)
class Said:
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
    sampling: Estimate
    """The share right among its rows."""
    greedy: Estimate
    """The share of its prompts whose commonest answer in it is right."""
    over_control: Estimate
    """How much more of it is right than of as many rows of the same prompts drawn at random."""

    def plain(self) -> dict[str, object]:
        return {
            "file": self.file,
            "rule": self.rule,
            "at": self.at,
            "command": self.command,
            "rows": self.rows,
            "sampling": self.sampling.plain(),
            "greedy": self.greedy.plain(),
            "over_control": self.over_control.plain(),
        }


def said_of_files(contest: Contest, rates: Rates) -> list[Said]:
    """The control, what the best rule keeps and, if there is one, what the runner-up keeps."""
    blocks, best, other = contest.blocks, contest.options[contest.place], contest.runner_up()
    control = blocks.tally(weights.at_random(blocks.candidates, best.rows), per_prompt=False)
    options = [best] if other is None else [best, other]
    tallies = [control, *(option.among for option in options)]
    drawn = replicates(blocks.prompts, tallies, rates.repeats, rates.seed)
    share = [estimate(blocks, tally, drawn[:, i]) for i, tally in enumerate(tallies)]
    # Of a control with one row of a prompt, that row is the commonest; of a larger one chance says which is.
    greedy = share[0] if best.rows is None else Estimate(None, why="it is drawn at random")
    nothing = Estimate(None, why="it is the control itself")
    found = [Said("control", "control", None, None, best.kept, False, share[0], greedy, nothing)]
    for i, (file, option) in enumerate(zip(("recommended", "runner-up"), options, strict=False), 1):
        found.append(
            Said(
                file,
                option.rule,
                option.at,
                command(rates.command, option, blocks.candidates.sign),
                option.kept,
                contest.selects(option),
                share[i],
                _commonest(blocks, option, rates),
                gain(share[i], share[0], drawn[:, i] - drawn[:, 0], tallies[i].prompts),
            )
        )
    return found


def _commonest(blocks: Blocks, option: Option, rates: Rates) -> Estimate:
    tally = commonest_tally(blocks, option)
    if tally is None:
        return Estimate(None, why=NO_ANSWERS)
    return estimate(blocks, tally, replicates(blocks.prompts, [tally], rates.repeats, rates.seed)[:, 0])


def command(start: str, option: Option, sign: int) -> str:
    """The line that selects by this rule."""
    text = f"{start} {FLAGS[option.rule]} {option.at!r}"
    return f"{text} --lower-is-better" if sign < 0 else text


def _first_best(merits: Floats) -> int:
    """The simplest of equally good rules, which stands first."""
    return int(np.flatnonzero(merits >= merits.max() - 1e-12)[0])


def _crossed(contest: Contest, seed: int) -> Tally:
    """What the choosing comes to: each block counts for the rules that the other folds chose."""
    count = contest.blocks.count
    folds = min(FOLDS, count)
    rng = np.random.default_rng([seed, 4])
    stacks = [np.stack([getattr(t, name) for t in contest.judged], axis=1) for name in ("right", "spoken", "whole")]
    sums = [np.zeros(count) for _ in stacks]
    for _ in range(SPLITS):
        fold = rng.permutation(count) % folds
        chosen = np.array([contest.winner((fold != one).astype(np.float64)) for one in range(folds)])
        for total, stack in zip(sums, stacks, strict=True):
            total += np.take_along_axis(stack, chosen[fold][:, None], axis=1)[:, 0] / SPLITS
    units = float(np.mean([tally.prompts for tally in contest.judged]))
    labels = float(np.mean([tally.labels for tally in contest.judged]))
    return Tally(sums[0], sums[1], sums[2], 0.0, labels, units, True)


def _judged(contest: Contest, place: int, raw: Tally, rates: Rates) -> tuple[Estimate, Estimate]:
    """The accuracy of the choosing, and its gain over the raw rows.

    Choosing on a part of the labels finds a rule that is a little worse than the one they all choose, so intervals
    reach up as far as that of the rule itself does.
    """
    blocks = contest.blocks
    if blocks.count == 1:
        nothing = Estimate(None, why="one prompt cannot both choose and judge")
        return nothing, nothing
    crossed, own = _crossed(contest, rates.seed), contest.judged[place]
    drawn = replicates(blocks.prompts, [crossed, own, raw], rates.repeats, rates.seed)
    one, other, before = (estimate(blocks, tally, drawn[:, i]) for i, tally in enumerate((crossed, own, raw)))
    gains = [gain(share, before, drawn[:, i] - drawn[:, 2], crossed.prompts) for i, share in enumerate((one, other))]
    return _reaching(one, other), _reaching(*gains)


def _reaching(one: Estimate, other: Estimate) -> Estimate:
    if one.high is None or other.high is None:
        return one
    return replace(one, high=max(one.high, other.high))
