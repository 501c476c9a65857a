"""Shared parts of the checks: reading the project's Python files, and printing what breaks a rule.

A check prints one line per finding, `file:line: [rule] message`, and ends with exit code 1 if there is one.
A file that cannot be parsed is a finding too. The rules themselves are in the other modules of this folder.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CODE_FOLDERS = ("src", "tests", "tools", "benchmarks", "validation", "fault_injection")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Finding:
    """One rule broken in one place."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


@dataclass(frozen=True)
class Module:
    """One parsed Python file; `path` is relative to the root of the project."""

    path: str
    text: str
    tree: ast.Module

    @property
    def is_source(self) -> bool:
        """Whether the file belongs to the package and not to its tests or scripts."""
        return self.path.startswith("src/")

    @property
    def dotted_name(self) -> str:
        """The name by which a file of the package is imported."""
        return self.path.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def project_root(arguments: list[str]) -> Path:
    """Return the folder to check: the first argument, or the project that contains this file."""
    return Path(arguments[0]).resolve() if arguments else Path(__file__).resolve().parent.parent


def list_files(root: Path, folders: Iterable[str], pattern: str) -> Iterator[Path]:
    """Yield the matching files of these folders in sorted order, without hidden files and caches."""
    for folder in folders:
        for path in sorted((root / folder).rglob(pattern)):
            parts = path.relative_to(root / folder).parts
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
                yield path


def parse_modules(root: Path, folders: Iterable[str] = CODE_FOLDERS) -> tuple[list[Module], list[Finding]]:
    """Parse every Python file of these folders; a file that does not parse becomes a finding."""
    modules, findings = [], []
    for path in list_files(root, folders, "*.py"):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
            modules.append(Module(name, text, ast.parse(text)))
        except (SyntaxError, ValueError) as error:
            findings.append(Finding(name, getattr(error, "lineno", None) or 1, "python", f"does not parse: {error}"))
    return modules, findings


def report(findings: Iterable[Finding], success_message: str) -> int:
    """Print the findings, or the success message if there are none; return the exit code."""
    sorted_findings = sorted(findings)
    for finding in sorted_findings:
        print(finding)
    if sorted_findings:
        print(f"{len(sorted_findings)} findings", file=sys.stderr)
        return 1
    print(success_message)
    return 0
