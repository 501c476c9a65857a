"""What a check of the house has to say: a broken rule, where it stands, and how a check ends.

Promises that every check reads the same folders and speaks in the same form, `file:line: [rule] words`, and that
a file that cannot be read or parsed is itself a broken rule, never one that is passed over.
It knows no rule: `ceilings.py` and `words.py` do.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CODE = ("src", "tests", "tools", "bench")


@dataclass(frozen=True, order=True)
class Broken:
    """One rule broken in one place."""

    path: str
    line: int
    rule: str
    words: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.words}"


@dataclass(frozen=True)
class Module:
    """One Python file, read and parsed once."""

    path: str
    text: str
    tree: ast.Module


def root_named(arguments: list[str]) -> Path:
    """The folder to check: the one argument, else the project that this file stands in."""
    return Path(arguments[0]).resolve() if arguments else Path(__file__).resolve().parent.parent


def files_under(root: Path, folders: Iterable[str], pattern: str) -> Iterator[Path]:
    """Every file of the folders that fits, in a fixed order, without what Python or a tool left behind."""
    for folder in folders:
        for path in sorted((root / folder).rglob(pattern)):
            hidden = any(
                part.startswith(".") or part == "__pycache__" for part in path.relative_to(root / folder).parts
            )
            if path.is_file() and not hidden:
                yield path


def modules(root: Path, folders: Iterable[str] = CODE) -> tuple[list[Module], list[Broken]]:
    """All Python files that parse, and a broken rule for each that does not."""
    parsed, broken = [], []
    for path in files_under(root, folders, "*.py"):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
            parsed.append(Module(name, text, ast.parse(text)))
        except (SyntaxError, ValueError) as error:
            broken.append(Broken(name, getattr(error, "lineno", None) or 1, "python", f"does not parse: {error}"))
    return parsed, broken


def finish(broken: Iterable[Broken], fine: str) -> int:
    """Print what is broken, or the one line that says all is well; the exit status."""
    rows = sorted(broken)
    for row in rows:
        print(row)
    if rows:
        print(f"{len(rows)} broken", file=sys.stderr)
        return 1
    print(fine)
    return 0
