"""What a rule picks, as weights: the chance that a rule ends with this candidate when it is asked for one.

Promises: `best_of` is exact, with ties in score shared equally among the tied candidates that were drawn; all weights
of a prompt add up to 1 where the rule keeps anything of it, else to 0. Whatever is a share of right rows is then a
weighted mean of labels, and few labels can estimate it.
It looks at no label.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from winnow.statistics.forecasts.candidates import Bools, Floats, Ints, ScoredCandidates


def best_of_n_weights(candidates: ScoredCandidates, n: int) -> Floats:
    """The chance of each candidate to be the best of `n` drawn without replacement; all, where a prompt has fewer.

    With ties broken by any fixed order, the candidate of rank r of m is the best of k drawn with chance
    C(r-1, k-1) / C(m, k). Averaged over the orders of a tied run, each of its members gets the mean of the run.
    """
    kinds, rank_index = candidates.rank_index
    rank = np.concatenate([np.arange(1.0, size + 1.0) for size in kinds])
    size = np.repeat(kinds, kinds).astype(np.float64)
    drawn = np.minimum(float(n), size)
    is_reachable = rank >= drawn
    below = gammaln(rank) - gammaln(np.where(is_reachable, rank - drawn, 0.0) + 1.0)
    every = gammaln(size) - gammaln(size - drawn + 1.0)
    strict = np.where(is_reachable, drawn / size * np.exp(below - every), 0.0)[rank_index]
    lengths = np.diff(np.r_[candidates.tie_starts, candidates.rows])
    shared = np.repeat(np.add.reduceat(strict, candidates.tie_starts) / lengths, lengths)
    weights = np.empty(candidates.rows)
    weights[candidates.score_order] = shared
    return weights


def kept_row_weights(candidates: ScoredCandidates, kept: Bools) -> Floats:
    """Each kept row of a prompt with the same chance."""
    counts = np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.where(kept, 1.0 / np.maximum(counts, 1)[candidates.prompt], 0.0)


def control_weights(candidates: ScoredCandidates, kept: Bools | None) -> Floats:
    """As many rows of each prompt as are kept (one, where None), whichever they are: what a control draws."""
    counts = 1 if kept is None else np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.asarray((counts / candidates.sizes)[candidates.prompt], dtype=np.float64)


def commonest_answer_weights(prompt: Ints, answer: Ints, kept: Bools) -> Floats:
    """The rows that hold their prompt's commonest kept answer, equally; ties for the commonest are shared equally."""
    rows = np.flatnonzero(kept)
    weights = np.zeros(len(prompt))
    if not len(rows):
        return weights
    key = prompt[rows] * (int(answer.max()) + 1) + answer[rows]
    _, first, group, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    prompt_of_answer = prompt[rows][first]
    largest_count = np.zeros(int(prompt.max()) + 1, dtype=np.int64)
    np.maximum.at(largest_count, prompt_of_answer, count)
    is_commonest = count == largest_count[prompt_of_answer]
    winners = np.bincount(prompt_of_answer[is_commonest], minlength=len(largest_count))
    weights[rows] = np.where(is_commonest, 1.0 / (count * np.maximum(winners[prompt_of_answer], 1)), 0.0)[group]
    return weights


def rank_by_score(candidates: ScoredCandidates, seed: int) -> Ints:
    """Rows from the highest score to the lowest, ties in an order drawn from the seed: what a top share cuts."""
    shuffled = np.random.default_rng([seed, 1]).permutation(candidates.rows)
    return np.asarray(shuffled[np.argsort(-candidates.score[shuffled], kind="stable")])


def keep_top_share(ranked_rows: Ints, share: float) -> Bools:
    """The first floor(share x rows + 1/2) of the ladder."""
    kept = np.zeros(len(ranked_rows), dtype=np.bool_)
    kept[ranked_rows[: int(np.floor(share * len(ranked_rows) + 0.5))]] = True
    return kept
