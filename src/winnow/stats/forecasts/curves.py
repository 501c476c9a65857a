"""The curves: what each best-of-N, threshold and top share would give, with pass@N and what the score promises.

Promises: a value stands in a curve only where labels can see it, else it is None; N is capped at what a prompt has
(`fewer` of a point says how many prompts that concerns); `kept` and `prompts` are counted, not estimated.
`optimistic` is what a score calibrated on the labels would promise: it rises even where the truth falls, so it is kept
apart from the curves and never checked by anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from winnow.stats.forecasts import weights
from winnow.stats.forecasts.candidates import Bools, Candidates, Floats, Ints
from winnow.stats.forecasts.estimates import Blocks, Estimate, Tally, estimate, replicates, value

TOP_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
CUTS = 20


@dataclass(frozen=True)
class Drawn:
    """Best of n: the share of prompts whose chosen candidate is right."""

    n: int
    accuracy: Estimate
    prompts: int
    labeled_weight: float
    fewer: int
    """Prompts that have fewer than n candidates and give the best of all they have."""

    def plain(self) -> dict[str, float | int | None]:
        return {
            "n": self.n,
            "accuracy": self.accuracy.value,
            "low": self.accuracy.low,
            "high": self.accuracy.high,
            "prompts": self.prompts,
            "labeled_weight": self.labeled_weight,
        }


@dataclass(frozen=True)
class Kept:
    """A threshold or a top share: the share right among the rows it keeps."""

    name: str
    """`threshold` or `top_share`."""
    at: float
    accuracy: Estimate
    kept: int
    prompts: int
    """Prompts of which anything is kept."""
    labeled_weight: float
    per_prompt: float | None
    """The chance that a kept row of a prompt is right, when a prompt left with none counts as not right."""

    def plain(self) -> dict[str, float | int | None]:
        return {
            self.name: self.at,
            "accuracy": self.accuracy.value,
            "low": self.accuracy.low,
            "high": self.accuracy.high,
            "kept": self.kept,
            "prompts": self.prompts,
            "labeled_weight": self.labeled_weight,
            "per_prompt": self.per_prompt,
        }


@dataclass(frozen=True, eq=False)
class Option:
    """A rule that could be recommended, with what it comes to: among its kept rows, and prompt by prompt."""

    rule: str
    at: float
    kept: int
    prompts: int
    among: Tally
    each: Tally
    rows: Bools | None = None
    """The rows it keeps; None for best-of-N, which draws anew."""


def usual_n(candidates: Candidates) -> tuple[int, ...]:
    """1, 2, 4, ... and the largest number of candidates a prompt has."""
    most = int(candidates.sizes.max())
    return tuple(sorted({2**k for k in range(most.bit_length())} | {most}))


def usual_cuts(candidates: Candidates) -> tuple[float, ...]:
    """Scores at which a threshold keeps all, 95%, 90%, ... of the rows; as the caller's scores run."""
    ascending = np.sort(candidates.score)
    places = (np.arange(CUTS) * len(ascending)) // CUTS
    return tuple(float(candidates.sign * cut) + 0.0 for cut in np.unique(ascending[places]))


def best_options(blocks: Blocks, ns: Sequence[int]) -> list[Option]:
    """Best-of-N for each n."""
    options = []
    for n in ns:
        tally = blocks.tally(weights.best_of(blocks.candidates, n), per_prompt=True)
        prompts = blocks.candidates.prompts
        options.append(Option("best-of-n", int(n), prompts, prompts, tally, tally))
    return options


def cut_options(blocks: Blocks, cuts: Sequence[float]) -> list[Option]:
    """A threshold for each cut."""
    score, sign = blocks.candidates.score, blocks.candidates.sign
    return [_kept_option(blocks, "threshold", float(cut), score >= sign * cut) for cut in cuts]


def share_options(blocks: Blocks, shares: Sequence[float], seed: int) -> list[Option]:
    """A top share for each share."""
    ladder = weights.by_score(blocks.candidates, seed)
    return [_kept_option(blocks, "top-share", float(share), weights.kept_by_share(ladder, share)) for share in shares]


def _kept_option(blocks: Blocks, rule: str, at: float, kept: Bools) -> Option:
    among = blocks.tally(kept.astype(np.float64), per_prompt=False)
    each = blocks.tally(weights.one_of_kept(blocks.candidates, kept), per_prompt=True)
    prompts = int(np.count_nonzero(np.bincount(blocks.candidates.prompt[kept], minlength=blocks.candidates.prompts)))
    return Option(rule, at, int(kept.sum()), prompts, among, each, kept)


def best_curve(blocks: Blocks, options: Sequence[Option], drawn: Floats) -> list[Drawn]:
    """The points of best-of-N; `drawn` holds the replicates, one column per option."""
    sizes = blocks.candidates.sizes
    return [
        Drawn(
            int(option.at),
            estimate(blocks, option.among, drawn[:, i]),
            blocks.candidates.prompts,
            option.among.labeled_weight,
            int((sizes < option.at).sum()),
        )
        for i, option in enumerate(options)
    ]


def kept_curve(blocks: Blocks, options: Sequence[Option], repeats: int, seed: int) -> list[Kept]:
    """The points of thresholds or top shares."""
    if not options:
        return []
    drawn = replicates(blocks.prompts, [option.among for option in options], repeats, seed)
    return [
        Kept(
            option.rule.replace("-", "_"),
            option.at,
            estimate(blocks, option.among, drawn[:, i]),
            option.kept,
            option.prompts,
            option.among.labeled_weight,
            value(blocks, option.each) if option.each.seen else None,
        )
        for i, option in enumerate(options)
    ]


@dataclass(frozen=True)
class Passed:
    """pass@n: the share of prompts with any right one among n drawn without replacement."""

    n: int
    share: Estimate
    prompts: int

    def plain(self) -> dict[str, float | int | None]:
        return {
            "n": self.n,
            "pass": self.share.value,
            "low": self.share.low,
            "high": self.share.high,
            "prompts": self.prompts,
        }


def pass_curve(blocks: Blocks, ns: Sequence[int], repeats: int, seed: int) -> list[Passed]:
    """pass@n, exact; empty unless every row is labeled, since one right candidate may hide among the unlabeled."""
    candidates = blocks.candidates
    if candidates.labels != "complete":
        return []
    size = candidates.sizes.astype(np.float64)
    wrong = size - np.bincount(candidates.prompt, candidates.right, candidates.prompts)
    tallies = []
    for n in ns:
        drawn = np.minimum(float(n), size)
        missed = np.where(wrong >= drawn, np.exp(_choose(wrong, drawn) - _choose(size, drawn)), 0.0)
        tallies.append(blocks.tally((1.0 - missed)[candidates.prompt] / size[candidates.prompt], per_prompt=True))
    whole = [_as_share(tally, blocks.prompts) for tally in tallies]
    again = replicates(blocks.prompts, whole, repeats, seed)
    return [Passed(n, estimate(blocks, whole[i], again[:, i]), candidates.prompts) for i, n in enumerate(ns)]


def _as_share(tally: Tally, prompts: Floats) -> Tally:
    """A tally whose weights already are what is to be averaged over prompts."""
    units = float(prompts.sum())
    return Tally(tally.whole, prompts, prompts, 1.0, units, units, True)


def _choose(items: Floats, taken: Floats) -> Floats:
    """Logarithm of the number of ways to take some of the items, up to the factorial of how many are taken."""
    return np.asarray(gammaln(items + 1.0) - gammaln(np.maximum(items - taken, 0.0) + 1.0))


def promised(candidates: Candidates, ns: Sequence[int], believed: Floats) -> list[float]:
    """The mean of what is believed about the chosen candidates: with the score itself, it never falls in n."""
    return [float((weights.best_of(candidates, n) * believed).sum()) / candidates.prompts for n in ns]


def calibrated(candidates: Candidates) -> Floats:
    """For every row the share right that labels show at such a score, never falling in the score (isotonic)."""
    rows = candidates.labeled
    order = np.argsort(candidates.score[rows], kind="stable")
    score = candidates.score[rows][order]
    fresh = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    weight = np.add.reduceat(candidates.stands_for[order], fresh)
    mean = np.add.reduceat((candidates.right[rows] * candidates.stands_for)[order], fresh) / weight
    return np.asarray(np.interp(candidates.score, score[fresh], _rising(mean, weight)))


def _rising(mean: Floats, weight: Floats) -> Floats:
    """The closest values that never fall: neighbors that fall are pooled until none does."""
    pools: list[tuple[float, float, int]] = []
    for one, heavy in zip(mean.tolist(), weight.tolist(), strict=True):
        pool = (one, heavy, 1)
        while pools and pools[-1][0] > pool[0]:
            value, mass, count = pools.pop()
            total = mass + pool[1]
            pool = ((value * mass + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    counts: Ints = np.array([count for _, _, count in pools])
    return np.repeat([value for value, _, _ in pools], counts)
