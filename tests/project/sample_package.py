"""A tiny house to break: a package named winnow in a folder of its own, and the checks to run on it.

Promises that the checks run on it as `make check` runs them on the project, with the project's own settings.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OPENING = "A room that says in a sentence what it does."
BARE = {"PYTHONPATH": "src", "PATH": "", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "200"}

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class House:
    """A folder with a tiny package, and the checks to run on it."""

    root: Path

    def write(self, path: str, text: str, opening: str = OPENING) -> None:
        """Put a file there, under a docstring unless told otherwise."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'"""{opening}"""\n\n{text}\n' if opening else text, encoding="utf-8")

    def _run(self, *command: str) -> Done:
        return subprocess.run(command, cwd=self.root, env=BARE, capture_output=True, text=True, timeout=120)

    def ceilings(self) -> Done:
        """Hold the ceilings over the house."""
        return self._run(sys.executable, str(PROJECT / "tools/ceilings.py"), str(self.root))

    def words(self) -> Done:
        """Read the words of the house."""
        return self._run(sys.executable, str(PROJECT / "tools/words.py"), str(self.root))

    def arrows(self) -> Done:
        """Follow the arrows between the rooms of the house."""
        return self._run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")

    def types(self) -> Done:
        """Check the types of the house."""
        return self._run(sys.executable, "-m", "mypy", "--no-incremental", "src")

    def style(self) -> Done:
        """Check the style of the house."""
        return self._run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")
