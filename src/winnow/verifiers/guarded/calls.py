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

from winnow.data.errors import UsageError
from winnow.verifiers.functions import Broken, Columns, Value
from winnow.verifiers.guarded.worker import Death, Order, Worker

CALL = 512
PATIENCE = 20
LATE = 2
PROBES = 3
SMALLER = 8
"""What the size of a call is divided by when one took too long."""


class Calls:
    """Asks one function, with a new worker after each death."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._worker = Worker(order)
        self._lock = threading.Lock()
        self._most, self._patience, self._blamed, self._fresh = CALL, PATIENCE, 0, False
        self.loaded = self._worker.loaded
        self.started = 1
        """How many workers there have been."""

    def values(self, arguments: Columns, rows: Sequence[int]) -> list[Value]:
        """What the function says of these rows of the columns."""
        with self._lock:
            found: list[Value] = []
            self._fresh = False
            left = [rows] if rows else []
            while left:
                part = self._next(left)
                most = self._most
                answers, death = self._asked(arguments, part)
                found += answers
                if answers:
                    self._fresh, self._blamed, self._patience = False, 0, PATIENCE
                if death is None:
                    continue
                call, rest = part[len(answers) : len(answers) + most], part[len(answers) + most :]
                left += [rest] if rest else []
                if len(call) > 1:
                    self._most = max(1, len(call) // SMALLER) if death.late else most
                    left += [[row] for row in reversed(call)]
                elif len(part) > 1 or not self._fresh:
                    left.append(call)
                else:
                    found += self._blame(arguments, death, left)
            return found

    def end(self) -> None:
        """End the worker; the next call starts another."""
        self._worker.end()

    def _next(self, left: list[Sequence[int]]) -> Sequence[int]:
        """The rows to ask about next, taken from what is left; in doubt one."""
        part = left.pop()
        if self._patience < PATIENCE and len(part) > 1:
            left.append(part[1:])
            return part[:1]
        return part

    def _blame(self, arguments: Columns, death: Death, left: list[Sequence[int]]) -> list[Broken]:
        """What the row that was asked about gets; and the rows left, if it was one too many."""
        self._blamed += 1
        found = [Broken(death.reason)]
        if self._blamed >= self._patience:
            rows = "the row before it" if self._blamed == 1 else f"{self._blamed} rows before it, one after the other,"
            self._patience //= 2
        elif death.late and self._blamed >= LATE and self._hopeless(arguments, left):
            rows = f"{self._blamed} rows before it and {PROBES} from all over the batch"
            self._patience = 1
        else:
            return found
        found += [Broken(f"not judged: {rows} {death.reason}")] * sum(map(len, left))
        left.clear()
        self._blamed, self._patience = 0, max(1, self._patience)
        return found

    def _hopeless(self, arguments: Columns, left: list[Sequence[int]]) -> bool:
        """Whether none of some rows from all over what is left is answered; what is will be asked again in its turn."""
        rows = [row for part in reversed(left) for row in part]
        if len(rows) < PROBES:
            return False
        for turn in range(PROBES):
            if self._asked(arguments, [rows[(2 * turn + 1) * len(rows) // (2 * PROBES)]])[1] is None:
                self._fresh, self._blamed, self._patience = False, 0, PATIENCE
                return False
        return True

    def _asked(self, arguments: Columns, part: Sequence[int]) -> tuple[list[Value], Death | None]:
        if not self._worker.ready():
            self._worker.end()
            self._worker = Worker(self._order)
            self.started += 1
            self._fresh = True
            if self._worker.loaded != self.loaded:
                self._worker.end()
                raise UsageError(self._order.where, "its file was edited while it judged", "Run the command again")
        return self._worker.ask(arguments, part, self._most)
