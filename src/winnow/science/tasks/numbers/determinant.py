"""The determinant of a square matrix, written like the matrices of eigenvalues.py.

    winnow verify t.jsonl --with winnow.science.tasks.numbers.determinant:verifier --out v

Promises: as eigenvalues.py; an answer is right if |answer - right| / |right| is below the tolerance. A determinant
under half a unit of the last place is 0, and then only 0 is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from winnow.science.tasks.numbers import matrices
from winnow.science.tasks.numbers.encodings import Floats
from winnow.science.tasks.numbers.matrices import MAX_ENTRY, MatrixTask


@dataclass(frozen=True)
class Determinant(MatrixTask):
    """The task; no determinant is larger than Hadamard's bound."""

    max_size: ClassVar[int] = 5
    symmetric: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return "determinant"

    @property
    def answer_count(self) -> int:
        return 1

    @property
    def answer_bound(self) -> float:
        return (MAX_ENTRY * sqrt(self.n)) ** self.n

    def solve(self, matrices: Floats) -> Floats:
        determinants: Floats = np.linalg.det(matrices)
        return determinants[:, None]


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: Sequence[object]) -> list[bool | None]:
    """Whether each completion is close enough to the determinant of its prompt's matrix."""
    return matrices.verify_answers(Determinant, prompts, completions, columns.get("tolerance"))


def closeness(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[float | None]:
    """1 minus the relative distance, at least 0."""
    return matrices.closeness_scores(Determinant, prompts, completions)
