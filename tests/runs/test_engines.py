"""Workers stay from one stage to the next, and one that died in between costs nothing but itself."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from winnow.data.errors import EnvironmentFault
from winnow.runs.engines import Workers, mapped


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
    with Workers() as workers:
        first, again = (list(mapped(process, tasks, 1, workers)) for _ in range(2))
        assert len({*first, *again}) == 1
        os.kill(first[0], signal.SIGKILL)
        after = list(mapped(process, tasks, 1, workers))
        assert len(after) == len(tasks) and first[0] not in after
    with pytest.raises(ProcessLookupError):
        os.kill(after[0], 0)


def test_a_shard_that_kills_its_worker_ends_the_run_naming_it() -> None:
    with Workers() as workers, pytest.raises(EnvironmentFault, match="3 times over shard 7"):
        list(mapped(die, [Shard(7)], 1, workers))


def test_no_workers_is_this_process() -> None:
    with Workers() as workers:
        assert list(mapped(process, [Shard(0)], 0, workers)) == [os.getpid()]
