"""A small package named winnow in a folder of its own, and the checks of the project to run on it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MODULE_DOCSTRING = "A module with a sentence that describes it."
ENVIRONMENT = {"PYTHONPATH": "src", "PATH": "", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "200"}


@dataclass(frozen=True)
class SampleProject:
    """A folder with a small package, on which the checks can be run."""

    root: Path

    def write(self, path: str, text: str, docstring: str = MODULE_DOCSTRING) -> None:
        """Write a Python file below a module docstring, or the text alone if the docstring is empty."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'"""{docstring}"""\n\n{text}\n' if docstring else text, encoding="utf-8")

    def check(self, tool: str) -> subprocess.CompletedProcess[str]:
        """Run one of the checks in tools/ without any installed library."""
        return self._run(sys.executable, "-S", str(PROJECT / f"tools/{tool}.py"), str(self.root))

    def check_layers(self) -> subprocess.CompletedProcess[str]:
        """Run import-linter with the contracts of the project."""
        return self._run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.root, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
