"""Votes of several verifiers, counted by pattern.

Five verifiers that pass, fail or abstain make at most 243 patterns, whatever the number of rows; all estimates work on
patterns. A vote is 1 (pass), 0 (fail) or -1 (abstain, error, no verdict).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.errors import UsageError, format_value
from winnow.statistics.card_inputs import Floats, Integers

ABSTAIN, FAIL, PASS = -1, 0, 1
DENSE_PATTERNS = 3**10


@dataclass(frozen=True, eq=False)
class VotePatterns:
    """The distinct patterns (one row each), how many rows show each, and the pattern of each row."""

    names: tuple[str, ...]
    patterns: npt.NDArray[np.int8]
    counts: Floats
    pattern_of: Integers

    @property
    def passed(self) -> Floats:
        """1 where a pattern's verifier passes."""
        passed: Floats = (self.patterns == PASS).astype(np.float64)
        return passed

    @property
    def failed(self) -> Floats:
        """1 where a pattern's verifier fails."""
        failed: Floats = (self.patterns == FAIL).astype(np.float64)
        return failed

    def decided_shares(self) -> Floats:
        """Return the share of rows that each verifier decides."""
        rows = max(float(np.sum(self.counts)), 1.0)
        share: Floats = self.counts @ (self.patterns != ABSTAIN) / rows
        return share


def count_vote_patterns(columns: npt.ArrayLike, names: Sequence[str]) -> VotePatterns:
    """Count the patterns of one row per candidate and one column per verifier.

    Raises:
        UsageError: If the shape does not fit the names, a name occurs twice, or a value is no vote.
    """
    table = np.asarray(columns)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise UsageError("votes", f"shape {table.shape} does not fit {len(names)} verifiers", "Pass a column for each")
    if len(set(names)) != len(names):
        raise UsageError("votes", f"{format_value(list(names))} names a verifier twice", "Pass each name once")
    if table.size and not np.isin(table, (ABSTAIN, FAIL, PASS)).all():
        odd = table[~np.isin(table, (ABSTAIN, FAIL, PASS))][0].item()
        raise UsageError("votes", f"{format_value(odd)} is not a vote", "Use 1 for pass, 0 for fail, -1 for abstain")
    table = table.astype(np.int8)
    if 3 ** table.shape[1] > DENSE_PATTERNS:
        patterns, inverse, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
        return VotePatterns(tuple(names), patterns, counts.astype(np.float64), inverse.reshape(-1).astype(np.int64))
    powers = 3 ** np.arange(table.shape[1])
    codes = (table + 1) @ powers
    pattern_counts = np.bincount(codes, minlength=3 ** table.shape[1])
    occurring = np.flatnonzero(pattern_counts)
    patterns = (occurring[:, None] // powers % 3 - 1).astype(np.int8)
    pattern_index = np.zeros(len(pattern_counts), dtype=np.int64)
    pattern_index[occurring] = np.arange(len(occurring))
    return VotePatterns(tuple(names), patterns, pattern_counts[occurring].astype(np.float64), pattern_index[codes])


def threshold_scores(scores: npt.ArrayLike, thresholds: npt.ArrayLike | None = None) -> npt.NDArray[np.int8]:
    """Turn scores into votes: pass at or above the threshold, abstain without a finite score.

    Without thresholds each column is cut at its own median, so that half of its rows pass; this does not tell how many
    are right.
    """
    table = np.asarray(scores, dtype=np.float64)
    known = np.isfinite(table)
    if thresholds is None:
        thresholds = [
            np.median(column[is_known]) if is_known.any() else 0.0
            for column, is_known in zip(table.T, known.T, strict=True)
        ]
    passed = np.where(known, table, -np.inf) >= np.asarray(thresholds, dtype=np.float64)
    return np.where(known, passed, ABSTAIN).astype(np.int8)
