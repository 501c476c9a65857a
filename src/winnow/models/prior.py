"""The interface of a prior: a model that scores the tokens of texts and names candidates for their positions.

A distribution over a vocabulary is large, so candidates are computed only at the positions that a `CandidateRequest`
selects, while the distribution is still in memory.
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
    """One text as tokens, with the log-probabilities that its row stores, and the place of the row for errors."""

    ids: Integers
    stored_logprobs: Any = None
    location: str = ""


@dataclass(frozen=True)
class TokenCandidates:
    """Candidate tokens, one row per position, most likely first; rows with fewer candidates are filled with -inf."""

    ids: Integers
    logprobs: Floats

    @staticmethod
    def empty() -> TokenCandidates:
        return TokenCandidates(np.zeros((0, 1), np.int64), np.zeros((0, 1)))


@dataclass(frozen=True)
class TokenScores:
    """The scores of consecutive tokens of one document.

    Attributes:
        document: The number of the document.
        first: The position of the first token.
        logprobs: The log-probability of each token given those before it; NaN where it is not known.
        candidate_positions: The positions in the document for which candidates were requested.
        candidates: The candidates at these positions.
    """

    document: int
    first: int
    logprobs: Floats
    candidate_positions: Integers
    candidates: TokenCandidates


@dataclass(frozen=True)
class CandidateRequest:
    """Which candidates are requested: the `top_k` most likely, the most likely with total probability `top_p`, or all.

    Attributes:
        select_positions: Called with a document number, a position and the log-probabilities from there on; returns
            where candidates are requested.
    """

    select_positions: Callable[[int, int, Floats], Bools]
    top_k: int | None = None
    top_p: float | None = None


class Prior(Protocol):
    """A model that scores texts."""

    @property
    def tokenizer(self) -> FastTokenizer:
        """The tokenizer of the model."""

    @property
    def column(self) -> str | None:
        """The column that it reads besides the text, or None."""

    def config(self) -> dict[str, Any]:
        """Everything its scores depend on, as values that JSON can hold."""

    def score_documents(self, documents: Sequence[Document], request: CandidateRequest) -> Iterator[TokenScores]:
        """Score every token of every document once, in parts that may come in any order."""


def want_no_candidates(document: int, first: int, logprobs: Floats) -> Bools:
    """Request no candidates, only the log-probabilities of the tokens."""
    return np.zeros(len(logprobs), np.bool_)
