"""One verifier from several, learned from labels: ridge logistic regression on their votes or scores.

The ridge strength is the one of a short list that predicts held-out labels best (5 folds by prompt). A labeled row is
scored by the fit that did not see its prompt, so a card of the combined verdict on the same labels is not flattered;
other rows are scored by the fit on all labels. Missing entries are set to the mean and marked by an indicator column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit

from winnow.statistics.card_inputs import Floats, Integers
from winnow.statistics.combine.dependence import LEAST_OF_EACH, CombineRefusal

RIDGE_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1_000.0)
FOLDS = 5
MOST_STEPS = 50
SEED = 0


@dataclass(frozen=True, eq=False)
class StackLabels:
    """Which rows are labeled, whether they are right (read only there), and their prompts if rows share them."""

    known: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]
    prompt: Integers | None = None


@dataclass(frozen=True, eq=False)
class StackedScores:
    """A score per row, and how well held-out labels were predicted."""

    score: Floats
    ridge: float
    log_loss: float
    accuracy: float


def stack_scores(columns: npt.ArrayLike, labeled: StackLabels) -> StackedScores | CombineRefusal:
    """Fit and score one row per candidate and one column per verifier; NaN where a verifier decided nothing."""
    known = np.flatnonzero(labeled.known)
    right = labeled.right[known].astype(np.float64)
    fewer = int(min(np.sum(right), np.sum(1 - right)))
    if fewer < LEAST_OF_EACH:
        problem = f"{fewer} of {len(known)} labels are of the rarer kind, but {LEAST_OF_EACH} are needed"
        return CombineRefusal("too-few-labels", problem, "Label more rows, or combine without labels")
    design = _design_matrix(np.asarray(columns, dtype=np.float64))
    folds = _assign_folds(known if labeled.prompt is None else labeled.prompt[known])
    held_out = np.stack([_held_out_log_odds(design[known], right, folds, ridge) for ridge in RIDGE_STRENGTHS])
    losses = -np.mean(right * log_expit(held_out) + (1 - right) * log_expit(-held_out), axis=1)
    best = int(np.argmin(losses))
    score = expit(design @ fit_logistic(design[known], right, RIDGE_STRENGTHS[best]))
    score[known] = expit(held_out[best])
    accuracy = float(np.mean((held_out[best] >= 0) == (right == 1)))
    return StackedScores(score, RIDGE_STRENGTHS[best], float(losses[best]), accuracy)


def fit_logistic(design: Floats, right: Floats, ridge: float) -> Floats:
    """Return the weights, by Newton steps halved where one overshoots; the constant column is not shrunk."""
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-9
    weights = np.zeros(design.shape[1])
    loss = _penalized_loss(design, right, penalty, weights)
    for _ in range(MOST_STEPS):
        chance = expit(design @ weights)
        slope = design.T @ (right - chance) - penalty * weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step, size = np.linalg.solve(curve, slope), 1.0
        while (new := _penalized_loss(design, right, penalty, weights + size * step)) > loss and size > 1e-6:
            size /= 2
        weights, gained, loss = weights + size * step, loss - new, new
        if gained < 1e-10:
            break
    return weights


def _penalized_loss(design: Floats, right: Floats, penalty: Floats, weights: Floats) -> float:
    odds = design @ weights
    fit = -np.sum(right * log_expit(odds) + (1 - right) * log_expit(-odds))
    return float(fit + np.sum(penalty * weights**2) / 2)


def _design_matrix(columns: Floats) -> Floats:
    """Return a constant, standardized columns, and an indicator for each column with missing entries."""
    known = np.isfinite(columns)
    filled = np.where(known, columns, 0.0)
    known_counts = np.maximum(known.sum(axis=0), 1)
    mean = filled.sum(axis=0) / known_counts
    centered = np.where(known, columns - mean, 0.0) if columns.size else filled
    spread = np.sqrt((centered**2).sum(axis=0) / known_counts)
    scaled = centered / np.where(spread > 0, spread, 1.0)
    missing = (~known).astype(np.float64)[:, (~known).any(axis=0) & known.any(axis=0)]
    return np.hstack([np.ones((len(columns), 1)), scaled, missing])


def _assign_folds(prompt: Integers) -> Integers:
    """Return each row's fold; prompts are dealt out evenly by a fixed shuffle."""
    codes = np.unique(prompt, return_inverse=True)[1]
    shuffled = np.random.default_rng(SEED).permutation(int(codes.max()) + 1) % FOLDS
    folds: Integers = shuffled[codes].astype(np.int64)
    return folds


def _held_out_log_odds(design: Floats, right: Floats, folds: Integers, ridge: float) -> Floats:
    """Return the log odds of each labeled row by the fit on the other folds."""
    odds = np.zeros(len(right))
    for fold in range(FOLDS):
        out = folds == fold
        if out.any() and not out.all():
            odds[out] = design[out] @ fit_logistic(design[~out], right[~out], ridge)
    return odds
