"""Calls of a function in a worker that may die: which rows form a call, and which row caused a death.

A call holds at most `MAX_CALL_ROWS` rows. When a worker dies in a call of several rows, they are called one by one; a
row becomes an error only if the worker that died was started for this row alone. So a bad row costs at most three
workers, and memory that earlier rows still hold makes no error of a later one. After `MAX_FAILED_ROWS` bad rows in
succession, or `MAX_TIMEOUTS` timeouts in succession that `PROBE_ROWS` other rows confirm, the rest of the batch becomes
errors. Each of the next batches then gets half as many attempts, until a row succeeds.
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
"""The size of calls is divided by this after one took too long."""


class WorkerCaller:
    """Calls one function in a worker, and starts another worker after each death."""

    def __init__(self, spec: WorkerSpec, call_rows: int = MAX_CALL_ROWS) -> None:
        self._spec = spec
        self._worker = FunctionWorker(spec)
        self._lock = threading.Lock()
        self._call_rows = call_rows
        self._allowed_failures, self._failed_rows = MAX_FAILED_ROWS, 0
        self._is_worker_fresh = False
        self.loaded = self._worker.loaded
        self.workers_started = 1

    def evaluate_rows(self, arguments: ColumnLists, rows: Sequence[int]) -> list[Value]:
        """Return the value of the function on each of these rows of the columns."""
        with self._lock:
            values: list[Value] = []
            self._is_worker_fresh = False
            remaining = [rows] if rows else []
            while remaining:
                part = self._next_rows(remaining)
                call_rows = self._call_rows
                answers, death = self._call_worker(arguments, part)
                values += answers
                if answers:
                    self._record_success()
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
                    values += self._fail_row(arguments, death, remaining)
            return values

    def end(self) -> None:
        """End the worker; the next call starts another."""
        self._worker.end()

    def _next_rows(self, remaining: list[Sequence[int]]) -> Sequence[int]:
        """Take the next rows; one row at a time after a batch was given up."""
        part = remaining.pop()
        if self._allowed_failures < MAX_FAILED_ROWS and len(part) > 1:
            remaining.append(part[1:])
            return part[:1]
        return part

    def _record_success(self) -> None:
        self._is_worker_fresh, self._failed_rows, self._allowed_failures = False, 0, MAX_FAILED_ROWS

    def _fail_row(
        self, arguments: ColumnLists, death: WorkerDeath, remaining: list[Sequence[int]]
    ) -> list[InvalidValue]:
        """Make an error of the row, and of all remaining rows when too many failed in succession."""
        self._failed_rows += 1
        if self._failed_rows >= self._allowed_failures:
            rows = "the row before" if self._failed_rows == 1 else f"each of the {self._failed_rows} rows before"
            self._allowed_failures //= 2
        elif death.timed_out and self._failed_rows >= MAX_TIMEOUTS and self._do_probes_fail(arguments, remaining):
            rows = f"each of the {self._failed_rows} rows before and of {PROBE_ROWS} others in the batch"
            self._allowed_failures = 1
        else:
            return [InvalidValue(death.reason)]
        skipped_rows = sum(map(len, remaining))
        remaining.clear()
        self._failed_rows, self._allowed_failures = 0, max(1, self._allowed_failures)
        return [InvalidValue(death.reason), *[InvalidValue(f"not judged: {rows} {death.reason}")] * skipped_rows]

    def _do_probes_fail(self, arguments: ColumnLists, remaining: list[Sequence[int]]) -> bool:
        """Whether none of some rows spread over the remaining ones gets an answer; they are all called again later."""
        rows = [row for part in reversed(remaining) for row in part]
        if len(rows) < PROBE_ROWS:
            return False
        for turn in range(PROBE_ROWS):
            if self._call_worker(arguments, [rows[(2 * turn + 1) * len(rows) // (2 * PROBE_ROWS)]])[1] is None:
                self._record_success()
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
                problem = "the file of the function was edited during the run"
                raise UsageError(self._spec.where, problem, "Run the command again")
        return self._worker.evaluate_rows(arguments, part, self._call_rows)
