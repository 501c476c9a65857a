"""Evaluation prompts, which must not be trained on, recognized by their text or by any 13 words in a row.

A prompt of fewer than 13 words is compared as a whole.
"""

from __future__ import annotations

import pyarrow as pa

from winnow.errors import BadTable
from winnow.tables.table import Table
from winnow.text.ngrams import ngrams, normalize_words

NGRAM_LENGTH = 13


class EvaluationPrompts:
    """The prompts of an evaluation set.

    Args:
        table: The evaluation set.
        by: How prompts are compared: `text` or `ngram13`.
    """

    def __init__(self, table: Table, by: str) -> None:
        self._by = by
        self._fingerprints: set[str] = set()
        self._last_lookup: dict[str, bool] = {}
        for _, parts in table.read_roles(["prompt_text"]):
            for text in _as_texts(parts["prompt_text"]):
                self._fingerprints |= self._fingerprints_of(text)
        if not self._fingerprints:
            raise BadTable(
                table.name, "holds no prompt with any word", "Name its prompt column, or leave --exclude out"
            )

    def find_matches(self, prompts: pa.Array) -> pa.Array:
        """For each prompt whether it is an evaluation prompt."""
        return pa.array([self._is_evaluation_prompt(text) for text in _as_texts(prompts)], pa.bool_())

    def _is_evaluation_prompt(self, text: str) -> bool:
        # Candidates of one prompt are usually neighbors, so one remembered answer is enough.
        if text not in self._last_lookup:
            self._last_lookup = {text: not self._fingerprints.isdisjoint(self._fingerprints_of(text))}
        return self._last_lookup[text]

    def _fingerprints_of(self, text: str) -> set[str]:
        if self._by == "ngram13":
            return ngrams(text, NGRAM_LENGTH)
        words = normalize_words(text)
        return {words} if words else set()


def _as_texts(prompts: pa.Array) -> list[str]:
    return [text if isinstance(text, str) else "" for text in prompts.to_pylist()]
