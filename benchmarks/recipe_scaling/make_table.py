"""Writes a table and a recipe to measure: `python benchmarks/recipe_scaling/make_table.py ROWS CHARACTERS FOLDER`.

There are eight candidates per prompt, which asks for a sum; some answers are right. The files are `table.parquet`,
`labels.csv` for a few hundred candidates, `checks.py` and `recipe.yaml`, with the same bytes at every call.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PER_PROMPT = 8
STEP = 200_000
LABELS = 400
RIGHT = 0.6
SEED = 1
WORDS = 4096

CHECKS = """\
def brief(completions, **columns):
    return [1 / (1 + len(text) % 7) for text in completions]
"""
RECIPE = """\
seed: 1
data: {candidates: table.parquet, columns: {id: candidate_id, prompt: task, text: answer, reference: gold}}
verify: [{use: number, marker: "A:"}, {use: "checks:brief", threshold: 0.3}]
measure: {labels: labels.csv, verdict: number}
select: {verdict: number, score: judge, best_of: all, top_share: 0.5, control: true}
out: run
"""


def make_chunk(first: int, count: int, characters: int, rng: np.random.Generator) -> pa.Table:
    """Return `count` rows from row number `first` on."""
    numbers = np.arange(first, first + count)
    prompts = numbers // PER_PROMPT
    left, right = prompts % 997, prompts % 1009
    gold = left + right
    answers = gold + np.where(rng.random(count) < RIGHT, 0, rng.integers(1, 9, count))
    preambles = random_preambles(count, characters, rng)
    tasks = [f"{a}+{b}? ({n})" for a, b, n in zip(left.tolist(), right.tolist(), prompts.tolist(), strict=True)]
    return pa.table(
        {
            "candidate_id": pa.array([f"c{number:09d}" for number in numbers.tolist()]),
            "task": pa.array(tasks),
            "answer": pa.array(
                [f"{words}A: {value}" for words, value in zip(preambles, answers.tolist(), strict=True)]
            ),
            "gold": pa.array(gold),
            "judge": pa.array(np.round(rng.random(count), 4)),
        }
    )


def random_preambles(count: int, characters: int, rng: np.random.Generator) -> list[str]:
    """Return words from a small vocabulary to put before each answer; none if `characters` is 0."""
    words = [f"w{number:04x} " for number in range(WORDS)]
    length = characters // len(words[0])
    numbers = rng.integers(0, WORDS, (count, length))
    return ["".join(words[number] for number in row) for row in numbers.tolist()] if length else [""] * count


def write_files(rows: int, characters: int, folder: Path) -> None:
    """Write all files that a run needs."""
    rng = np.random.default_rng(SEED)
    writer = None
    for first in range(0, rows, STEP):
        table = make_chunk(first, min(STEP, rows - first), characters, rng)
        writer = writer or pq.ParquetWriter(folder / "table.parquet", table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    step = max(rows // LABELS, 1)
    lines = [f"c{number:09d},{int(number // step % 5 > 1)}" for number in range(0, rows, step)]
    (folder / "labels.csv").write_text("\n".join(["candidate_id,correct", *lines]) + "\n")
    (folder / "checks.py").write_text(CHECKS)
    (folder / "recipe.yaml").write_text(RECIPE)


if __name__ == "__main__":
    write_files(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
