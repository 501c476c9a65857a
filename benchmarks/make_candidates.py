"""Made-up candidates to measure on: `python bench/data.py SHAPE ROWS OUT`, the same bytes at every call.

Eight candidates to a prompt, scores of three decimals, so that some are shared. `narrow` has ids and scores,
`text` has 300 characters beside them, `scattered` is narrow with the candidates of a prompt far from each other,
`judged` has ids and verdicts, `judged scattered` has them far from each other.
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
WORDS_A_TEXT = 50
SEED = 1
KEPT = 0.6
PRIME = 2_654_435_761


def prompt_ids(first: int, count: int, total: int, scattered: bool) -> pa.Array:
    """The prompt of each row: neighbors share one, or one is met again only after all others."""
    rows = np.arange(first, first + count, dtype=np.int64)
    numbers = rows * PRIME % (total // PER_PROMPT) if scattered else rows // PER_PROMPT
    return pa.array([f"p{number:08d}" for number in numbers.tolist()])


def random_texts(count: int, draws: np.random.Generator) -> pa.Array:
    """Words of a small vocabulary: texts that compress about as real ones do."""
    words = np.array([list(f"w{number:04x} ".encode()) for number in range(WORDS)], dtype=np.uint8)
    letters = words[draws.integers(0, WORDS, (count, WORDS_A_TEXT))].reshape(-1)
    width = words.shape[1] * WORDS_A_TEXT
    ends = np.arange(0, count * width + 1, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(letters))


def write_table(shape: str, rows: int, out: Path) -> None:
    """One Parquet file with pyarrow's usual settings."""
    draws = np.random.default_rng(SEED)
    writer = None
    for first in range(0, rows, STEP):
        count = min(STEP, rows - first)
        columns = {"candidate_id": pa.array([f"c{number:09d}" for number in range(first, first + count)])}
        columns["prompt_id"] = prompt_ids(first, count, rows, "scattered" in shape)
        if shape == "text":
            columns["text"] = random_texts(count, draws)
        if shape.startswith("judged"):
            columns["v.verdict"] = pa.array(np.where(draws.random(count) < KEPT, "pass", "fail"))
        else:
            columns["score"] = pa.array(np.round(draws.random(count), 3))
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    write_table(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
