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

from winnow.data.errors import UsageError, nearest
from winnow.models.prior import Bools, Candidates, Floats, Integers

As = Literal["paper", "code"]
DownBy = Literal["resample", "delete"]
Sampler = Literal["top-k", "top-p", "rejection"]

CODE_BETA = 1.5
KEPT = -1
"""Drawn where no candidate can stand: the token stays."""


@dataclass(frozen=True)
class Rules:
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
    like: As = "paper"

    def __post_init__(self) -> None:
        _known("--as", self.like, get_args(As))
        _known("--down-by", self.down_by, get_args(DownBy))
        _known("--sampler", self.sampler, get_args(Sampler))
        _within("--threshold", self.threshold, 0, math.inf)
        _within("--top-p", self.top_p, 0, 1)
        if self.down is not None:
            _within("--down", self.down, 0, 1)
            if self.down >= self.threshold:
                problem = f"{self.down:g} is not below the threshold {self.threshold:g}, so every token would be edited"
                raise UsageError("--down", problem, "State a smaller one")
        if self.beta is not None:
            _within("--beta", self.beta, 0, math.inf)
        if self.top_k < 1:
            raise UsageError("--top-k", f"{self.top_k} candidates are none", "State at least 1")

    def temperature(self) -> float:
        """beta, as stated or as it is by default."""
        if self.beta is not None:
            return self.beta
        return CODE_BETA if self.like == "code" and not self.deletes() else 1.0

    def deletes(self) -> bool:
        """Whether unlikely tokens are deleted."""
        return self.down is not None and self.down_by == "delete"

    def config(self) -> dict[str, Any]:
        """What of the rules the result depends on."""
        kept = {"as": self.like, "threshold": self.threshold, "sampler": self.sampler, "beta": self.temperature()}
        if self.sampler != "rejection":
            kept |= {"top_k": self.top_k} if self.sampler == "top-k" else {"top_p": self.top_p}
        return kept if self.down is None else {**kept, "down": self.down, "down_by": self.down_by}


@dataclass(frozen=True)
class Selected:
    """Positions by what happens there."""

    up: Bools
    resampled: Bools
    """Drawn again: those above, and those below unless they are deleted."""
    deleted: Bools


def selected(own: Floats, rules: Rules) -> Selected:
    """Which tokens the rules select, given their log-probabilities; what has none is never selected."""
    with np.errstate(invalid="ignore"):
        p = np.exp(own)
        strict = rules.like == "code"
        up = p > rules.threshold if strict else p >= rules.threshold
        low = np.zeros_like(up)
        if rules.down is not None:
            low = p < rules.down if strict else p <= rules.down
    nowhere = np.zeros_like(up)
    return Selected(up, up, low) if rules.deletes() else Selected(up, up | low, nowhere)


def with_own(candidates: Candidates, ids: Integers, own: Floats) -> Candidates:
    """The candidates, and the token that stands there where it is not among them."""
    missing = ~((candidates.ids == ids[:, None]) & np.isfinite(candidates.logp)).any(axis=1)
    added = np.where(missing, own, -np.inf)[:, None]
    return Candidates(np.hstack([candidates.ids, ids[:, None]]), np.hstack([candidates.logp, added]))


def drawn(candidates: Candidates, possible: Bools, beta: float, uniforms: Floats) -> Integers:
    """For each position the column of the candidate that is drawn, or KEPT where none is possible.

    The chance of a candidate is its P^(1/beta) over the sum of those of all that are possible.
    """
    scores = np.where(possible, candidates.logp, -np.inf) / beta
    most = scores.max(axis=1, initial=-np.inf)
    some = np.isfinite(most)
    weights = np.exp(scores - np.where(some, most, 0.0)[:, None])
    reached = np.cumsum(weights, axis=1)
    columns = (reached <= (uniforms * reached[:, -1])[:, None]).sum(axis=1)
    # A uniform number next to 1 may round up to the whole sum; the last that has any weight is meant then.
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    return np.where(some, np.minimum(columns, last), KEPT)


def _known(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(option, f"'{value}' is not known", nearest(value, known))


def _within(option: str, value: float, low: float, high: float) -> None:
    if not low < value <= high or math.isinf(value):
        limit = f"above {low:g}" if math.isinf(high) else f"above {low:g} and at most {high:g}"
        raise UsageError(option, f"{value:g} is not {limit}", "State another")
