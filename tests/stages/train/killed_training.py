"""A training that is killed again and again: `python killing.py FOLDER KILLS`.

It is a script of its own, so that every attempt is a fork of a process that has loaded everything and started nothing.
Each attempt is killed a random moment after it wrote a checkpoint of its own; one after the last kill may end. A second
training, in FOLDER/whole, is left alone. Prints how often it killed, and at how many different checkpoints.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import torch
import torch._dynamo  # torch loads it with the first optimizer, which would cost every attempt a second

from winnow.api.models import train
from winnow.models.tiny import ModelConfig
from winnow.stages.train import checkpoint

SMALL = ModelConfig("decoder", "characters", 16, 2, 0, 1, 24)
STEPS = 150


def training(out: Path) -> None:
    """A checkpoint every three steps, weights that differ, and early stopping."""
    draws = Random(0)
    words = ["".join(draws.choices("abcd", k=draws.randint(2, 4))) for _ in range(80)]
    rows = [{"prompt": word, "text": word[::-1], "winnow_weight": 1 + place % 3} for place, word in enumerate(words)]
    settings = {"steps": STEPS, "batch": 16, "warmup": 5, "checkpoint_every": 3, "eval_every": 7, "patience": 50}
    train(rows[:60], shape=SMALL, out=out, held_out=rows[60:], **settings)  # type: ignore[arg-type]


def forked(work: Callable[[], None]) -> int:
    """The id of a process that does this work and ends."""
    process = os.fork()
    if process:
        return process
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def killed(out: Path, kills: int) -> set[int]:
    """Kill that often, let it end, and say at which checkpoints the kills fell."""
    draws, seen = Random(5), set[int]()
    for _ in range(kills):
        process = forked(lambda: training(out))
        while (at := _checkpoint(out)) is None or at in seen:
            sleep(0.001)
            assert os.waitpid(process, os.WNOHANG) == (0, 0), "it ended before it could be killed"
        seen.add(at)
        sleep(draws.random() * 0.03)
        os.kill(process, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(process, 0)[1]), "it ended before it could be killed"
    assert os.waitpid(forked(lambda: training(out)), 0)[1] == 0
    return seen


def _checkpoint(out: Path) -> int | None:
    path = out / checkpoint.CHECKPOINT_NAME
    return path.stat().st_mtime_ns if path.exists() else None


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    assert os.waitpid(forked(lambda: training(folder / "whole")), 0)[1] == 0
    print(kills, len(killed(folder / "killed", kills)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
