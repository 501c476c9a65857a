"""Calls of a function in a worker that may die: which rows go into a call, and which row is to blame for a death.

A call holds at most `CALL` rows. When a worker dies in a call of several rows, they are asked about one by one; a
row is to blame only if it was alone in a worker started for it. So a poison row costs at most three workers (the call,
the row after others, the row alone), whatever stands beside it, and a worker worn out by earlier rows blames nobody.

Promises: one value per row, in order. A function that only ever dies does not take for ever: after `PATIENCE` rows
in a row to blame, the rows left of this batch are errors that say so, and the next batches get half as many tries,
then half again, until one row succeeds. Waiting costs more: after `LATE` rows in a row that took too long, `PROBES`
rows from all over what is left are tried, and if none is answered the batch is given up, and so is each of the next
after one row. After a call that took too long, calls are smaller.
It does not look at values.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from winnow.errors import UsageError
from winnow.verifiers.isolated.worker import FunctionWorker, WorkerDeath, WorkerSpec
from winnow.verifiers.user_functions import ColumnLists, InvalidValue, Value

MAX_CALL_ROWS = 512
MAX_FAILED_ROWS = 20
MAX_TIMEOUTS = 2
PROBE_ROWS = 3
CALL_SHRINK_FACTOR = 8
"""What the size of a call is divided by when one took too long."""


class WorkerCaller:
    """Asks one function, with a new worker after each death."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._worker = FunctionWorker(spec)
        self._lock = threading.Lock()
        self._call_rows, self._allowed_failures, self._failed_rows, self._is_worker_fresh = (
            MAX_CALL_ROWS,
            MAX_FAILED_ROWS,
            0,
            False,
        )
        self.loaded = self._worker.loaded
        self.workers_started = 1
        """How many workers there have been."""

    def evaluate_rows(self, arguments: ColumnLists, rows: Sequence[int]) -> list[Value]:
        """What the function says of these rows of the columns."""
        with self._lock:
            found: list[Value] = []
            self._is_worker_fresh = False
            remaining = [rows] if rows else []
            while remaining:
                part = self._next_rows(remaining)
                call_rows = self._call_rows
                answers, death = self._call_worker(arguments, part)
                found += answers
                if answers:
                    self._is_worker_fresh, self._failed_rows, self._allowed_failures = False, 0, MAX_FAILED_ROWS
                if death is None:
                    continue
                call, rest = part[len(answers) : len(answers) + call_rows], part[len(answers) + call_rows :]
                remaining += [rest] if rest else []
                if len(call) > 1:
                    self._call_rows = max(1, len(call) // CALL_SHRINK_FACTOR) if death.timed_out else call_rows
                    remaining += [[row] for row in reversed(call)]
                elif len(part) > 1 or not self._is_worker_fresh:
                    remaining.append(call)
                else:
                    found += self._blame_row(arguments, death, remaining)
            return found

    def end(self) -> None:
        """End the worker; the next call starts another."""
        self._worker.end()

    def _next_rows(self, remaining: list[Sequence[int]]) -> Sequence[int]:
        """The rows to ask about next, taken from what is left; in doubt one."""
        part = remaining.pop()
        if self._allowed_failures < MAX_FAILED_ROWS and len(part) > 1:
            remaining.append(part[1:])
            return part[:1]
        return part

    def _blame_row(
        self, arguments: ColumnLists, death: WorkerDeath, remaining: list[Sequence[int]]
    ) -> list[InvalidValue]:
        """What the row that was asked about gets; and the rows left, if it was one too many."""
        self._failed_rows += 1
        found = [InvalidValue(death.reason)]
        if self._failed_rows >= self._allowed_failures:
            rows = (
                "the row before it"
                if self._failed_rows == 1
                else f"{self._failed_rows} rows before it, one after the other,"
            )
            self._allowed_failures //= 2
        elif death.timed_out and self._failed_rows >= MAX_TIMEOUTS and self._is_hopeless(arguments, remaining):
            rows = f"{self._failed_rows} rows before it and {PROBE_ROWS} from all over the batch"
            self._allowed_failures = 1
        else:
            return found
        found += [InvalidValue(f"not judged: {rows} {death.reason}")] * sum(map(len, remaining))
        remaining.clear()
        self._failed_rows, self._allowed_failures = 0, max(1, self._allowed_failures)
        return found

    def _is_hopeless(self, arguments: ColumnLists, remaining: list[Sequence[int]]) -> bool:
        """Whether none of some rows from all over what is left is answered; what is will be asked again in its turn."""
        rows = [row for part in reversed(remaining) for row in part]
        if len(rows) < PROBE_ROWS:
            return False
        for turn in range(PROBE_ROWS):
            if self._call_worker(arguments, [rows[(2 * turn + 1) * len(rows) // (2 * PROBE_ROWS)]])[1] is None:
                self._is_worker_fresh, self._failed_rows, self._allowed_failures = False, 0, MAX_FAILED_ROWS
                return False
        return True

    def _call_worker(self, arguments: ColumnLists, part: Sequence[int]) -> tuple[list[Value], WorkerDeath | None]:
        if not self._worker.is_ready():
            self._worker.end()
            self._worker = FunctionWorker(self._spec)
            self.workers_started += 1
            self._is_worker_fresh = True
            if self._worker.loaded != self.loaded:
                self._worker.end()
                raise UsageError(self._spec.where, "its file was edited while it judged", "Run the command again")
        return self._worker.evaluate_rows(arguments, part, self._call_rows)
