"""The determinant of a square matrix, written like the matrices of eigenvalues.py.

    winnow verify t.jsonl --with winnow.science.tasks.numbers.determinant:verifier --out v

An answer is right if |answer - right| / |right| is below the tolerance. A determinant under half a unit of the last
place is 0, and then only 0 is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from winnow.science.tasks.numbers import matrices
from winnow.science.tasks.numbers.matrices import MAX_ENTRY, MatrixTask
from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class Determinant(MatrixTask):
    """The determinant task; its answers are bounded by Hadamard's inequality."""

    name: ClassVar[str] = "determinant"
    max_size: ClassVar[int] = 5
    symmetric: ClassVar[bool] = False
    answer_count: ClassVar[int] = 1

    @property
    def answer_bound(self) -> float:
        return (MAX_ENTRY * sqrt(self.n)) ** self.n

    def solve(self, matrix_stack: Floats) -> Floats:
        return np.asarray(np.linalg.det(matrix_stack))[:, None]


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: Sequence[object]) -> list[bool | None]:
    """Verify that each completion is close enough to the determinant of its prompt's matrix."""
    return matrices.verify_answers(Determinant, prompts, completions, columns.get("tolerance"))


def closeness(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[float | None]:
    """Score 1 minus the relative distance, at least 0."""
    return matrices.closeness_scores(Determinant, prompts, completions)
