"""A folder with bad functions, and verifiers of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.verifiers.isolated.verifier_calls import MakeBadVerifier
from winnow.verifiers.function_verifier import IsolatedVerifier
from winnow.verifiers.registry import make_verifier


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with bad_checks.py in it."""
    shutil.copy(Path(__file__).with_name("bad_checks.py"), tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bad(folder: Path) -> Iterator[MakeBadVerifier]:
    """A function that makes a verifier of a function of bad_checks.py."""
    with ExitStack() as stack:

        def make(name: str, **settings: object) -> IsolatedVerifier:
            verifier = make_verifier(f"bad_checks:{name}", settings)
            assert isinstance(verifier, IsolatedVerifier)
            stack.callback(verifier.close)
            return verifier

        yield make
