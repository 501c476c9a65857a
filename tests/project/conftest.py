"""The tiny house that the tests of this folder break: it starts sound, and a test adds what breaks one rule."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project.sample_package import PROJECT, House

ROOMS = ("app", "studies", "runs", "stages", "verifiers", "models", "tasks", "stats", "theory", "text", "data")


@pytest.fixture
def house(tmp_path: Path) -> House:
    built = House(tmp_path)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    built.write("src/winnow/__init__.py", "", "The front door of a tiny house.")
    for room in ROOMS:
        built.write(f"src/winnow/{room}/__init__.py", "")
    return built
