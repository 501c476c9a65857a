"""What a student is worth on a held-out table: the share of its greedy answers that a named verifier passes.

The verifier sees what it sees of any candidate; the reference is the column of that name or, without one, the held-out
completion itself. An answer that could not be decided counts as not right and is told, so no crash raises a score.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from winnow.data.errors import UsageError
from winnow.data.table import Table
from winnow.models.tiny.tiny import Tiny
from winnow.stages.verify import ColumnsOf, counted
from winnow.verifiers.verdicts import Batch, Verdict, Verifier


def evaluated(model: Tiny, held_out: Table, verifier: Verifier) -> dict[str, Any]:
    """Greedy answers to the prompts of the table, judged."""
    counts: Counter[str] = Counter()
    rows, reference = 0, "reference" if held_out.has("reference") else "text"
    wanted = list(dict.fromkeys(["prompt_text", *([reference] if verifier.needs_reference else [])]))
    for chunk, parts in held_out.parts(wanted, None):
        prompts = parts["prompt_text"]
        answers = [written[0].text for written in model.complete(prompts.to_pylist())]
        batch = Batch(pa.array(answers, pa.string()), prompts, parts.get(reference), ColumnsOf(chunk))
        counts.update(counted(verifier.judge(batch)))
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
