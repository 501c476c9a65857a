"""Runs the examples of the documentation and writes what they print: `python tools/update_examples.py [--check]`.

It takes the pages as arguments; without any, README.md and docs/.

An example stands between `<!-- example: begin -->` and `<!-- example: end -->`. The examples of a page share one empty
folder and run from top to bottom: a block whose first line is `# NAME` with a file ending is saved as that file, other
`python` and `sh` blocks are run, and a `text` block is replaced by what was printed since the one before it. With
`<!-- example: begin, tolerance 0.02 -->` the check compares numbers to within that share, for results that differ from
machine to machine. With `--check` nothing is written, and a page that differs is shown and ends the command with 1.
"""

from __future__ import annotations

import argparse
import difflib
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = re.compile(r"<!-- example: begin(?:, tolerance ([\d.]+))? -->\n(.*?)<!-- example: end -->", re.DOTALL)
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE_NAME = re.compile(r"# ([\w-]+\.\w+)\n")
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
TIME_LIMIT = 300


@dataclass(frozen=True)
class OutputBlock:
    """What a `text` block shows and what was printed; None for the tolerance means that both must be equal."""

    shown: str
    printed: str
    tolerance: float | None

    def is_current(self) -> bool:
        """Return whether the page shows what the example prints."""
        if self.tolerance is None or NUMBER.sub("#", self.shown) != NUMBER.sub("#", self.printed):
            return self.shown == self.printed
        pairs = zip(*(map(float, NUMBER.findall(text)) for text in (self.shown, self.printed)), strict=True)
        return all(math.isclose(*pair, rel_tol=self.tolerance, abs_tol=self.tolerance / 10) for pair in pairs)


class ExampleError(Exception):
    """A block of an example did not succeed."""


def pages_with_examples() -> list[Path]:
    """Return the pages that contain at least one example."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if EXAMPLE.search(page.read_text("utf-8"))]


def run_page(text: str, folder: Path) -> tuple[str, list[OutputBlock]]:
    """Run the examples of a page in an empty folder.

    Returns:
        The page with its output blocks replaced, and the blocks before and after.
    """
    environment = _environment(folder)
    work = folder / "work"
    work.mkdir()
    outputs: list[OutputBlock] = []
    printed = ""

    def run_block(match: re.Match[str], tolerance: float | None) -> str:
        nonlocal printed
        language, content = match[1], match[2]
        file_name = FILE_NAME.match(content)
        if file_name:
            (work / file_name[1]).write_text(content, "utf-8")
        elif language in ("sh", "python"):
            printed += _run(language, content, work, environment)
        elif language == "text":
            outputs.append(OutputBlock(content, printed, tolerance))
            printed = ""
            return f"```text\n{outputs[-1].printed}```"
        return match[0]

    def run_example(match: re.Match[str]) -> str:
        tolerance = float(match[1]) if match[1] else None
        content = BLOCK.sub(lambda block: run_block(block, tolerance), match[2])
        return match[0].replace(match[2], content)

    return EXAMPLE.sub(run_example, text), outputs


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `winnow` and `python` are those of this checkout."""
    for name, command in {"winnow": f'"{sys.executable}" -m winnow.cli.main', "python": f'"{sys.executable}"'}.items():
        script = folder / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
        script.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "120"}


def _run(language: str, content: str, work: Path, environment: dict[str, str]) -> str:
    command = ["sh", "-e"] if language == "sh" else [sys.executable, "-"]
    done = subprocess.run(
        command, input=content, cwd=work, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT
    )
    if done.returncode:
        raise ExampleError(f"exit code {done.returncode} from\n{content}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_or_update(page: Path, is_check: bool) -> Iterator[str]:
    """Run a page; yield the differences when checking, else write the page and yield its name if it changed."""
    text = page.read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="winnow-example-") as folder:
        updated, outputs = run_page(text, Path(folder))
    if is_check:
        for block in outputs:
            if not block.is_current():
                lines = (block.shown.splitlines(), block.printed.splitlines())
                yield from difflib.unified_diff(*lines, str(page), "what the example prints", lineterm="")
    elif not all(block.is_current() for block in outputs):
        page.write_text(updated, "utf-8")
        yield f"updated {page}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the examples of the documentation and write what they print.")
    parser.add_argument("pages", nargs="*", type=Path, help="pages (default: README.md and docs/)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page differs")
    arguments = parser.parse_args()
    has_problem = False
    for page in arguments.pages or pages_with_examples():
        try:
            lines = list(check_or_update(page, arguments.check))
        except ExampleError as error:
            lines, has_problem = [f"{page}: {error}"], True
        has_problem |= arguments.check and bool(lines)
        print(*lines, sep="\n", end="\n" if lines else "", flush=True)
    return int(has_problem)


if __name__ == "__main__":
    sys.exit(main())
