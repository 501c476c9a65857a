"""Tables to forecast on: prompts with candidates, an informative score, and a label for every row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PROMPTS, EACH = 120, 8


def candidates(gap: float = 1.5, seed: int = 0, prompts: int = PROMPTS, each: int = EACH) -> list[dict[str, Any]]:
    """Right candidates score `gap` higher on average; some prompts are easier than others."""
    rng = np.random.default_rng(seed)
    right = rng.random((prompts, each)) < rng.beta(2, 2, (prompts, 1))
    score = np.round(gap * right + rng.normal(size=right.shape), 3)
    return [
        {
            "candidate_id": f"p{p}#{i}",
            "prompt_id": f"p{p}",
            "text": f"answer {i} of {p}",
            "judge": float(score[p, i]),
            "correct": int(right[p, i]),
        }
        for p in range(prompts)
        for i in range(each)
    ]


def score_by_prompt(seed: int = 0) -> list[dict[str, Any]]:
    """Candidates of a prompt have nearly the same score, so that rules choose between prompts."""
    rows = candidates(0.0, seed)
    rng = np.random.default_rng(seed)
    easy = rng.random(PROMPTS) < 0.5
    for number, row in enumerate(rows):
        prompt = number // EACH
        row["judge"] = round(float(easy[prompt]) + 0.001 * (number % EACH), 3)
        row["correct"] = int(rng.random() < (0.9 if number % EACH >= EACH // 2 else 0.1))
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
