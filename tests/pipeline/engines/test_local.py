"""Workers are reused from one stage to the next, and a dead worker is replaced."""

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
    """A task without content."""

    number: int
    source: Path = Path("store")


def get_process_id(shard: Shard) -> int:
    """Return the id of the process that does the task."""
    return os.getpid()


def die(shard: Shard) -> int:
    """Kill the process that does the task."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_workers_are_reused_and_a_dead_one_is_replaced() -> None:
    tasks = [Shard(number) for number in range(4)]
    with WorkerPool() as workers:
        first, again = (list(map_tasks(get_process_id, tasks, 1, workers)) for _ in range(2))
        assert len({*first, *again}) == 1
        os.kill(first[0], signal.SIGKILL)
        after = list(map_tasks(get_process_id, tasks, 1, workers))
        assert len(after) == len(tasks) and first[0] not in after
    with pytest.raises(ProcessLookupError):
        os.kill(after[0], 0)


def test_the_error_names_a_shard_that_kills_its_worker_again_and_again() -> None:
    with WorkerPool() as workers, pytest.raises(EnvironmentFault, match="3 times over shard 7"):
        list(map_tasks(die, [Shard(7)], 1, workers))


def test_without_workers_this_process_does_the_tasks() -> None:
    with WorkerPool() as workers:
        assert list(map_tasks(get_process_id, [Shard(0)], 0, workers)) == [os.getpid()]
