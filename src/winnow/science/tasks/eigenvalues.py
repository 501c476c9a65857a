"""Eigenvalues of a symmetric matrix, the largest first: the task of the eigenvalue studies.

    winnow verify t.jsonl --with winnow.science.tasks.eigenvalues:verifier --out v

Matrix and answer are written as arXiv 2112.01898 does; with its three digits a 5 x 5 matrix takes 127, 77, 52 or 27
tokens and its answer 27, 17, 12 or 7 in the encodings P10, P1000, B1999 and FP15.

Promises: `verifier` reads size, digits and encoding off the prompt, the tolerance off a column of that name (5%
without one), says False of malformed text and None of a prompt that is no symmetric matrix. `closeness` scores
instead: 1 minus the relative distance, so that a tolerance of 1% is `--set closeness.threshold=0.99`, bound included.
Entries are drawn exactly alike everywhere; eigenvalues come from LAPACK, so an answer that lies on the edge between two
roundings may differ between machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from winnow.science.tasks.numbers import matrices
from winnow.science.tasks.numbers.encodings import Floats
from winnow.science.tasks.numbers.matrices import MAX_ENTRY, MatrixTask


@dataclass(frozen=True)
class Eigenvalues(MatrixTask):
    """The task: size, digits, encoding and tolerance are its fields."""

    max_size: ClassVar[int] = 20
    symmetric: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "eigenvalues"

    @property
    def answer_count(self) -> int:
        return self.n

    @property
    def answer_bound(self) -> float:
        return float(MAX_ENTRY * self.n)

    def solve(self, matrices: Floats) -> Floats:
        return np.asarray(np.linalg.eigvalsh(matrices)[:, ::-1], np.float64)


def verifier(prompts: Sequence[str], completions: Sequence[str], **columns: Sequence[object]) -> list[bool | None]:
    """Whether each completion is close enough to the eigenvalues of its prompt's matrix."""
    return matrices.verify_answers(Eigenvalues, prompts, completions, columns.get("tolerance"))


def closeness(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[float | None]:
    """1 minus the relative distance, at least 0."""
    return matrices.closeness_scores(Eigenvalues, prompts, completions)
