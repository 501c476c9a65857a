"""Eigenvalues of a symmetric matrix, the largest first: the task of the eigenvalue studies.

    winnow verify t.jsonl --with winnow.science.tasks.eigenvalues:verifier --out v

Matrix and answer are written as arXiv 2112.01898 does; with its three digits a 5 x 5 matrix takes 127, 77, 52 or 27
tokens and its answer 27, 17, 12 or 7 in the encodings P10, P1000, B1999 and FP15.

Entries are the same on every machine. Eigenvalues come from LAPACK, so an answer on the edge between two roundings may
differ between machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from winnow.science.tasks.numbers import matrices
from winnow.science.tasks.numbers.matrices import MAX_ENTRY, MatrixTask
from winnow.science.theory.arrays import Floats


@dataclass(frozen=True)
class Eigenvalues(MatrixTask):
    """The eigenvalue task; its fields are its settings."""

    name: ClassVar[str] = "eigenvalues"
    max_size: ClassVar[int] = 20
    symmetric: ClassVar[bool] = True

    @property
    def answer_count(self) -> int:
        return self.n

    @property
    def answer_bound(self) -> float:
        return float(MAX_ENTRY * self.n)

    def solve(self, matrix_stack: Floats) -> Floats:
        return np.asarray(np.linalg.eigvalsh(matrix_stack)[:, ::-1], np.float64)


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: Sequence[object]) -> list[bool | None]:
    """Verify that each completion is close enough to the eigenvalues of its prompt's matrix.

    Size, digits and encoding follow from the prompt; the column `tolerance` sets the tolerance of a row (default 5%).
    Malformed text fails; a prompt that is not a symmetric matrix gives None.
    """
    return matrices.verify_answers(Eigenvalues, prompts, completions, columns.get("tolerance"))


def closeness(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[float | None]:
    """Score 1 minus the relative distance, at least 0; a tolerance of 1% is `--set closeness.threshold=0.99`."""
    return matrices.closeness_scores(Eigenvalues, prompts, completions)
