"""A worker process that runs one function, seen from the parent process: start it, call it, end it.

Whatever the worker does (crash, exit, hang, write nonsense), a call returns within its time limit, with a value per row
or a `WorkerDeath`. A worker is ended with its whole process group; a process that the function moved into another group
stays alive.
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
from winnow.verifiers.user_functions import (
    ColumnLists,
    InvalidValue,
    LoadedFunction,
    RequestedColumns,
    Value,
    take_rows,
)

IMPORT_TIMEOUT = 300.0
"""In seconds, for the import of the module of the function."""
MAX_ANSWER_BYTES = 1 << 26
"""Our side of the protocol never sends longer answers."""
MIN_TIMEOUT = 1e-3
"""In seconds; a socket timeout of 0 would mean not to wait at all."""
MALFORMED_ANSWER = "answered with something other than values"
EXIT_TIMEOUT = 2.0
"""In seconds, for a process that closed its socket to exit."""


@dataclass(frozen=True)
class WorkerSpec:
    """Which function to run, and under which limits.

    Attributes:
        path: The dotted path of the function.
        where: The argument that errors name.
        folder: The current folder when the verifier was made.
    """

    path: str
    where: str
    folder: str
    seconds: float
    memory_gb: float


@dataclass(frozen=True)
class WorkerDeath:
    """Why a worker is gone."""

    reason: str
    timed_out: bool = False
    out_of_memory: bool = False


class FunctionWorker:
    """A running process that has loaded the function; `end` ends it, as do garbage collection and the exit."""

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
        """Whether the worker is alive and was started by this process, not by one that this was forked from."""
        return self.end.alive and self._owner == os.getpid() and self._process.poll() is None

    def evaluate_rows(
        self, arguments: ColumnLists, rows: Sequence[int], call_rows: int
    ) -> tuple[list[Value], WorkerDeath | None]:
        """Return the values of the rows, in calls of at most `call_rows`; fewer values if the worker died."""
        values: list[Value] = []
        sent = 0
        try:
            while len(values) < len(rows):
                # One call more than is awaited is sent, so that the worker always has work.
                next_rows = rows[sent : len(values) + 2 * call_rows]
                calls = [next_rows[i : i + call_rows] for i in range(0, len(next_rows), call_rows)]
                answer = self._exchange([self._request(arguments, call) for call in calls], self._spec.seconds)
                sent += len(next_rows)
                if isinstance(answer, WorkerDeath):
                    return values, answer
                if "unreadable" in answer:
                    raise self._pickling_error(str(answer["unreadable"]))
                call_values = _parse_values(answer, min(call_rows, len(rows) - len(values)))
                if call_values is None:
                    return values, WorkerDeath(MALFORMED_ANSWER)
                values += call_values
            return values, None
        finally:
            if len(values) < len(rows):
                self.end()  # it may still send answers, which the next caller would take for its own

    def _request(self, arguments: ColumnLists, rows: Sequence[int]) -> bytes:
        columns = {name: take_rows(column, rows) for name, column in arguments.items()}
        try:
            return pickle.dumps((len(rows), columns), protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise self._pickling_error(f"{type(error).__name__}: {error}") from None

    def _load(self) -> LoadedFunction:
        spec = self._spec
        # An empty entry means the current folder, whose files would come before the standard library.
        sys_path = [entry for entry in sys.path if entry]
        memory = int(spec.memory_gb * 10**9)
        first = {"path": spec.path, "where": spec.where, "memory": memory, "sys_path": sys_path}
        answer = self._exchange([json.dumps(first).encode()], IMPORT_TIMEOUT)
        if isinstance(answer, WorkerDeath):
            problem = f"cannot import {spec.path.rpartition(':')[0] or spec.path}: the import {answer.reason}"
            raise UsageError(spec.where, problem, "Raise memory_gb" if answer.out_of_memory else "")
        if "refused" in answer:
            self.end()
            raise UsageError(*answer["refused"])
        required, optional, accepts_any = answer["columns"]
        return LoadedFunction(answer["sha256"], RequestedColumns(tuple(required), tuple(optional), accepts_any))

    def _exchange(self, messages: list[bytes], seconds: float) -> dict[str, Any] | WorkerDeath:
        """Send messages and receive one; a worker that does not answer is ended, also on Ctrl-C."""
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
        """Describe how a process ended that has closed its socket."""
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
        problem = f"a column holds values that cannot be sent to the process of the function ({format_value(reason)})"
        step = "In Python, pass the function itself, which then runs in the same process"
        return UsageError(self._spec.where, problem, step)


def _decode_answer(answer: bytearray) -> dict[str, Any]:
    if answer.startswith(child.FLOATS_PREFIX):
        return {"values": array("d", answer[len(child.FLOATS_PREFIX) :]).tolist()}
    content = json.loads(answer)
    if not isinstance(content, dict):
        raise ValueError
    return content


def _parse_values(answer: dict[str, Any], rows: int) -> list[Value] | None:
    """Return the values of an answer, or None if child.py would not have sent it."""
    values = answer.get("values")
    if not isinstance(values, list) or len(values) != rows:
        return None
    kinds = set(map(type, values))
    if not kinds <= {bool, float, type(None), list}:
        return None
    if float in kinds and not all(math.isfinite(value) for value in values if isinstance(value, float)):
        return None
    return [InvalidValue(str(v[0])) if isinstance(v, list) else v for v in values] if list in kinds else values


def _start_process(spec: WorkerSpec, socket_fd: int) -> subprocess.Popen[bytes]:
    # -P keeps files of the current folder from coming before the standard library.
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
        raise EnvironmentFault(spec.where, f"the process of the function cannot be started: {error}") from None


def _stderr_target() -> int:
    """Standard error, so that what the function prints does not get into our output; nowhere if it is closed."""
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
    with suppress(subprocess.TimeoutExpired):  # a process that waits for a dead network disk cannot be killed
        process.wait(EXIT_TIMEOUT)
