"""The page about forecasting: its example runs and prints what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "forecasting.md").read_text("utf-8")


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `winnow` is this very code."""
    script = tmp_path / "bin" / "winnow"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m winnow.cli.main "$@"\n')
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def test_the_example_prints_what_the_page_shows(tmp_path: Path, shell: dict[str, str]) -> None:
    part = PAGE.split("<!-- example: begin -->\n")[1].split("<!-- example: end -->")[0]
    blocks = dict[str, list[str]]()
    for language, text in re.findall(r"```(\w+)\n(.*?)```", part, re.DOTALL):
        blocks.setdefault(language, []).append(text)
    around: Any = {"cwd": tmp_path, "env": shell, "capture_output": True, "text": True, "timeout": 120}
    subprocess.run([sys.executable, "-"], input=blocks["python"][0], check=True, **around)
    pilot, outcomes = (subprocess.run(["sh", "-e"], input=text, **around) for text in blocks["sh"])
    assert (pilot.stdout, pilot.stderr) == (blocks["text"][0], "")
    assert (outcomes.returncode, outcomes.stderr) == (0, "")
    assert outcomes.stdout.endswith("in pilots/first/outcomes.jsonl\n" + blocks["text"][1])
