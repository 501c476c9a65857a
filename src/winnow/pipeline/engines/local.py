"""The local engine processes shards in this process, or in several processes of this machine.

An engine only maps a function over tasks, so results do not depend on it. The shards of a worker that dies are retried
a limited number of times.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar

from winnow.errors import EnvironmentFault
from winnow.storage.locations.location import Location
from winnow.verifiers.isolated.child import die_with_parent

MAX_ATTEMPTS = 3
"""How often a shard is tried before the run ends because its worker died each time."""
TASKS_PER_WORKER = 2
"""Tasks submitted per worker, so that no worker waits for its next task."""


class EngineTask(Protocol):
    """What an engine needs to know of a task: the store that it reads, and the number of the shard."""

    @property
    def source(self) -> Location: ...
    @property
    def number(self) -> int: ...


Job = TypeVar("Job", bound=EngineTask)
Result = TypeVar("Result")


class WorkerPool:
    """Worker processes that are kept between tasks, until they are shut down or one of them dies."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None
        self._count = 0

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.shut_down(wait=error is None)

    def executor(self, count: int) -> ProcessPoolExecutor:
        """Return an executor with this many processes, the same one while the number stays the same."""
        if self._executor is None or self._count != count:
            self.shut_down()
            # spawn, because a forked process of one with threads may hang.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                count, context, initializer=_initialize_worker, initargs=(os.getpid(),)
            )
            self._count = count
        return self._executor

    def shut_down(self, wait: bool = True) -> None:
        """Shut the processes down, after their tasks or at once."""
        pool, self._executor = self._executor, None
        if pool is None:
            return
        killed = [] if wait else list((pool._processes or {}).values())
        pool.shutdown(wait=wait, cancel_futures=not wait)
        for process in killed:
            process.terminate()
        for process in killed:
            process.join()


def map_tasks(work: Callable[[Job], Result], tasks: Sequence[Job], count: int, workers: WorkerPool) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end; if `count` is 0, this process does the work."""
    if count == 0:
        yield from map(work, tasks)
        return
    remaining = list(tasks)
    for _ in range(MAX_ATTEMPTS):
        lost: list[Job] = []
        yield from _map_in_pool(work, remaining, workers.executor(count), TASKS_PER_WORKER * count, lost)
        if not lost:
            return
        workers.shut_down(wait=False)
        remaining = lost
    first = remaining[0]
    problem = f"a worker died {MAX_ATTEMPTS} times over shard {first.number} (killed, or out of memory)"
    raise EnvironmentFault(str(first.source), problem, "Use fewer workers, or look into the log of the system")


def _map_in_pool(
    work: Callable[[Job], Result], tasks: list[Job], pool: ProcessPoolExecutor, max_running: int, lost: list[Job]
) -> Iterator[Result]:
    """Yield the results of one pool; tasks that it did not finish because a worker died are added to `lost`."""
    waiting = list(reversed(tasks))
    running: dict[Future[Result], Job] = {}
    while waiting or running:
        while waiting and len(running) < max_running and not lost:
            task = waiting.pop()
            try:
                running[pool.submit(work, task)] = task
            except BrokenProcessPool:
                lost.append(task)
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task = running.pop(future)
            try:
                yield future.result()
            except BrokenProcessPool:
                lost.append(task)
        if lost and not running:
            lost += reversed(waiting)
            return


def _initialize_worker(parent: int) -> None:
    """Ignore Ctrl-C, which the parent handles, and end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    # Workers share the cores: one thread each.
    import pyarrow as pa

    pa.set_cpu_count(1)
