"""How the tests of this folder ask a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from winnow.verifiers.guarded.verifier import Guarded
from winnow.verifiers.verdicts import Batch, Verdicts

Bad = Callable[..., Guarded]


def judged(guarded: Guarded, texts: Sequence[str | None], **columns: list[object]) -> Verdicts:
    """What it says of these texts."""
    return guarded.judge(Batch(pa.array(texts, pa.string()), columns=columns))


def expected(texts: Sequence[str]) -> list[str]:
    """What the functions of bad_checks.py say, and what a bad row gets."""
    return ["error" if text == "bad" else "pass" if text == "yes" else "fail" for text in texts]
