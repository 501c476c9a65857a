"""Model folders that several tests read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stages.edit.fixture_models import byte_level, saved, trained_model


@pytest.fixture(scope="session")
def random_folder() -> Iterator[Path]:
    """A model with random weights."""
    with tempfile.TemporaryDirectory() as folder:
        yield saved(Path(folder), byte_level())


@pytest.fixture(scope="session")
def trained_folder() -> Iterator[Path]:
    """A model that was trained on the sentences of the grammar."""
    tokenizer = byte_level()
    with tempfile.TemporaryDirectory() as folder:
        yield saved(Path(folder), tokenizer, trained_model(tokenizer))
