"""Reshapes the published model solutions of GSM8K, four per problem, into one row per candidate.

    python benchmarks/real/reshape_gsm8k.py example_model_solutions.jsonl.gz candidates.jsonl

A row has candidate_id, prompt_id, question, solution, ground_truth, is_correct and model; texts are not changed.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def list_candidates(number: int, problem: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one row per model, in the order of the file."""
    for model, answer in problem.items():
        if model not in ("question", "ground_truth"):
            yield {
                "candidate_id": f"{number}-{model}",
                "prompt_id": f"gsm8k-{number}",
                "question": problem["question"],
                "solution": answer["solution"],
                "ground_truth": problem["ground_truth"],
                "is_correct": answer["is_correct"],
                "model": model,
            }


def main(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as problems, target.open("w", encoding="utf-8") as rows:
        for number, line in enumerate(problems):
            for row in list_candidates(number, json.loads(line)):
                rows.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python benchmarks/real/reshape_gsm8k.py FILE.jsonl.gz OUT.jsonl")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
