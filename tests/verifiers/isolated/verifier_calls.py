"""Calls of a verifier, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from winnow.verifiers.function_verifier import IsolatedVerifier
from winnow.verifiers.verdicts import Batch, Verdicts

MakeBadVerifier = Callable[..., IsolatedVerifier]


def judge_texts(verifier: IsolatedVerifier, texts: Sequence[str | None], **columns: list[object]) -> Verdicts:
    """Judge some texts."""
    return verifier.judge(Batch(pa.array(texts, pa.string()), columns=columns))


def expected_verdicts(texts: Sequence[str]) -> list[str]:
    """The verdicts of the functions of bad_checks.py on texts, of which "bad" is an error."""
    return ["error" if text == "bad" else "pass" if text == "yes" else "fail" for text in texts]
