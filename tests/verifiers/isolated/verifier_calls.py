"""How the tests of this folder ask a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from winnow.verifiers.isolated.verifier import IsolatedVerifier
from winnow.verifiers.verdicts import Batch, Verdicts

Bad = Callable[..., IsolatedVerifier]


def judged(guarded: IsolatedVerifier, texts: Sequence[str | None], **columns: list[object]) -> Verdicts:
    """What it says of these texts."""
    return guarded.judge(Batch(pa.array(texts, pa.string()), columns=columns))


def expected(texts: Sequence[str]) -> list[str]:
    """What the functions of bad_checks.py say, and what a bad row gets."""
    return ["error" if text == "bad" else "pass" if text == "yes" else "fail" for text in texts]
