"""Evaluation prompts that must not be trained on: told by their text, or by any 13 words in a row they share.

A prompt that is itself shorter than 13 words is compared as a whole.
"""

from __future__ import annotations

import pyarrow as pa

from winnow.data.errors import BadTable
from winnow.data.table import Table
from winnow.text.ngrams import ngrams, plain

LENGTH = 13


class Evaluation:
    """The prompts of an evaluation set, and whether another prompt is one of them."""

    def __init__(self, table: Table, by: str) -> None:
        self._by = by
        self._known: set[str] = set()
        self._judged: dict[str, bool] = {}
        for _, parts in table.parts(["prompt_text"]):
            for text in _texts(parts["prompt_text"]):
                self._known |= self._traits(text)
        if not self._known:
            raise BadTable(
                table.name, "holds no prompt with any word", "Name its prompt column, or leave --exclude out"
            )

    def marked(self, prompts: pa.Array) -> pa.Array:
        """For each prompt whether it is an evaluation prompt."""
        return pa.array([self._is_known(text) for text in _texts(prompts)], pa.bool_())

    def _is_known(self, text: str) -> bool:
        # Candidates of one prompt stand together, so the last answer is nearly always the one asked for again.
        if text not in self._judged:
            self._judged = {text: not self._known.isdisjoint(self._traits(text))}
        return self._judged[text]

    def _traits(self, text: str) -> set[str]:
        if self._by == "ngram13":
            return ngrams(text, LENGTH)
        words = plain(text)
        return {words} if words else set()


def _texts(prompts: pa.Array) -> list[str]:
    return [text if isinstance(text, str) else "" for text in prompts.to_pylist()]
