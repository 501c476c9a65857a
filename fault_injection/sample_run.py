"""A small table of sums with a checker and a recipe, for runs that end within seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path

RECIPE = """\
seed: 3
data: {candidates: c.jsonl, columns: {prompt: task, text: answer, reference: gold}, shards: 5}
verify: [{use: number, marker: "A:"}, {use: "checks:short", threshold: 0.4}]
measure: {label: ok, verdict: number}
select: {verdict: number, score: judge, best_of: 3, top_share: 0.5, control: true}
engine: {workers: 0}
out: run
"""
CHECKS = """\
def short(completions, **columns):
    return [None if "?" in text else 1 / len(text) for text in completions]
"""


def write_sample_run(folder: Path, prompts: int = 60) -> Path:
    """Write the table, the checker and the recipe to a folder; return the path of the recipe."""
    rng = random.Random(1)
    lines = []
    for number in range(prompts):
        left, right = rng.randint(1, 50), rng.randint(1, 50)
        for index in range(5):
            answer = left + right + (0 if rng.random() < 0.6 else rng.randint(-3, 3))
            row = {"task": f"{left}+{right}? ({number})", "answer": f"{'?' * (index == 4)}A: {answer}"}
            label = answer == left + right if index < 2 else None
            lines.append(json.dumps({**row, "gold": left + right, "judge": rng.random(), "ok": label}))
    rng.shuffle(lines)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "checks.py").write_text(CHECKS)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder / "recipe.yaml"
