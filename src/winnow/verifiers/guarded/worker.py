"""One process that runs one function, from this side: start it, ask it, end it.

Promises: an answer is a value for each row asked about, or a `Death`: whatever the process does (crash, exit, hang,
write nonsense), `ask` is back within the time it was given and a moment. A worker that died is gone with its process
group. It is ended when nobody holds it any more, and at exit; Ctrl-C ends it too.
It does not start a second worker, and does not decide which row is to blame. Where the function has put a process
into a group of its own, that process is out of reach.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref
from array import array
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from winnow.data.errors import EnvironmentFault, UsageError, shown
from winnow.verifiers.functions import Asks, Broken, Columns, Value, taken
from winnow.verifiers.guarded import child

SECONDS = 60.0
MEMORY_GB = 4.0
LOADING = 300.0
"""Seconds a module may take to be imported."""
LARGEST = 1 << 26
"""Bytes of an answer; a longer one is none of ours."""
SOON = 1e-3
"""Seconds waited for what should be there already; 0 would mean not to wait at all."""
NONSENSE = "answered with something else than values"
LAST_BREATH = 2.0
"""Seconds that a process which closed its end has to say how it died."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Which function to run, and under which limits."""

    path: str
    where: str  # the argument an error points at
    folder: str  # the current folder when the verifier was made
    seconds: float = SECONDS
    memory_gb: float = MEMORY_GB


@dataclass(frozen=True)
class Loaded:
    """What a worker says of its function."""

    sha256: str | None
    asks: Asks


@dataclass(frozen=True)
class Death:
    """The worker is gone; `late` if it was ended for taking too long, `greedy` if for too much memory."""

    reason: str
    late: bool = False
    greedy: bool = False


class Worker:
    """A running process; `loaded` says what it runs."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._owner = os.getpid()
        self._line, its_end = socket.socketpair()
        with ExitStack() as unless_started, its_end:
            unless_started.callback(self._line.close)
            self._process = _started(order, its_end.fileno())
            unless_started.pop_all()
        self.end = weakref.finalize(self, _end, self._process, self._line, self._owner)
        self.loaded = self._load()

    def ready(self) -> bool:
        """Whether it lives, and was started by this very process and not by one this was forked from."""
        return self.end.alive and self._owner == os.getpid() and self._process.poll() is None

    def ask(self, arguments: Columns, rows: Sequence[int], most: int) -> tuple[list[Value], Death | None]:
        """What the function says of these rows, in calls of at most `most`; short if it died in the call after."""
        found: list[Value] = []
        try:
            return found, self._asked(arguments, rows, most, found)
        finally:
            if len(found) < len(rows):
                self.end()  # it may owe answers, which the next to ask would take for theirs

    def _asked(self, arguments: Columns, rows: Sequence[int], most: int, found: list[Value]) -> Death | None:
        sent = 0
        while len(found) < len(rows):
            ahead = rows[sent : len(found) + 2 * most]  # one call more than is waited for, so that it has work
            requests = [self._request(arguments, ahead[i : i + most]) for i in range(0, len(ahead), most)]
            answer = self._exchange(requests, self._order.seconds)
            sent += len(ahead)
            if isinstance(answer, Death):
                return answer
            if "unreadable" in answer:
                raise self._not_handed_over(str(answer["unreadable"]))
            values = _values(answer, min(most, len(rows) - len(found)))
            if values is None:
                return Death(NONSENSE)
            found += values
        return None

    def _request(self, arguments: Columns, rows: Sequence[int]) -> bytes:
        columns = {name: taken(column, rows) for name, column in arguments.items()}
        try:
            return pickle.dumps((len(rows), columns), protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise self._not_handed_over(f"{type(error).__name__}: {error}") from None

    def _load(self) -> Loaded:
        order = self._order
        first = {"path": order.path, "where": order.where, "memory": int(order.memory_gb * 10**9)}
        # An empty entry means the current folder, whose files would stand before the standard library.
        message = json.dumps({**first, "sys_path": [entry for entry in sys.path if entry]}).encode()
        answer = self._exchange([message], LOADING)
        if isinstance(answer, Death):
            problem = f"cannot import {order.path.rpartition(':')[0] or order.path}: it {answer.reason}"
            raise UsageError(order.where, problem, "Allow it more memory_gb" if answer.greedy else "")
        if "refused" in answer:
            self.end()
            raise UsageError(*answer["refused"])
        needed, welcome, everything = answer["asks"]
        return Loaded(answer["sha256"], Asks(tuple(needed), tuple(welcome), everything))

    def _exchange(self, messages: list[bytes], seconds: float) -> dict[str, Any] | Death:
        """Send these, if any, and receive one; a worker that does not answer is ended, and so it is by Ctrl-C."""
        deadline = time.monotonic() + seconds
        answer: dict[str, Any] | None = None
        try:
            for message in messages:
                self._send(message, deadline)
            answer = _read(self._received(deadline))
        except TimeoutError:
            return Death(f"took longer than {seconds:g} s", late=True)
        except ValueError:
            return Death(NONSENSE)
        except OSError:
            return Death(self._last_words())
        finally:
            if answer is None:
                self.end()
        if "out_of_memory" in answer:
            self.end()
            return Death(f"ran out of memory (limit {self._order.memory_gb:g} GB)", greedy=True)
        return answer

    def _last_words(self) -> str:
        """How a process ended whose end of the line is closed."""
        try:
            code = self._process.wait(LAST_BREATH)
        except subprocess.TimeoutExpired:
            return "stopped answering"
        return f"killed its worker (signal {-code})" if code < 0 else f"ended its worker (exit code {code})"

    def _send(self, message: bytes, deadline: float) -> None:
        self._line.settimeout(max(deadline - time.monotonic(), SOON))
        self._line.sendall(child.SIZE.pack(len(message)) + message)

    def _received(self, deadline: float) -> bytearray:
        (size,) = child.SIZE.unpack(self._exactly(child.SIZE.size, deadline))
        if size > LARGEST:
            raise ValueError
        return self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float) -> bytearray:
        message = bytearray(size)
        left = memoryview(message)
        while left:
            self._line.settimeout(max(deadline - time.monotonic(), SOON))
            count = self._line.recv_into(left)
            if not count:
                raise ConnectionError
            left = left[count:]
        return message

    def _not_handed_over(self, why: str) -> UsageError:
        problem = f"a column holds values that cannot be handed to the process it runs in ({shown(why)})"
        return UsageError(self._order.where, problem, "In Python, give the function itself: it then runs in yours")


def _read(answer: bytearray) -> dict[str, Any]:
    if answer.startswith(child.FLOATS):
        return {"values": array("d", answer[len(child.FLOATS) :]).tolist()}
    read = json.loads(answer)
    if not isinstance(read, dict):
        raise ValueError
    return read


def _values(answer: dict[str, Any], rows: int) -> list[Value] | None:
    """The values of an answer; none if it is not what our own end of the line would have sent."""
    values = answer.get("values")
    if not isinstance(values, list) or len(values) != rows:
        return None
    kinds = set(map(type, values))
    if not kinds <= {bool, float, type(None), list} or (float in kinds and not all(map(_finite, values))):
        return None
    return [Broken(str(v[0])) if isinstance(v, list) else v for v in values] if list in kinds else values


def _finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _started(order: Order, line: int) -> subprocess.Popen[bytes]:
    # -P: no file of the current folder stands before the standard library.
    command = [sys.executable, "-P", child.__file__, str(line), str(os.getpid())]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=_standard_error(),
            cwd=order.folder,
            pass_fds=[line],
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentFault(order.where, f"the process it runs in cannot be started: {error}") from None


def _standard_error() -> int:
    """Where the function's words go: what it prints must not stand in our own output."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2


def _end(process: subprocess.Popen[bytes], line: socket.socket, owner: int) -> None:
    line.close()
    if os.getpid() != owner:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # a process in the middle of a dead network disk cannot be killed
        process.wait(LAST_BREATH)
