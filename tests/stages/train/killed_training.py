"""A training that is killed again and again: `python killed_training.py FOLDER KILLS`.

It is a script, so that every attempt is a fork of a process that has loaded all modules and started no threads. Each
attempt is killed a random moment after it wrote a checkpoint, and the attempt after the last kill may finish. Another
training, in FOLDER/whole, is not killed. Prints the number of kills, and of different checkpoints they followed.
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

from winnow.api.rows import train
from winnow.models.tiny import ModelConfig
from winnow.stages.train import training_folder

SMALL = ModelConfig("decoder", "characters", 16, 2, 0, 1, 24)
STEPS = 150


def training(out: Path) -> None:
    """A checkpoint every three steps, weights that differ, and early stopping."""
    draws = Random(0)
    words = ["".join(draws.choices("abcd", k=draws.randint(2, 4))) for _ in range(80)]
    rows = [{"prompt": word, "text": word[::-1], "winnow_weight": 1 + place % 3} for place, word in enumerate(words)]
    settings = {"steps": STEPS, "batch": 16, "warmup": 5, "checkpoint_every": 3, "eval_every": 7, "patience": 50}
    train(rows[:60], shape=SMALL, out=out, held_out=rows[60:], **settings)  # type: ignore[arg-type]


def fork_process(work: Callable[[], None]) -> int:
    """Fork a process that does this work and ends, and return its id."""
    process = os.fork()
    if process:
        return process
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def kill_training(out: Path, kills: int) -> set[int]:
    """Kill the training that often, then let it finish; return the times of the checkpoints before the kills."""
    draws, seen = Random(5), set[int]()
    for _ in range(kills):
        process = fork_process(lambda: training(out))
        while (at := _checkpoint(out)) is None or at in seen:
            sleep(0.001)
            assert os.waitpid(process, os.WNOHANG) == (0, 0), "the training ended before it could be killed"
        seen.add(at)
        sleep(draws.random() * 0.03)
        os.kill(process, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(process, 0)[1]), "the training ended before it could be killed"
    assert os.waitpid(fork_process(lambda: training(out)), 0)[1] == 0
    return seen


def _checkpoint(out: Path) -> int | None:
    path = out / training_folder.CHECKPOINT_NAME
    return path.stat().st_mtime_ns if path.exists() else None


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    assert os.waitpid(fork_process(lambda: training(folder / "whole")), 0)[1] == 0
    print(kills, len(kill_training(folder / "killed", kills)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
