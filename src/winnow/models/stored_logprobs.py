"""A prior whose log-probabilities are stored in a column of the table.

The format is that of vLLM's `prompt_logprobs`: a list with one entry per token, null for the first, then an object from
token id to `{"logprob": x, ...}` with the token itself and the most likely ones. The tokenizer of the model supplies
the offsets; a list that belongs to other tokens is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from winnow.errors import BadTable, UsageError, format_value
from winnow.models.fast_tokenizer import FastTokenizer
from winnow.models.model_folder import find_tokenizer_file, hash_model_files, load_tokenizer
from winnow.models.prior import CandidateRequest, Document, TokenCandidates, TokenScores

NEXT_STEP = "Compute prompt_logprobs for exactly these texts with the tokenizer of the model"

StoredPosition = dict[int, float]


class StoredLogprobs:
    """A prior whose log-probabilities are in a column.

    Args:
        folder: A folder with tokenizer.json, or that file.
        column: The column with the log-probabilities.
    """

    def __init__(self, folder: str, column: str) -> None:
        self.path: Path = find_tokenizer_file(folder)
        self.column: str = column
        self.tokenizer = FastTokenizer(load_tokenizer(self.path))

    def config(self) -> dict[str, Any]:
        """Return the digest of the tokenizer; the log-probabilities are part of the rows."""
        return {"files": hash_model_files(self.path), "logprobs": self.column}

    def score_documents(self, documents: Sequence[Document], request: CandidateRequest) -> Iterator[TokenScores]:
        """Return the stored scores of every document."""
        if request.top_k is None and request.top_p is None:
            problem = "drawing from the whole distribution needs the model, because only some candidates are stored"
            raise UsageError("--sampler", problem, "Use top-k or top-p, or the model without --logprobs")
        for number, document in enumerate(documents):
            positions = parse_positions(document)
            known = [_token_logprob(document, index, position) for index, position in enumerate(positions)]
            logprobs = np.array(known, np.float64)
            candidate_positions = np.flatnonzero(request.select_positions(number, 0, logprobs))
            ranked = [_rank_candidates(positions[index], request) for index in candidate_positions]
            yield TokenScores(number, 0, logprobs, candidate_positions, _candidate_arrays(ranked))


def parse_positions(document: Document) -> list[StoredPosition]:
    """Parse the stored candidates of each token; there are none for the first token, and where an entry is null."""
    stored = document.stored_logprobs
    if isinstance(stored, str):
        try:
            stored = json.loads(stored)
        except ValueError:
            stored = None
    if not isinstance(stored, list) or len(stored) != len(document.ids):
        count = f"{len(stored):,} entries" if isinstance(stored, list) else format_value(stored)
        problem = f"a text of {len(document.ids):,} tokens has {count} of log-probabilities"
        raise BadTable(document.location, problem, NEXT_STEP)
    return [_parse_position(entry, document.location) for entry in stored]


def _parse_position(entry: Any, location: str) -> StoredPosition:
    if entry is None:
        return {}
    try:
        return {int(token): _parse_logprob(value) for token, value in dict(entry).items() if value is not None}
    except (TypeError, ValueError, KeyError) as error:
        problem = f"{format_value(entry)} is not an object from token id to log-probability"
        raise BadTable(location, problem, NEXT_STEP) from error


def _parse_logprob(value: Any) -> float:
    number = float(value["logprob"] if isinstance(value, dict) else value)
    if math.isnan(number) or number > 1e-6:
        raise ValueError
    return min(number, 0.0)


def _token_logprob(document: Document, index: int, position: StoredPosition) -> float:
    if not position:
        return math.nan
    token = int(document.ids[index])
    if token not in position:
        problem = f"token {index:,} of the text is {token}, which has no stored log-probability"
        raise BadTable(document.location, problem, NEXT_STEP)
    return position[token]


def _rank_candidates(position: StoredPosition, request: CandidateRequest) -> list[tuple[int, float]]:
    ranked = sorted(position.items(), key=lambda item: (-item[1], item[0]))
    if request.top_k is not None:
        return ranked[: request.top_k]
    assert request.top_p is not None
    mass_before = np.concatenate([[0.0], np.cumsum(np.exp([logp for _, logp in ranked]))])
    if mass_before[-1] < request.top_p:
        problem = f"the stored candidates have a total probability of {mass_before[-1]:.3f}, below {request.top_p:g}"
        raise UsageError("--top-p", problem, "Store more candidates, or use --top-k")
    return ranked[: int(np.searchsorted(mass_before, request.top_p))]


def _candidate_arrays(ranked: list[list[tuple[int, float]]]) -> TokenCandidates:
    width = max(map(len, ranked), default=1)
    padded = [candidates + [(0, -math.inf)] * (width - len(candidates)) for candidates in ranked]
    table = np.array(padded, np.float64).reshape(len(ranked), width, 2)
    return TokenCandidates(table[..., 0].astype(np.int64), table[..., 1])
