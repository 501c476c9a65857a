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

from winnow.errors import EnvironmentFault, UsageError, format_value
from winnow.verifiers.isolated import child
from winnow.verifiers.user_functions import ColumnLists, InvalidValue, RequestedColumns, Value, take_rows

DEFAULT_SECONDS = 60.0
DEFAULT_MEMORY_GB = 4.0
IMPORT_TIMEOUT = 300.0
"""Seconds a module may take to be imported."""
MAX_ANSWER_BYTES = 1 << 26
"""Bytes of an answer; a longer one is none of ours."""
MIN_TIMEOUT = 1e-3
"""Seconds waited for what should be there already; 0 would mean not to wait at all."""
MALFORMED_ANSWER = "answered with something else than values"
EXIT_TIMEOUT = 2.0
"""Seconds that a process which closed its end has to say how it died."""


@dataclass(frozen=True, kw_only=True)
class WorkerSpec:
    """Which function to run, and under which limits."""

    path: str
    where: str  # the argument an error points at
    folder: str  # the current folder when the verifier was made
    seconds: float = DEFAULT_SECONDS
    memory_gb: float = DEFAULT_MEMORY_GB


@dataclass(frozen=True)
class LoadedFunction:
    """What a worker says of its function."""

    sha256: str | None
    columns: RequestedColumns


@dataclass(frozen=True)
class WorkerDeath:
    """The worker is gone; `late` if it was ended for taking too long, `greedy` if for too much memory."""

    reason: str
    timed_out: bool = False
    out_of_memory: bool = False


class FunctionWorker:
    """A running process; `loaded` says what it runs."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._owner = os.getpid()
        self._socket, child_socket = socket.socketpair()
        with ExitStack() as unless_started, child_socket:
            unless_started.callback(self._socket.close)
            self._process = _start_process(spec, child_socket.fileno())
            unless_started.pop_all()
        self.end = weakref.finalize(self, _end_process, self._process, self._socket, self._owner)
        self.loaded = self._load()

    def is_ready(self) -> bool:
        """Whether it lives, and was started by this very process and not by one this was forked from."""
        return self.end.alive and self._owner == os.getpid() and self._process.poll() is None

    def evaluate_rows(
        self, arguments: ColumnLists, rows: Sequence[int], call_rows: int
    ) -> tuple[list[Value], WorkerDeath | None]:
        """What the function says of these rows, in calls of at most `most`; short if it died in the call after."""
        received_values: list[Value] = []
        try:
            return received_values, self._evaluate_in_calls(arguments, rows, call_rows, received_values)
        finally:
            if len(received_values) < len(rows):
                self.end()  # it may owe answers, which the next to ask would take for theirs

    def _evaluate_in_calls(
        self, arguments: ColumnLists, rows: Sequence[int], call_rows: int, received_values: list[Value]
    ) -> WorkerDeath | None:
        sent = 0
        while len(received_values) < len(rows):
            next_rows = rows[
                sent : len(received_values) + 2 * call_rows
            ]  # one call more than is waited for, so that it has work
            requests = [
                self._request(arguments, next_rows[i : i + call_rows]) for i in range(0, len(next_rows), call_rows)
            ]
            answer = self._exchange(requests, self._spec.seconds)
            sent += len(next_rows)
            if isinstance(answer, WorkerDeath):
                return answer
            if "unreadable" in answer:
                raise self._pickling_error(str(answer["unreadable"]))
            values = _parse_values(answer, min(call_rows, len(rows) - len(received_values)))
            if values is None:
                return WorkerDeath(MALFORMED_ANSWER)
            received_values += values
        return None

    def _request(self, arguments: ColumnLists, rows: Sequence[int]) -> bytes:
        columns = {name: take_rows(column, rows) for name, column in arguments.items()}
        try:
            return pickle.dumps((len(rows), columns), protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise self._pickling_error(f"{type(error).__name__}: {error}") from None

    def _load(self) -> LoadedFunction:
        spec = self._spec
        first = {"path": spec.path, "where": spec.where, "memory": int(spec.memory_gb * 10**9)}
        # An empty entry means the current folder, whose files would stand before the standard library.
        message = json.dumps({**first, "sys_path": [entry for entry in sys.path if entry]}).encode()
        answer = self._exchange([message], IMPORT_TIMEOUT)
        if isinstance(answer, WorkerDeath):
            problem = f"cannot import {spec.path.rpartition(':')[0] or spec.path}: it {answer.reason}"
            raise UsageError(spec.where, problem, "Allow it more memory_gb" if answer.out_of_memory else "")
        if "refused" in answer:
            self.end()
            raise UsageError(*answer["refused"])
        required, optional, accepts_any = answer["asks"]
        return LoadedFunction(answer["sha256"], RequestedColumns(tuple(required), tuple(optional), accepts_any))

    def _exchange(self, messages: list[bytes], seconds: float) -> dict[str, Any] | WorkerDeath:
        """Send these, if any, and receive one; a worker that does not answer is ended, and so it is by Ctrl-C."""
        deadline = time.monotonic() + seconds
        answer: dict[str, Any] | None = None
        try:
            for message in messages:
                self._send(message, deadline)
            answer = _decode_answer(self._receive(deadline))
        except TimeoutError:
            return WorkerDeath(f"took longer than {seconds:g} s", timed_out=True)
        except ValueError:
            return WorkerDeath(MALFORMED_ANSWER)
        except OSError:
            return WorkerDeath(self._exit_reason())
        finally:
            if answer is None:
                self.end()
        if "out_of_memory" in answer:
            self.end()
            return WorkerDeath(f"ran out of memory (limit {self._spec.memory_gb:g} GB)", out_of_memory=True)
        return answer

    def _exit_reason(self) -> str:
        """How a process ended whose end of the line is closed."""
        try:
            code = self._process.wait(EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            return "stopped answering"
        return f"killed its worker (signal {-code})" if code < 0 else f"ended its worker (exit code {code})"

    def _send(self, message: bytes, deadline: float) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), MIN_TIMEOUT))
        self._socket.sendall(child.LENGTH_PREFIX.pack(len(message)) + message)

    def _receive(self, deadline: float) -> bytearray:
        (size,) = child.LENGTH_PREFIX.unpack(self._receive_exactly(child.LENGTH_PREFIX.size, deadline))
        if size > MAX_ANSWER_BYTES:
            raise ValueError
        return self._receive_exactly(size, deadline)

    def _receive_exactly(self, size: int, deadline: float) -> bytearray:
        message = bytearray(size)
        remaining = memoryview(message)
        while remaining:
            self._socket.settimeout(max(deadline - time.monotonic(), MIN_TIMEOUT))
            count = self._socket.recv_into(remaining)
            if not count:
                raise ConnectionError
            remaining = remaining[count:]
        return message

    def _pickling_error(self, reason: str) -> UsageError:
        problem = f"a column holds values that cannot be handed to the process it runs in ({format_value(reason)})"
        return UsageError(self._spec.where, problem, "In Python, give the function itself: it then runs in yours")


def _decode_answer(answer: bytearray) -> dict[str, Any]:
    if answer.startswith(child.FLOATS_PREFIX):
        return {"values": array("d", answer[len(child.FLOATS_PREFIX) :]).tolist()}
    content = json.loads(answer)
    if not isinstance(content, dict):
        raise ValueError
    return content


def _parse_values(answer: dict[str, Any], rows: int) -> list[Value] | None:
    """The values of an answer; none if it is not what our own end of the line would have sent."""
    values = answer.get("values")
    if not isinstance(values, list) or len(values) != rows:
        return None
    kinds = set(map(type, values))
    if not kinds <= {bool, float, type(None), list} or (float in kinds and not all(map(_is_finite, values))):
        return None
    return [InvalidValue(str(v[0])) if isinstance(v, list) else v for v in values] if list in kinds else values


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _start_process(spec: WorkerSpec, socket_fd: int) -> subprocess.Popen[bytes]:
    # -P: no file of the current folder stands before the standard library.
    command = [sys.executable, "-P", child.__file__, str(socket_fd), str(os.getpid())]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=_stderr_target(),
            cwd=spec.folder,
            pass_fds=[socket_fd],
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentFault(spec.where, f"the process it runs in cannot be started: {error}") from None


def _stderr_target() -> int:
    """Where the function's words go: what it prints must not stand in our own output."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2


def _end_process(process: subprocess.Popen[bytes], connection: socket.socket, owner: int) -> None:
    connection.close()
    if os.getpid() != owner:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # a process in the middle of a dead network disk cannot be killed
        process.wait(EXIT_TIMEOUT)
