"""The command line in a folder of its own, in this process where possible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from winnow.cli.main import app

Winnow = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def winnow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Winnow:
    """Runs `winnow ARGUMENTS` in tmp_path, with standard input in a process of its own; returns what it printed."""
    monkeypatch.chdir(tmp_path)
    environment = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}

    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        if stdin is not None:
            command = [sys.executable, "-m", "winnow.cli.main", *arguments]
            process_environment = {**os.environ, **environment}
            return subprocess.run(command, input=stdin, capture_output=True, text=True, env=process_environment)
        result = CliRunner().invoke(app, arguments, env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def run_json(winnow: Winnow) -> Callable[..., dict[str, Any]]:
    """Runs `winnow ARGUMENTS --json` in tmp_path and returns the document; the command must succeed."""

    def run(*arguments: str) -> dict[str, Any]:
        result = winnow(*arguments, "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    return run
