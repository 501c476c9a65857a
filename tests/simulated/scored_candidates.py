"""Small tables for the tests of forecasts: prompts whose candidates have scores and labels."""

from __future__ import annotations

import numpy as np

from winnow.statistics.card_inputs import Floats
from winnow.statistics.forecasts.candidates import ScoredCandidates, make_candidates
from winnow.statistics.forecasts.label_sampling import LabelSample, sample_labels


def scored(prompts: int, per_prompt: int, gap: float, seed: int = 0, fooled: float = 0.0) -> ScoredCandidates:
    """Fully labeled; right ones score `gap` higher, and a share `fooled` of the wrong ones highest of all."""
    rng = np.random.default_rng(seed)
    right = rng.random((prompts, per_prompt)) < rng.beta(1.0, 1.5, (prompts, 1))
    score = gap * right + rng.normal(size=right.shape)
    score = np.where(~right & (rng.random(right.shape) < fooled), gap + 5.0, score)
    level = 2.0 * rng.normal(size=(prompts, 1))
    rows = np.repeat(np.arange(prompts), per_prompt)
    return make_candidates(rows, (score + level).ravel(), right.ravel().astype(np.float64))


def planned(whole: ScoredCandidates, labels: int, seed: int, made: int | None = None) -> ScoredCandidates:
    """The same rows with the labels of a plan alone, or only the first that were made."""
    picks = sample_labels(whole, ids(whole), labels, seed=seed)
    picks = LabelSample(picks.rows[:made], picks.chances[:made])
    right, drawn = np.full(whole.rows, np.nan), np.full(whole.rows, np.nan)
    right[picks.rows], drawn[picks.rows] = whole.right[picks.rows], picks.chances
    return make_candidates(whole.prompt, whole.score, right, drawn)


def at_random(whole: ScoredCandidates, labels: int, seed: int) -> ScoredCandidates:
    """The same rows with labels drawn at random."""
    right = np.full(whole.rows, np.nan)
    rows = np.random.default_rng(seed).choice(whole.rows, labels, replace=False)
    right[rows] = whole.right[rows]
    return make_candidates(whole.prompt, whole.score, right)


def ids(whole: ScoredCandidates) -> list[str]:
    """A name for each row, the same for the same prompt and place in it."""
    return [f"{prompt}#{row}" for row, prompt in enumerate(whole.prompt)]


def curve(points: list[float | None]) -> Floats:
    """Accuracies with NaN where nothing is said."""
    return np.array([np.nan if value is None else value for value in points])
