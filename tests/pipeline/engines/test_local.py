"""Workers stay from one stage to the next, and one that died in between costs nothing but itself."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from winnow.errors import EnvironmentFault
from winnow.pipeline.engines.local import WorkerPool, map_tasks


@dataclass(frozen=True)
class Shard:
    """A task of which nothing is asked."""

    number: int
    source: Path = Path("store")


def process(shard: Shard) -> int:
    """Who works on it."""
    return os.getpid()


def die(shard: Shard) -> int:
    """What a task does whose worker is killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_workers_stay_and_a_dead_one_is_replaced() -> None:
    tasks = [Shard(number) for number in range(4)]
    with WorkerPool() as workers:
        first, again = (list(map_tasks(process, tasks, 1, workers)) for _ in range(2))
        assert len({*first, *again}) == 1
        os.kill(first[0], signal.SIGKILL)
        after = list(map_tasks(process, tasks, 1, workers))
        assert len(after) == len(tasks) and first[0] not in after
    with pytest.raises(ProcessLookupError):
        os.kill(after[0], 0)


def test_a_shard_that_kills_its_worker_ends_the_run_naming_it() -> None:
    with WorkerPool() as workers, pytest.raises(EnvironmentFault, match="3 times over shard 7"):
        list(map_tasks(die, [Shard(7)], 1, workers))


def test_no_workers_is_this_process() -> None:
    with WorkerPool() as workers:
        assert list(map_tasks(process, [Shard(0)], 0, workers)) == [os.getpid()]
