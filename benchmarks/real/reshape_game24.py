"""Reshape the logged answers to the game of 24, a hundred to a puzzle, into one row per candidate.

    python bench/real/game24.py game24_n100_cot.jsonl.gz candidates.jsonl

Each row holds idx, puzzle, sample and correct_rechecked; the texts stay as they were. It judges nothing: that is
the work of game24_checker.py.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def candidates(puzzle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row per answer, in the order of the log."""
    for text, right in zip(puzzle["samples"], puzzle["correct_rechecked"], strict=True):
        yield {"idx": puzzle["idx"], "puzzle": puzzle["puzzle"], "sample": text, "correct_rechecked": bool(right)}


def main(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as puzzles, target.open("w", encoding="utf-8") as rows:
        for line in puzzles:
            for row in candidates(json.loads(line)):
                rows.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python bench/real/game24.py FILE.jsonl.gz OUT.jsonl")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
