"""The rules of token editing, over arrays: which tokens are selected, and what takes their place.

`paper` goes by the paper: selected where P >= p, candidates the k likeliest. `code` goes by what its authors published
to run: P > p, and the token that stands there is a candidate even where it is not among the k likeliest, because that
is what their server answers. Weights are P^(1/beta) over the candidates, renormalized; candidates that cannot stand
there are gone before anything is drawn. One uniform number decides each position, so what is drawn depends on nothing
else. Nothing here knows a model, a tokenizer or a file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from winnow.errors import UsageError, suggest_name
from winnow.models.prior import Bools, Floats, Integers, TokenCandidates

RuleVariant = Literal["paper", "code"]
DownBy = Literal["resample", "delete"]
Sampler = Literal["top-k", "top-p", "rejection"]

AUTHORS_BETA = 1.5
NO_REPLACEMENT = -1
"""Drawn where no candidate can stand: the token stays."""


@dataclass(frozen=True)
class EditRules:
    """Which tokens are edited, and how a replacement is drawn."""

    threshold: float = 0.99
    """Up: tokens at least this likely are drawn again; above 1 there are none."""
    down: float | None = None
    """Down: tokens at most this likely are drawn again, or deleted."""
    down_by: DownBy = "resample"
    sampler: Sampler = "top-k"
    top_k: int = 8
    top_p: float = 0.9
    beta: float | None = None
    """Temperature of the weights; 1 unless stated, and 1.5 as in the code where nothing is deleted."""
    like: RuleVariant = "paper"

    def __post_init__(self) -> None:
        _check_choice("--as", self.like, get_args(RuleVariant))
        _check_choice("--down-by", self.down_by, get_args(DownBy))
        _check_choice("--sampler", self.sampler, get_args(Sampler))
        _check_range("--threshold", self.threshold, 0, math.inf)
        _check_range("--top-p", self.top_p, 0, 1)
        if self.down is not None:
            _check_range("--down", self.down, 0, 1)
            if self.down >= self.threshold:
                problem = f"{self.down:g} is not below the threshold {self.threshold:g}, so every token would be edited"
                raise UsageError("--down", problem, "State a smaller one")
        if self.beta is not None:
            _check_range("--beta", self.beta, 0, math.inf)
        if self.top_k < 1:
            raise UsageError("--top-k", f"{self.top_k} candidates are none", "State at least 1")

    def effective_beta(self) -> float:
        """beta, as stated or as it is by default."""
        if self.beta is not None:
            return self.beta
        return AUTHORS_BETA if self.like == "code" and not self.deletes_tokens() else 1.0

    def deletes_tokens(self) -> bool:
        """Whether unlikely tokens are deleted."""
        return self.down is not None and self.down_by == "delete"

    def config(self) -> dict[str, Any]:
        """What of the rules the result depends on."""
        settings = {
            "as": self.like,
            "threshold": self.threshold,
            "sampler": self.sampler,
            "beta": self.effective_beta(),
        }
        if self.sampler != "rejection":
            settings |= {"top_k": self.top_k} if self.sampler == "top-k" else {"top_p": self.top_p}
        return settings if self.down is None else {**settings, "down": self.down, "down_by": self.down_by}


@dataclass(frozen=True)
class TokenSelection:
    """Positions by what happens there."""

    above: Bools
    resample: Bools
    """Drawn again: those above, and those below unless they are deleted."""
    delete: Bools


def select_tokens(logprobs: Floats, rules: EditRules) -> TokenSelection:
    """Which tokens the rules select, given their log-probabilities; what has none is never selected."""
    with np.errstate(invalid="ignore"):
        p = np.exp(logprobs)
        strict = rules.like == "code"
        above = p > rules.threshold if strict else p >= rules.threshold
        below = np.zeros_like(above)
        if rules.down is not None:
            below = p < rules.down if strict else p <= rules.down
    none = np.zeros_like(above)
    return TokenSelection(above, above, below) if rules.deletes_tokens() else TokenSelection(above, above | below, none)


def add_current_token(candidates: TokenCandidates, ids: Integers, logprobs: Floats) -> TokenCandidates:
    """The candidates, and the token that stands there where it is not among them."""
    is_missing = ~((candidates.ids == ids[:, None]) & np.isfinite(candidates.logprobs)).any(axis=1)
    added = np.where(is_missing, logprobs, -np.inf)[:, None]
    return TokenCandidates(np.hstack([candidates.ids, ids[:, None]]), np.hstack([candidates.logprobs, added]))


def draw_columns(candidates: TokenCandidates, possible: Bools, beta: float, uniforms: Floats) -> Integers:
    """For each position the column of the candidate that is drawn, or KEPT where none is possible.

    The chance of a candidate is its P^(1/beta) over the sum of those of all that are possible.
    """
    scores = np.where(possible, candidates.logprobs, -np.inf) / beta
    highest = scores.max(axis=1, initial=-np.inf)
    has_candidate = np.isfinite(highest)
    weights = np.exp(scores - np.where(has_candidate, highest, 0.0)[:, None])
    cumulative = np.cumsum(weights, axis=1)
    columns = (cumulative <= (uniforms * cumulative[:, -1])[:, None]).sum(axis=1)
    # A uniform number next to 1 may round up to the whole sum; the last that has any weight is meant then.
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    return np.where(has_candidate, np.minimum(columns, last), NO_REPLACEMENT)


def _check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(option, f"'{value}' is not known", suggest_name(value, known))


def _check_range(option: str, value: float, low: float, high: float) -> None:
    if not low < value <= high or math.isinf(value):
        limit = f"above {low:g}" if math.isinf(high) else f"above {low:g} and at most {high:g}"
        raise UsageError(option, f"{value:g} is not {limit}", "State another")
