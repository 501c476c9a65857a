"""Runs of a small recipe, in this process or in one of its own, and the hashes of their results."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from fault_injection.sample_run import RECIPE, write_sample_run
from winnow.cli.main import app

__all__ = [
    "RECIPE",
    "CommandResult",
    "hash_results",
    "list_already_done",
    "run_command",
    "run_in_new_process",
    "run_recipe",
    "start_run",
    "write_sample_run",
]

RESULT_ENDINGS = ("receipt.json", "card.json", ".parquet")


class CommandResult(NamedTuple):
    """The exit code and output of a command."""

    code: int
    out: str
    err: str


def hash_results(out: Path) -> dict[str, str]:
    """Return the sha256 of every file that must not depend on the engine or on interruptions, by its path in `out`."""
    files = sorted(
        path for path in out.rglob("*") if path.name.endswith(RESULT_ENDINGS) and "superseded" not in path.parts
    )
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_command(folder: Path, *arguments: str) -> CommandResult:
    """Run a command of winnow in this process, in this folder."""
    with chdir(folder):
        result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return CommandResult(result.exit_code, result.stdout, result.stderr)


def run_recipe(recipe: Path, *options: str) -> CommandResult:
    """Run a recipe in this process, in the folder of the recipe."""
    return run_command(recipe.parent, "run", recipe.name, *options)


def start_run(recipe: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """Start `winnow run` in a process group of its own, in the folder of the recipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "winnow.cli.main", "run", recipe.name, *options],
        cwd=recipe.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        process_group=0,
    )


def run_in_new_process(recipe: Path, *options: str, **environment: str) -> CommandResult:
    """Run a recipe in a process of its own, for example because a verifier of this process is cached."""
    process = start_run(recipe, *options, **environment)
    out, err = process.communicate()
    return CommandResult(process.returncode, out, err)


def list_already_done(out: str) -> dict[str, bool]:
    """Return by stage, from the JSON document of a run, whether the stage was finished before the run."""
    return {stage["stage"]: stage["already_done"] for stage in json.loads(out)["stages"]}
