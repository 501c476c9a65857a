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

from winnow.models.vocabulary import Vocabulary

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Document:
    """One text as tokens, with what its row has stored of them, and where that row stands."""

    ids: Integers
    stored: Any = None
    place: str = ""


@dataclass(frozen=True)
class Candidates:
    """Tokens that could stand at some positions, likeliest first; where a position has fewer, the rest is -inf."""

    ids: Integers
    """One row a position."""
    logp: Floats

    @staticmethod
    def none() -> Candidates:
        """For no position at all."""
        return Candidates(np.zeros((0, 1), np.int64), np.zeros((0, 1)))


@dataclass(frozen=True)
class Part:
    """What a prior says of consecutive tokens of one document."""

    document: int
    first: int
    own: Floats
    """The log-probability of each token given those before it; nan where nothing is known."""
    asked: Integers
    """Positions in the document for which candidates were wanted."""
    candidates: Candidates


@dataclass(frozen=True)
class Ask:
    """Which candidates are wanted: the `k` likeliest, the likeliest that together have the mass `mass`, or all."""

    wanted: Callable[[int, int, Floats], Bools]
    """Of a document, from a position on, given the log-probabilities: where candidates are wanted."""
    k: int | None = None
    mass: float | None = None


class Prior(Protocol):
    """Reads texts."""

    @property
    def vocabulary(self) -> Vocabulary:
        """How it cuts text into tokens and back."""

    @property
    def column(self) -> str | None:
        """The column of a row it reads beside the text."""

    def config(self) -> dict[str, Any]:
        """What its answers depend on."""

    def read(self, documents: Sequence[Document], ask: Ask) -> Iterator[Part]:
        """Every token of every document, once, in parts of any order."""


def nothing(document: int, first: int, own: Floats) -> Bools:
    """Wants no candidates: only how likely the tokens were."""
    return np.zeros(len(own), np.bool_)
