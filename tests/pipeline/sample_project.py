"""Small runs on the spot: a table, a checker, a recipe, and the hashes of what a run leaves."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from fault_injection.sample_run import RECIPE, write_sample_run

__all__ = ["RECIPE", "ended", "hashes", "project", "stages", "started"]

project = write_sample_run

RECORDED_SUFFIXES = ("receipt.json", "card.json", ".parquet")


def hashes(out: Path) -> dict[str, str]:
    """The sha256 of everything that is promised to be the same."""
    found = sorted(
        path for path in out.rglob("*") if path.name.endswith(RECORDED_SUFFIXES) and "superseded" not in path.parts
    )
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
