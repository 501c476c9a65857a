"""The page about combining: its example runs and prints what it shows, its figures are those of the file of figures."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "combining.md").read_text("utf-8")
REAL = PROJECT / "proofs" / "real"
SHARP = (2.5, 2.0, 2.0, 0.5, 0.5)
"""How far the made-up metrics tell right from wrong, in standard deviations."""


def between(name: str) -> str:
    """What stands between two markers of the page."""
    return PAGE.split(f"<!-- {name}: begin -->\n")[1].split(f"<!-- {name}: end -->")[0]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `winnow` is this very code."""
    script = tmp_path / "bin" / "winnow"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m winnow.cli.main "$@"\n')
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def test_the_example_prints_what_the_page_shows(tmp_path: Path, shell: dict[str, str]) -> None:
    blocks = dict[str, list[str]]()
    for language, text in re.findall(r"```(\w+)\n(.*?)```", between("example"), re.DOTALL):
        blocks.setdefault(language, []).append(text)
    around: Any = {"cwd": tmp_path, "env": shell, "capture_output": True, "text": True, "timeout": 120}
    subprocess.run([sys.executable, "-"], input=blocks["python"][0], check=True, **around)
    first, then = (subprocess.run(["sh", "-e"], input=text, **around) for text in blocks["sh"])
    assert (first.stdout, first.stderr) == (blocks["text"][0], "")
    assert (then.returncode, then.stderr) == (0, "")
    assert "helps" in then.stdout


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program behind the figures."""
    monkeypatch.syspath_prepend(str(REAL))
    return importlib.import_module("frank_combine")


def test_the_figures_on_the_page_are_those_of_the_file(script: Any) -> None:
    figures = json.loads((PROJECT / "results" / "real" / "frank_combine.json").read_text("utf-8"))
    assert between("frank").rstrip("\n") == "\n\n".join(script.part(figures))


def test_the_program_makes_its_figures_of_any_file_of_this_shape(tmp_path: Path, script: Any) -> None:
    """Sixty made-up articles with ten summaries each, whose metrics err independently."""
    draws = np.random.default_rng(0)
    with gzip.open(tmp_path / script.FILE, "wt", encoding="utf-8") as lines:
        for number in range(60):
            candidates = []
            for model in range(10):
                right = bool(draws.random() < 0.5)
                metrics = {n: float(draws.normal(s * right)) for n, s in zip(script.METRICS, SHARP, strict=True)}
                human = {"Factuality": 1.0 if right else 0.5}
                candidates.append({"model": f"m{model}", "summary": "s", "human": human, "metrics": metrics})
            lines.write(json.dumps({"hash": f"h{number}", "candidates": candidates}) + "\n")
    command = [sys.executable, str(REAL / "frank_combine.py"), str(tmp_path), "--results", str(tmp_path / "r")]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    figures = json.loads((tmp_path / "r" / "frank_combine.json").read_text("utf-8"))
    assert (figures["rows"], figures["articles"]) == (600, 60)
    assert figures["shares"]["combined without labels"] > max(figures["shares"][f"{n} alone"] for n in script.METRICS)
    assert figures["right"]["low"] <= figures["right"]["labels"] <= figures["right"]["high"]
    assert str(tmp_path) not in json.dumps(figures)
