"""A prior that was asked before: the log-probabilities of each text's tokens stand in a column of its row.

The form is that of vLLM's `prompt_logprobs`: a list with one entry a token, null for the first, then an object from
token id to `{"logprob": x, ...}` that has the token itself and the likeliest. The tokenizer of the model says where the
tokens stand, so a list that is of other tokens is refused. What is not stored is not known: a list of the 8 likeliest
holds no whole distribution.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from winnow.data.errors import BadTable, UsageError, shown
from winnow.models.folders import backend_of, identity_of, tokenizer_file
from winnow.models.prior import Ask, Candidates, Document, Floats, Part
from winnow.models.vocabulary import Vocabulary

STEP = "Ask for prompt_logprobs with this model's own tokenizer, of these very texts"

Position = dict[int, float]


class Stored:
    """Log-probabilities in a column."""

    def __init__(self, given: str, column: str) -> None:
        """`given` is a folder with tokenizer.json, or that file."""
        self.path: Path = tokenizer_file(given)
        self.column: str = column
        self.vocabulary = Vocabulary(backend_of(self.path))

    def config(self) -> dict[str, Any]:
        """The tokenizer's bytes; the log-probabilities are part of the rows."""
        return {"files": identity_of(self.path), "logprobs": self.column}

    def read(self, documents: Sequence[Document], ask: Ask) -> Iterator[Part]:
        """What is stored of every document."""
        if ask.k is None and ask.mass is None:
            problem = "drawing from the whole distribution needs the model, and only some candidates are stored"
            raise UsageError("--sampler", problem, "Take top-k or top-p, or give the model instead of --logprobs")
        for number, document in enumerate(documents):
            positions = read_positions(document)
            own = np.array([_own(document, at, one) for at, one in enumerate(positions)], np.float64)
            wanted = np.flatnonzero(ask.wanted(number, 0, own))
            chosen = [_ranked(positions[at], ask) for at in wanted]
            yield Part(number, 0, own, wanted, _as_arrays(chosen))


def read_positions(document: Document) -> list[Position]:
    """What is stored of each token; nothing for the first and for null."""
    stored = document.stored
    if isinstance(stored, str):
        try:
            stored = json.loads(stored)
        except ValueError:
            stored = None
    if not isinstance(stored, list) or len(stored) != len(document.ids):
        found = f"{len(stored):,} entries" if isinstance(stored, list) else shown(stored)
        raise BadTable(document.place, f"a text of {len(document.ids):,} tokens has {found} of log-probabilities", STEP)
    return [_position(one, document.place) for one in stored]


def _position(given: Any, place: str) -> Position:
    if given is None:
        return {}
    try:
        found = {int(one): _number(value) for one, value in dict(given).items() if value is not None}
    except (TypeError, ValueError, KeyError) as error:
        raise BadTable(place, f"{shown(given)} does not say how likely tokens were", STEP) from error
    return found


def _number(value: Any) -> float:
    number = float(value["logprob"] if isinstance(value, dict) else value)
    if math.isnan(number) or number > 1e-6:
        raise ValueError
    return min(number, 0.0)


def _own(document: Document, at: int, position: Position) -> float:
    if not position:
        return math.nan
    token = int(document.ids[at])
    if token not in position:
        raise BadTable(document.place, f"token {at:,} of the text is {token}, and nothing is stored of it", STEP)
    return position[token]


def _ranked(position: Position, ask: Ask) -> list[tuple[int, float]]:
    """The candidates that are asked for, likeliest first."""
    ranked = sorted(position.items(), key=lambda one: (-one[1], one[0]))
    if ask.k is not None:
        return ranked[: ask.k]
    assert ask.mass is not None
    before = np.concatenate([[0.0], np.cumsum(np.exp([logp for _, logp in ranked]))])
    if before[-1] < ask.mass:
        problem = f"the candidates stored have a mass of {before[-1]:.3f}, less than --top-p {ask.mass:g}"
        raise UsageError("--top-p", problem, "Store more candidates, or take --top-k")
    return ranked[: int(np.searchsorted(before, ask.mass))]


def _as_arrays(chosen: list[list[tuple[int, float]]]) -> Candidates:
    width = max((len(one) for one in chosen), default=1)
    ids = np.zeros((len(chosen), width), np.int64)
    logp: Floats = np.full((len(chosen), width), -np.inf)
    for row, one in enumerate(chosen):
        ids[row, : len(one)] = [token for token, _ in one]
        logp[row, : len(one)] = [value for _, value in one]
    return Candidates(ids, logp)
