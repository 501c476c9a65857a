"""Tables with verdicts and files of labels, for the tests of measure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RIGHT_OF_KEPT, RIGHT_OF_DROPPED = 90, 20
ROWS: list[dict[str, Any]] = [
    {
        "candidate_id": f"c{i}",
        "prompt_id": f"p{i}",
        "text": f"answer {i}",
        "v.verdict": "pass" if i < 100 else "fail",
        "score": 1.0 if i < 100 else 0.0,
        "kind": "even" if i % 2 == 0 else "odd",
        "grade": 5 if (i < RIGHT_OF_KEPT or 100 <= i < 100 + RIGHT_OF_DROPPED) else 1,
    }
    for i in range(200)
]
"""100 kept rows, of which 90 are right, and 100 dropped rows, of which 20 are."""

GROUPED_ROWS: list[dict[str, Any]] = [
    {
        "candidate_id": f"c{i}",
        "prompt_id": f"p{i // 4}",
        "v.verdict": "pass" if i % 4 < (i // 4) % 4 else "fail",
        "answer": "right" if i % 7 < 4 else ("common" if i % 3 else f"rare {i}"),
        "half": "one" if i % 4 < 2 else "other",
    }
    for i in range(320)
]
"""80 prompts of four answers, of which none, one, two or three are kept."""


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_labels(path: Path, labels: Iterable[tuple[str, Any]]) -> Path:
    path.write_text("candidate_id,correct\n" + "".join(f"{name},{int(label)}\n" for name, label in labels))
    return path


def label_rows(path: Path, rows: Iterable[dict[str, Any]] = ROWS) -> Path:
    """Labels of all rows: grade 5 is right."""
    return write_labels(path, ((row["candidate_id"], row["grade"] == 5) for row in rows))


def label_grouped(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    return write_labels(path, ((row["candidate_id"], row["answer"] == "right") for row in rows))
