"""What a rule picks, as weights: the chance that a rule ends with this candidate when it is asked for one.

Promises: `best_of` is exact, with ties in score shared equally among the tied candidates that were drawn; all weights
of a prompt add up to 1 where the rule keeps anything of it, else to 0. Whatever is a share of right rows is then a
weighted mean of labels, and few labels can estimate it.
It looks at no label.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from winnow.stats.forecasts.candidates import Bools, Candidates, Floats, Ints


def best_of(candidates: Candidates, n: int) -> Floats:
    """The chance of each candidate to be the best of `n` drawn without replacement; all, where a prompt has fewer.

    With ties broken by any fixed order, the candidate of rank r of m is the best of k drawn with chance
    C(r-1, k-1) / C(m, k). Averaged over the orders of a tied run, each of its members gets the mean of the run.
    """
    kinds, places = candidates.places
    rank = np.concatenate([np.arange(1.0, size + 1.0) for size in kinds])
    size = np.repeat(kinds, kinds).astype(np.float64)
    drawn = np.minimum(float(n), size)
    reached = rank >= drawn
    below = gammaln(rank) - gammaln(np.where(reached, rank - drawn, 0.0) + 1.0)
    every = gammaln(size) - gammaln(size - drawn + 1.0)
    strict = np.where(reached, drawn / size * np.exp(below - every), 0.0)[places]
    lengths = np.diff(np.r_[candidates.ties, candidates.rows])
    shared = np.repeat(np.add.reduceat(strict, candidates.ties) / lengths, lengths)
    weights = np.empty(candidates.rows)
    weights[candidates.order] = shared
    return weights


def one_of_kept(candidates: Candidates, kept: Bools) -> Floats:
    """Each kept row of a prompt with the same chance."""
    counts = np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.where(kept, 1.0 / np.maximum(counts, 1)[candidates.prompt], 0.0)


def at_random(candidates: Candidates, kept: Bools | None) -> Floats:
    """As many rows of each prompt as are kept (one, where None), whichever they are: what a control draws."""
    counts = 1 if kept is None else np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.asarray((counts / candidates.sizes)[candidates.prompt], dtype=np.float64)


def commonest(prompt: Ints, answer: Ints, kept: Bools) -> Floats:
    """The rows that hold their prompt's commonest kept answer, equally; ties for the commonest are shared equally."""
    rows = np.flatnonzero(kept)
    weights = np.zeros(len(prompt))
    if not len(rows):
        return weights
    key = prompt[rows] * (int(answer.max()) + 1) + answer[rows]
    _, first, group, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    of_prompt = prompt[rows][first]
    most = np.zeros(int(prompt.max()) + 1, dtype=np.int64)
    np.maximum.at(most, of_prompt, count)
    wins = count == most[of_prompt]
    winners = np.bincount(of_prompt[wins], minlength=len(most))
    weights[rows] = np.where(wins, 1.0 / (count * np.maximum(winners[of_prompt], 1)), 0.0)[group]
    return weights


def by_score(candidates: Candidates, seed: int) -> Ints:
    """Rows from the highest score to the lowest, ties in an order drawn from the seed: what a top share cuts."""
    lot = np.random.default_rng([seed, 1]).permutation(candidates.rows)
    return np.asarray(lot[np.argsort(-candidates.score[lot], kind="stable")])


def kept_by_share(ladder: Ints, share: float) -> Bools:
    """The first floor(share x rows + 1/2) of the ladder."""
    kept = np.zeros(len(ladder), dtype=np.bool_)
    kept[ladder[: int(np.floor(share * len(ladder) + 0.5))]] = True
    return kept
