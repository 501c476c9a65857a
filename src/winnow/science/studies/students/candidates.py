"""What a generator wrote, decoded once and kept, so that every verifier, tolerance and rule is scored from it.

A row is a candidate: `prompt_id`, `prompt`, `text`, how it was decoded (`way`), its place among its prompt's (`index`),
the model's mean log-probability (`logprob`), and what the caller's `judge` adds. One JSON Lines file per way of
decoding; it is a TABLE, so the commands of winnow read it too.

Promises: a file is there whole or not at all. A prompt gets as many rows as the model wrote for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.unit_store import format_rows, write_whole_file

ScoringFunction = Callable[[Sequence[str], Sequence[str]], dict[str, list[Any]]]
"""From prompts and texts to columns."""


def load_or_decode(
    file: Path, model: Any, prompts: Sequence[str], way: tuple[str, Any, int], score_answers: ScoringFunction
) -> list[Row]:
    """The candidates of these prompts, made now or read; `way` is its name, how, and a seed."""
    if file.exists():
        return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
    name, decoding, seed = way
    rows = [
        {
            "prompt_id": f"p{place}",
            "prompt": prompt,
            "text": completion.text,
            "way": name,
            "index": index,
            "logprob": completion.logprob,
        }
        for place, (prompt, completions) in enumerate(
            zip(prompts, model.complete(prompts, decoding, seed), strict=True)
        )
        for index, completion in enumerate(completions)
    ]
    columns = score_answers([row["prompt"] for row in rows], [row["text"] for row in rows])
    for place, row in enumerate(rows):
        row |= {name: values[place] for name, values in columns.items()}
    write_whole_file(file, format_rows(rows, "jsonl"))
    return rows


def best_of_accuracy(rows: Sequence[Row], n: int) -> float:
    """The share of prompts with a right one among their first n."""
    served: dict[str, bool] = {}
    for row in rows:
        served[row["prompt_id"]] = served.get(row["prompt_id"], False) or (row["index"] < n and row["right"])
    return sum(served.values()) / max(1, len(served))
