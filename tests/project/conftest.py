"""A small project in a temporary folder, into which each test writes what breaks one rule."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project.sample_package import PROJECT, SampleProject

PACKAGES = ("cli", "science", "science/studies", "pipeline", "stages", "tables", "storage")


@pytest.fixture
def sample(tmp_path: Path) -> SampleProject:
    """A project that passes every check."""
    project = SampleProject(tmp_path)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for package in ("", *PACKAGES):
        project.write(f"src/winnow/{package}/__init__.py", "")
    project.write("src/winnow/cli/main.py", "def main() -> None:\n    print()")
    return project
