"""Candidates of a generator, decoded once and stored, so that every verifier, tolerance and rule uses the same ones.

A row has `prompt_id`, `prompt`, `text`, the decoding (`way`), its position within its prompt (`index`), the mean
log-probability (`logprob`) and the columns of the scoring function. Each way of decoding has one JSON Lines file, a
table that the commands of winnow read too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from winnow.science.studies.framework.check import Row, group_rows
from winnow.science.studies.framework.unit_store import format_rows, write_whole_file

ScoringFunction = Callable[[Sequence[str], Sequence[str]], dict[str, list[Any]]]
"""From prompts and texts to columns."""


def load_or_decode(
    file: Path, model: Any, prompts: Sequence[str], way: tuple[str, Any, int], score_answers: ScoringFunction
) -> list[Row]:
    """Return the candidates in the file, or decode and store them.

    Args:
        file: where the candidates are stored.
        model: a trained model; not used if the file exists.
        prompts: one text per prompt.
        way: the name of the decoding, the decoding itself (None: greedy), and a seed.
        score_answers: computes further columns from prompts and texts.
    """
    if file.exists():
        return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
    name, decoding, seed = way
    rows = [
        {
            "prompt_id": f"p{number}",
            "prompt": prompt,
            "text": completion.text,
            "way": name,
            "index": index,
            "logprob": completion.logprob,
        }
        for number, (prompt, completions) in enumerate(
            zip(prompts, model.complete(prompts, decoding, seed), strict=True)
        )
        for index, completion in enumerate(completions)
    ]
    columns = score_answers([row["prompt"] for row in rows], [row["text"] for row in rows])
    for position, row in enumerate(rows):
        row |= {column: values[position] for column, values in columns.items()}
    write_whole_file(file, format_rows(rows, "jsonl"))
    return rows


def best_of_accuracy(rows: Sequence[Row], n: int) -> float:
    """Return the share of prompts with a right answer among their first n candidates."""
    prompts = group_rows(rows, "prompt_id").values()
    return sum(any(row["index"] < n and row["right"] for row in group) for group in prompts) / max(1, len(prompts))
