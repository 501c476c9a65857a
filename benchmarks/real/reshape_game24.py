"""Reshapes logged answers to the game of 24, a hundred per puzzle, into one row per candidate.

    python benchmarks/real/reshape_game24.py game24_n100_cot.jsonl.gz candidates.jsonl

A row has idx, puzzle, sample and correct_rechecked; texts are not changed. The verifier is game24_checker.py.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def list_candidates(puzzle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one row per answer, in the order of the log."""
    for text, right in zip(puzzle["samples"], puzzle["correct_rechecked"], strict=True):
        yield {"idx": puzzle["idx"], "puzzle": puzzle["puzzle"], "sample": text, "correct_rechecked": bool(right)}


def main(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as puzzles, target.open("w", encoding="utf-8") as rows:
        for line in puzzles:
            for row in list_candidates(json.loads(line)):
                rows.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python benchmarks/real/reshape_game24.py FILE.jsonl.gz OUT.jsonl")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
