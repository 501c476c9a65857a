"""Writes random candidates to measure on: `python benchmarks/make_candidates.py SHAPE ROWS OUT`.

A table has eight candidates per prompt and scores of three decimals, so that there are ties, and is the same at every
call. `narrow` has ids and scores, `text` also texts of 300 characters, `judged` ids and verdicts. In `scattered` and
`judged scattered` the candidates of a prompt are far from each other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PER_PROMPT = 8
STEP = 250_000
WORDS = 4096
WORDS_PER_TEXT = 50
SEED = 1
PASS_RATE = 0.6
PRIME = 2_654_435_761


def prompt_ids(first: int, count: int, total: int, scattered: bool) -> pa.Array:
    """Return the prompt of each row: neighbors share a prompt, or it returns only after all others."""
    rows = np.arange(first, first + count, dtype=np.int64)
    numbers = rows * PRIME % (total // PER_PROMPT) if scattered else rows // PER_PROMPT
    return pa.array([f"p{number:08d}" for number in numbers.tolist()])


def random_texts(count: int, rng: np.random.Generator) -> pa.Array:
    """Return texts of words from a small vocabulary, which compress about as well as real texts."""
    words = np.array([list(f"w{number:04x} ".encode()) for number in range(WORDS)], dtype=np.uint8)
    letters = words[rng.integers(0, WORDS, (count, WORDS_PER_TEXT))].reshape(-1)
    width = words.shape[1] * WORDS_PER_TEXT
    ends = np.arange(0, count * width + 1, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(letters))


def write_table(shape: str, rows: int, out: Path) -> None:
    """Write one Parquet file with the default settings of pyarrow."""
    rng = np.random.default_rng(SEED)
    writer = None
    for first in range(0, rows, STEP):
        count = min(STEP, rows - first)
        columns = {"candidate_id": pa.array([f"c{number:09d}" for number in range(first, first + count)])}
        columns["prompt_id"] = prompt_ids(first, count, rows, "scattered" in shape)
        if shape == "text":
            columns["text"] = random_texts(count, rng)
        if shape.startswith("judged"):
            columns["v.verdict"] = pa.array(np.where(rng.random(count) < PASS_RATE, "pass", "fail"))
        else:
            columns["score"] = pa.array(np.round(rng.random(count), 3))
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    write_table(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
