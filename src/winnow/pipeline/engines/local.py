"""The local engine: shards are processed in this process, or in several processes of this machine.

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
from types import TracebackType
from typing import Protocol, TypeVar

from winnow.errors import EnvironmentFault
from winnow.storage.locations.location import Location

MAX_ATTEMPTS = 3
"""How often a shard is tried before deaths of its workers end the run."""
TASKS_PER_WORKER = 2
"""Tasks submitted per worker, so that no worker waits for its next task."""


class EngineTask(Protocol):
    """What an engine needs to know of a task."""

    @property
    def source(self) -> Location:
        """The store that the task reads."""

    @property
    def number(self) -> int:
        """The number of the shard."""


Job = TypeVar("Job", bound=EngineTask)
Result = TypeVar("Result")


class WorkerPool:
    """Worker processes that are kept between tasks, until they are shut down or one of them dies."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None
        self._count = 0

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shut_down(wait=error is None)

    def executor(self, count: int) -> ProcessPoolExecutor:
        """An executor with this many processes, reused while the number stays the same."""
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
        if pool is not None and wait:
            pool.shutdown()
        elif pool is not None:
            _stop_pool(pool)


def map_tasks(work: Callable[[Job], Result], tasks: Sequence[Job], count: int, workers: WorkerPool) -> Iterator[Result]:
    """Yield the result of every task, in the order in which they end; with `count` 0 this process does the work."""
    if count == 0:
        yield from map(work, tasks)
        return
    left = list(tasks)
    for _ in range(MAX_ATTEMPTS):
        unfinished: list[Job] = []
        yield from _map_in_pool(work, left, workers.executor(count), TASKS_PER_WORKER * count, unfinished)
        if not unfinished:
            return
        workers.shut_down(wait=False)
        left = unfinished
    problem = f"a worker died {MAX_ATTEMPTS} times over shard {left[0].number} (killed, or out of memory)"
    raise EnvironmentFault(str(left[0].source), problem, "Use fewer workers, or look into the log of the system")


def _map_in_pool(
    work: Callable[[Job], Result], tasks: list[Job], pool: ProcessPoolExecutor, ahead: int, unfinished: list[Job]
) -> Iterator[Result]:
    """Yield what one pool finishes; tasks lost with a dead worker are added to `unfinished`."""
    waiting = list(reversed(tasks))
    running: dict[Future[Result], Job] = {}
    while waiting or running:
        while waiting and len(running) < ahead and not unfinished:
            task = waiting.pop()
            try:
                running[pool.submit(work, task)] = task
            except BrokenProcessPool:
                unfinished.append(task)
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task = running.pop(future)
            try:
                yield future.result()
            except BrokenProcessPool:
                unfinished.append(task)
        if unfinished and not running:
            unfinished += reversed(waiting)
            return


def _stop_pool(pool: ProcessPoolExecutor) -> None:
    """Terminate the workers at once."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _initialize_worker(parent: int) -> None:
    """Ignore Ctrl-C, which the parent handles, and end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent(parent)
    # Workers share the cores: one thread each.
    import pyarrow as pa

    pa.set_cpu_count(1)


def _end_with_parent(parent: int) -> None:
    """Ask the system to end this process when its parent ends, where it can (Linux)."""
    import ctypes

    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
