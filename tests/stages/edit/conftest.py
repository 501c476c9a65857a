"""Model folders that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.edit.made import byte_level, saved, trained_model


@pytest.fixture(scope="session")
def random_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing, but is sure of much."""
    return saved(tmp_path_factory.mktemp("random"), byte_level())


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned the grammar."""
    tokenizer = byte_level()
    return saved(tmp_path_factory.mktemp("trained"), tokenizer, trained_model(tokenizer))
