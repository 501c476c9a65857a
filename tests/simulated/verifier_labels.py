"""Labeled rows with known rates, for the tests of the card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.statistics.card_inputs import Floats, Integers, LabeledRows, VerdictCounts


@dataclass(frozen=True)
class Judge:
    """A verifier's rates and the share right."""

    right: float = 0.62
    phi: float = 0.84
    psi: float = 0.29

    @property
    def keep(self) -> float:
        """The share it keeps."""
        return self.right * self.phi + (1 - self.right) * self.psi


def drawn(judge: Judge, labels: int, seed: int = 0, each: int = 1) -> LabeledRows:
    """Labels drawn at random; with `each` above 1 the rows of a prompt all share one truth and one verdict."""
    rng = np.random.default_rng(seed)
    prompts = labels // each
    right = rng.random(prompts) < judge.right
    kept = rng.random(prompts) < np.where(right, judge.phi, judge.psi)
    return LabeledRows(
        np.repeat(kept, each), np.repeat(right, each).astype(np.float64), np.repeat(np.arange(prompts), each)
    )


def counts(judge: Judge, rows: int = 10_000) -> VerdictCounts:
    """What a table of independent rows counts."""
    kept = round(rows * judge.keep)
    return VerdictCounts(kept, rows - kept)


def cells(kept_right: int, kept_wrong: int, dropped_right: int, dropped_wrong: int) -> LabeledRows:
    """Independent labeled rows of the four kinds."""
    sizes = (kept_right, kept_wrong, dropped_right, dropped_wrong)
    kept = np.repeat([True, True, False, False], sizes)
    right: Floats = np.repeat([1.0, 0.0, 1.0, 0.0], sizes)
    prompt: Integers = np.arange(len(kept))
    return LabeledRows(kept, right, prompt)
