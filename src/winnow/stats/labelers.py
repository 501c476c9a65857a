"""Rows labeled by several people: how far they agree, and what their errors do to a card.

Agreement is the share of pairs of labels of a row that are the same; kappa is Cohen's, pooled over pairs of labelers
with each pair's own chance agreement. If two labelers err independently of each other and of the verdict, each on a
share e of rows whatever the truth, they disagree on 2 e (1 - e): e follows from the disagreement, and phi, psi, p and
precision can be freed of it.
Promises: intervals by prompt; None with a reason where labelers disagree as if by coin. What it corrects for is only
that model of error: labelers who share a mistake hide it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import comb, stdtrit

from winnow.stats.card import sides_of
from winnow.stats.evidence import Booleans, Counts, Drawn, Floats, How, Integers, Labeled
from winnow.stats.formulas import rates
from winnow.stats.intervals import Figure, Rows, Share, between, coded, joint, shares
from winnow.stats.words import percent

MOST_DISAGREEMENT = 0.48  # above this the error rate is so near 1/2 that no correction means anything
CORRECTED = "phi psi p precision uplift".split()


@dataclass(frozen=True, eq=False)
class ManyLabels:
    """One entry per label: which row it is for, who gave it, what it says, and the row's prompt."""

    row: Integers
    labeler: Integers
    right: Booleans
    prompt: Integers


@dataclass(frozen=True)
class Agreement:
    """How labelers agree, over the rows that have two labels or more; `error` is one labeler's error rate."""

    rows: int
    labelers: int
    agreement: Figure
    kappa: Figure
    error: Figure
    why: str = ""
    share: Share | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        figures = {name: getattr(self, name).plain() for name in ("agreement", "kappa", "error")}
        return {"rows": self.rows, "labelers": self.labelers, **figures, "why": self.why}

    def words(self) -> str:
        """In one line."""
        if self.agreement.value is None:
            return self.why
        kappa = "" if self.kappa.value is None else f", kappa {self.kappa.value:.2f}"
        error = self.why if self.error.value is None else f"as if each erred on {percent(self.error.value)} of rows"
        return f"labelers agree on {percent(self.agreement.value)} of {self.rows:,} rows{kappa}; {error}"


@dataclass(frozen=True)
class Corrected:
    """A card's rates freed of symmetric label noise."""

    error: float
    phi: Figure
    psi: Figure
    p: Figure
    precision: Figure
    uplift: Figure

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"error": self.error, **{name: getattr(self, name).plain() for name in CORRECTED}}


def agreement(labels: ManyLabels, how: How | None = None) -> Agreement:
    """Agreement, kappa and the error rate that explains the disagreement."""
    how = how or How()
    labelers = len(np.unique(labels.labeler))
    row, rows = coded(labels.row)
    given = np.bincount(row, minlength=rows)
    said_right = np.bincount(row, labels.right, minlength=rows)
    two = given >= 2
    if not two.any():
        return Agreement(0, labelers, Figure(), Figure(), Figure(), "no row has labels by two people")
    pairs = given * (given - 1.0)
    apart = 2 * said_right * (given - said_right)
    prompt_of = np.zeros(rows, dtype=np.int64)
    prompt_of[row] = labels.prompt
    codes, prompts = coded(prompt_of[two])
    (share,) = shares([Rows(1 - (apart / np.maximum(pairs, 1))[two], codes, None, prompts)])
    drawn = joint([share], how.level, how.seed)[0]
    found = between(share.value, drawn, how.level)
    kappa = _kappa(labels, how)
    if 1 - share.value > MOST_DISAGREEMENT:
        why = "they disagree as if by coin, so the labels say nothing of the truth"
        return Agreement(int(two.sum()), labelers, found, kappa, Figure(), why, share)
    error = between(float(_error(np.array(1 - share.value))), _error(1 - drawn), how.level)
    return Agreement(int(two.sum()), labelers, found, kappa, error, share=share)


def _error(disagreement: Floats) -> Floats:
    """One labeler's error rate from the disagreement of two."""
    found: Floats = (1 - np.sqrt(np.clip(1 - 2 * disagreement, 0.0, 1.0))) / 2
    return found


def _kappa(labels: ManyLabels, how: How) -> Figure:
    """Cohen's kappa over all pairs of labelers, with a jackknife over prompts."""
    codes, prompts = coded(labels.prompt)
    by_prompt = []
    for one, other in combinations(np.unique(labels.labeler), 2):
        first, second = labels.labeler == one, labels.labeler == other
        _, mine, theirs = np.intersect1d(labels.row[first], labels.row[second], return_indices=True)
        if len(mine):
            cell = 2 * labels.right[first][mine].astype(np.int64) + labels.right[second][theirs]
            of = codes[first][mine]
            by_prompt.append(np.bincount(4 * of + cell, minlength=4 * prompts).reshape(prompts, 4).astype(np.float64))
    if not by_prompt:
        return Figure()
    cells = np.stack(by_prompt)
    whole = cells.sum(axis=1)
    value = float(_kappa_of(whole[:, None, :])[0])
    if not np.isfinite(value):
        return Figure()
    seen = cells.sum(axis=(0, 2)) > 0
    without = _kappa_of(whole[:, None, :] - cells[:, seen])
    if seen.sum() < 2 or not np.isfinite(without).all():
        return Figure(value)
    degrees = float(seen.sum() - 1)
    sd = np.sqrt(((without - without.mean()) ** 2).sum() * degrees / (degrees + 1))
    half = float(stdtrit(degrees, (1 + how.level) / 2) * sd)
    return Figure(value, max(value - half, -1.0), min(value + half, 1.0))


def _kappa_of(cells: Floats) -> Floats:
    """kappa from tables (pairs of labelers, cases, 4 cells); NaN where chance alone agrees on everything."""
    n = cells.sum(axis=2)
    observed = cells[..., 0] + cells[..., 3]
    one, other = cells[..., 2] + cells[..., 3], cells[..., 1] + cells[..., 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(n > 0, (one * other + (n - one) * (n - other)) / n, 0.0)
        found: Floats = (observed - chance).sum(axis=0) / (n - chance).sum(axis=0)
    return found


def majority_error(error: Floats, labelers: int, ties_left_out: bool = False) -> Floats:
    """The error rate of a majority of independent labelers; a tie is decided by coin, or such rows are left out."""
    found = np.zeros_like(np.asarray(error, dtype=np.float64))
    tied = found
    for wrong in range((labelers + 1) // 2, labelers + 1):
        part = comb(labelers, wrong) * error**wrong * (1 - error) ** (labelers - wrong)
        if 2 * wrong == labelers:
            tied = part
        else:
            found = found + part
    return found / (1 - tied) if ties_left_out else found + tied / 2


def mixed_error(error: Floats, labelers: Integers) -> Floats:
    """The error rate of majorities without ties, for rows that had these numbers of labels: their mean."""
    numbers, rows = np.unique(labelers, return_counts=True)
    parts = [majority_error(error, int(number), True) * count for number, count in zip(numbers, rows, strict=True)]
    found: Floats = np.sum(parts, axis=0) / max(int(rows.sum()), 1)
    return found


def corrected(
    counts: Counts, labeled: Labeled, found: Agreement, labelers: int | Integers = 1, how: How | None = None
) -> Corrected | None:
    """The card's rates without label noise, where each label is the majority of `labelers` labels; None if unknown.

    One number for all rows, and ties were decided by coin; or each row's own number, and ties were left out.
    The two sides are corrected by themselves, so labels drawn by label are not.
    """
    how = how or How()
    sides = sides_of(counts, labeled, how.drawn) if how.drawn is not Drawn.BY_LABEL else None
    drawn = None if sides is None else sides.drawn(how)
    if sides is None or drawn is None or found.share is None or found.error.value is None:
        return None
    # Another seed: how often labelers differ is taken to know nothing of how often the verifier is right.
    errors, (error,) = (
        majority_error(one, labelers) if isinstance(labelers, int) else mixed_error(one, labelers)
        for one in (
            _error(1 - joint([found.share], how.level, how.seed + 1)[0]),
            np.array([found.error.value], np.float64),
        )
    )
    values = rates(_freed(sides.values(), np.array([error])), False, draws=False)
    spread = rates(_freed(drawn, errors), False)
    figures = {m: between(float(getattr(values, m)[0]), getattr(spread, m), how.level) for m in CORRECTED}
    return Corrected(float(error), **figures)


def _freed(drawn: Floats, error: Floats) -> Floats:
    """Shares right as they would be without noise; the keep rate stays."""
    clean = 1 - 2 * np.minimum(error, 0.49)
    return np.stack([np.clip((row - error) / clean, 0.0, 1.0) for row in drawn[:2]] + [drawn[2]])
