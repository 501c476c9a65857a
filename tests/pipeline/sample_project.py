"""Small runs on the spot: a table, a checker, a recipe, and the hashes of what a run leaves."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
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
KEPT = ("receipt.json", "card.json", ".parquet")


def project(folder: Path, prompts: int = 60) -> Path:
    """A folder with a recipe and what it needs; returns the recipe."""
    draws = random.Random(1)
    lines = []
    for number in range(prompts):
        one, other = draws.randint(1, 50), draws.randint(1, 50)
        for turn in range(5):
            said = one + other + (0 if draws.random() < 0.6 else draws.randint(-3, 3))
            row = {"task": f"{one}+{other}? ({number})", "answer": f"{'?' * (turn == 4)}A: {said}", "gold": one + other}
            lines.append(json.dumps({**row, "judge": draws.random(), "ok": said == one + other if turn < 2 else None}))
    draws.shuffle(lines)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "checks.py").write_text(CHECKS)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder / "recipe.yaml"


def hashes(out: Path) -> dict[str, str]:
    """The sha256 of everything that is promised to be the same."""
    found = sorted(path for path in out.rglob("*") if path.name.endswith(KEPT) and "superseded" not in path.parts)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def started(recipe: Path, *options: str, **more: str) -> subprocess.Popen[str]:
    """`winnow run` in a process group of its own, in the folder of the recipe."""
    command = [sys.executable, "-m", "winnow.cli.main", "run", recipe.name, *options]
    pipe = subprocess.PIPE
    import os

    env = {**os.environ, **more}
    return subprocess.Popen(command, cwd=recipe.parent, stdout=pipe, stderr=pipe, text=True, env=env, process_group=0)


def ended(recipe: Path, *options: str, **more: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `winnow run`."""
    process = started(recipe, *options, **more)
    out, err = process.communicate()
    return process.returncode, out, err


def stages(out: str) -> dict[str, bool]:
    """From the JSON of a run, whether each stage stood finished already."""
    return {one["stage"]: one["already_done"] for one in json.loads(out)["stages"]}
