"""The rules of token editing on arrays: which tokens are selected, and what replaces them.

With `like="paper"` a token is selected if P >= threshold and its replacement is drawn from the k most likely tokens.
With `like="code"` the comparison is strict, and the current token is a candidate too, as in the code that the authors
published. One uniform number decides each position. This module knows no model, tokenizer or file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.models.prior import Bools, Floats, Integers, TokenCandidates
from winnow.stages.edit.config import EditConfig

NO_REPLACEMENT = -1
"""Drawn where no candidate fits: the token stays."""


@dataclass(frozen=True)
class TokenSelection:
    """Which tokens are above the threshold, drawn again, or deleted."""

    above: Bools
    resample: Bools
    """Tokens above the threshold, and those below `down` unless they are deleted."""
    delete: Bools


def select_tokens(logprobs: Floats, config: EditConfig) -> TokenSelection:
    """Select tokens by their log-probabilities; a token without one is never selected."""
    with np.errstate(invalid="ignore"):
        p = np.exp(logprobs)
        strict = config.like == "code"
        above = p > config.threshold if strict else p >= config.threshold
        below = np.zeros_like(above)
        if config.down is not None:
            below = p < config.down if strict else p <= config.down
    none = np.zeros_like(above)
    return TokenSelection(above, above, below) if config.deletes_tokens else TokenSelection(above, above | below, none)


def add_current_token(candidates: TokenCandidates, ids: Integers, logprobs: Floats) -> TokenCandidates:
    """Add the current token to the candidates of each position, where it is not among them."""
    is_missing = ~((candidates.ids == ids[:, None]) & np.isfinite(candidates.logprobs)).any(axis=1)
    added = np.where(is_missing, logprobs, -np.inf)[:, None]
    return TokenCandidates(np.hstack([candidates.ids, ids[:, None]]), np.hstack([candidates.logprobs, added]))


def draw_columns(candidates: TokenCandidates, possible: Bools, beta: float, uniforms: Floats) -> Integers:
    """Draw a candidate for each position and return its column, or NO_REPLACEMENT where none is possible.

    The probability of a candidate is its P^(1/beta), normalized over the possible candidates.
    """
    scores = np.where(possible, candidates.logprobs, -np.inf) / beta
    highest = scores.max(axis=1, initial=-np.inf)
    has_candidate = np.isfinite(highest)
    weights = np.exp(scores - np.where(has_candidate, highest, 0.0)[:, None])
    cumulative = np.cumsum(weights, axis=1)
    columns = (cumulative <= (uniforms * cumulative[:, -1])[:, None]).sum(axis=1)
    # A uniform number close to 1 may round up to the whole sum; then the last candidate with any weight is drawn.
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    return np.where(has_candidate, np.minimum(columns, last), NO_REPLACEMENT)
