"""Selection rules as weights: the chance of each candidate to be the one that the rule chooses for its prompt.

The weights of a prompt add up to 1 if the rule keeps anything of it, else to 0, so that every share of right rows is a
weighted mean of labels. Ties in score are shared equally. No label is used.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from winnow.statistics.card_inputs import Booleans, Floats, Integers
from winnow.statistics.forecasts.candidates import ScoredCandidates


def best_of_n_weights(candidates: ScoredCandidates, n: int) -> Floats:
    """Return the chance of each candidate to be the best of `n` drawn without replacement (of all, if there are fewer).

    With ties broken by any fixed order, the candidate of rank r of m is the best of k drawn with chance
    C(r-1, k-1) / C(m, k). Averaged over the orders of tied candidates, each of them gets their mean.
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


def kept_row_weights(candidates: ScoredCandidates, kept: Booleans) -> Floats:
    """Return equal chances for the kept rows of each prompt."""
    counts = np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.where(kept, 1.0 / np.maximum(counts, 1)[candidates.prompt], 0.0)


def control_weights(candidates: ScoredCandidates, kept: Booleans | None) -> Floats:
    """Return the weights of a control: as many rows of each prompt as are kept (one if None), at random."""
    counts = 1 if kept is None else np.bincount(candidates.prompt[kept], minlength=candidates.prompts)
    return np.asarray((counts / candidates.sizes)[candidates.prompt], dtype=np.float64)


def commonest_answer_weights(prompt: Integers, answer: Integers, kept: Booleans) -> Floats:
    """Return equal weights for the rows with their prompt's commonest kept answer; ties share equally."""
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


def rank_by_score(candidates: ScoredCandidates, seed: int) -> Integers:
    """Return rows by descending score, ties in a random order drawn from the seed."""
    shuffled = np.random.default_rng([seed, 1]).permutation(candidates.rows)
    return np.asarray(shuffled[np.argsort(-candidates.score[shuffled], kind="stable")])


def keep_top_share(ranked_rows: Integers, share: float) -> Booleans:
    """Return a mask of the first floor(share x rows + 1/2) ranked rows."""
    kept = np.zeros(len(ranked_rows), dtype=np.bool_)
    kept[ranked_rows[: int(np.floor(share * len(ranked_rows) + 0.5))]] = True
    return kept
