"""What a student is worth on a held-out table: the share of its greedy answers that a named verifier passes.

The verifier sees what it sees of any candidate; the reference is the column of that name or, without one, the held-out
completion itself. An answer that could not be decided counts as not right and is told, so no crash raises a score.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from winnow.errors import UsageError
from winnow.models.tiny.model import TinyModel
from winnow.stages.verify.stage import ChunkColumns, count_verdicts
from winnow.tables.table import Table
from winnow.verifiers.verdicts import Batch, Verdict, Verifier


def evaluate_model(model: TinyModel, held_out: Table, verifier: Verifier) -> dict[str, Any]:
    """Greedy answers to the prompts of the table, judged."""
    counts: Counter[str] = Counter()
    rows, reference = 0, "reference" if held_out.has_role("reference") else "text"
    part_names = list(dict.fromkeys(["prompt_text", *([reference] if verifier.needs_reference else [])]))
    for chunk, parts in held_out.read_roles(part_names, None):
        prompts = parts["prompt_text"]
        answers = [completions[0].text for completions in model.complete(prompts.to_pylist())]
        batch = Batch(pa.array(answers, pa.string()), prompts, parts.get(reference), ChunkColumns(chunk))
        counts.update(count_verdicts(verifier.judge(batch)))
        rows += len(chunk)
    if not rows:
        raise UsageError(held_out.name, "has no rows to answer", "Name another held-out table")
    right, decided = counts[Verdict.PASS], counts[Verdict.PASS] + counts[Verdict.FAIL]
    return {
        "verifier": verifier.name,
        "n": rows,
        "right": right,
        "accuracy": right / rows,
        "undecided": rows - decided,
    }
