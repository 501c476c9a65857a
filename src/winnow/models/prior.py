"""What a prior is: it reads token ids and says how likely each was, and what could have stood in its place.

A distribution over a vocabulary is large, so it is given only where it is asked for: `Ask.wanted` sees how likely the
tokens were and says at which positions candidates are needed, while the distribution is still at hand. Nothing here
knows what the answers are for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from winnow.models.fast_tokenizer import FastTokenizer

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Document:
    """One text as tokens, with what its row has stored of them, and where that row stands."""

    ids: Integers
    stored_logprobs: Any = None
    location: str = ""


@dataclass(frozen=True)
class TokenCandidates:
    """Tokens that could stand at some positions, likeliest first; where a position has fewer, the rest is -inf."""

    ids: Integers
    """One row a position."""
    logprobs: Floats

    @staticmethod
    def empty() -> TokenCandidates:
        """For no position at all."""
        return TokenCandidates(np.zeros((0, 1), np.int64), np.zeros((0, 1)))


@dataclass(frozen=True)
class TokenScores:
    """What a prior says of consecutive tokens of one document."""

    document: int
    first: int
    logprobs: Floats
    """The log-probability of each token given those before it; nan where nothing is known."""
    candidate_positions: Integers
    """Positions in the document for which candidates were wanted."""
    candidates: TokenCandidates


@dataclass(frozen=True)
class CandidateRequest:
    """Which candidates are wanted: the `k` likeliest, the likeliest that together have the mass `mass`, or all."""

    select_positions: Callable[[int, int, Floats], Bools]
    """Of a document, from a position on, given the log-probabilities: where candidates are wanted."""
    top_k: int | None = None
    top_p: float | None = None


class Prior(Protocol):
    """Reads texts."""

    @property
    def tokenizer(self) -> FastTokenizer:
        """How it cuts text into tokens and back."""

    @property
    def column(self) -> str | None:
        """The column of a row it reads beside the text."""

    def config(self) -> dict[str, Any]:
        """What its answers depend on."""

    def score_documents(self, documents: Sequence[Document], request: CandidateRequest) -> Iterator[TokenScores]:
        """Every token of every document, once, in parts of any order."""


def want_no_candidates(document: int, first: int, logprobs: Floats) -> Bools:
    """Wants no candidates: only how likely the tokens were."""
    return np.zeros(len(logprobs), np.bool_)
