"""The command line as a person meets it: a real process, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Winnow = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def winnow(tmp_path: Path) -> Winnow:
    """Runs `winnow ARGUMENTS` in tmp_path."""

    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "winnow.cli.main", *arguments]
        environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        return subprocess.run(
            command, cwd=tmp_path, input=stdin, capture_output=True, text=True, env=environment, timeout=120
        )

    return run
