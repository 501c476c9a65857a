"""The worker: a process that loads one function, answers calls for it, and can be killed at any moment.

Started as a file by worker.py; imports little, because it is started again after every death. Requests come from
the process that started it, as Python values; answers go back as JSON, because that process shall run nothing a
verifier made. What the function prints goes to standard error, and it finds standard input empty.

Promises: it dies with the process that started it (on Linux also in the middle of a call), holds no more memory than
it was told (on Linux) and leaves no core file. The function runs in the main thread.
It does not measure time, split calls or decide what a death means.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import struct
import sys
from array import array
from typing import TYPE_CHECKING, NoReturn, cast

if TYPE_CHECKING:
    from winnow.verifiers.user_functions import Function, Value

LENGTH_PREFIX = struct.Struct("!Q")
"""What stands before each message: its length."""
FLOATS_PREFIX = b"floats:"
MAX_REASON_LENGTH = 160
"""Characters of a reason: an answer has to fit into the line while the next call is being sent."""
OUT_OF_MEMORY = json.dumps({"out_of_memory": True}).encode()
PR_SET_PDEATHSIG = 1  # PR_SET_PDEATHSIG of Linux


def main() -> None:
    """Load what the first message names, then answer calls until the other end is closed."""
    socket_fd, parent = int(sys.argv[1]), int(sys.argv[2])
    _die_with_parent(parent)
    spec = json.loads(_receive(socket_fd))
    sys.path[:] = spec["sys_path"]
    _set_limit("RLIMIT_CORE", 0)
    _set_limit("RLIMIT_DATA", spec["memory"])
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed outlives a crash
    try:
        _answer_calls(socket_fd, _load_function(socket_fd, spec["path"], spec["where"]))
    except MemoryError:
        _report_out_of_memory(socket_fd)


def _die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _set_limit(name: str, limit: int) -> None:
    import resource  # not at the top, because the other end reads this file too, on machines that lack it

    resource_kind = getattr(resource, name)
    _, hard = resource.getrlimit(resource_kind)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource_kind, (limit, limit))


def _load_function(socket_fd: int, path: str, where: str) -> Function:
    """The function, and word of what it asks for; or the reason why it cannot be had."""
    from winnow.errors import UsageError
    from winnow.verifiers.dotted_path import load
    from winnow.verifiers.user_functions import RequestedColumns, check_callable

    try:
        loaded = load(path, where)
        check_callable(loaded.target, where)
        function: Function = loaded.target  # type: ignore[assignment]
        columns = RequestedColumns.from_function(function, where)
    except UsageError as error:
        _send(socket_fd, json.dumps({"refused": [error.where, error.problem, error.next_step]}).encode())
        _wait_for_end(socket_fd)
    _send(
        socket_fd,
        json.dumps(
            {"sha256": loaded.sha256, "asks": [columns.required, columns.optional, columns.accepts_any]}
        ).encode(),
    )
    return function


def _answer_calls(socket_fd: int, function: Function) -> NoReturn:
    from winnow.verifiers.dotted_path import current_folder_first
    from winnow.verifiers.user_functions import evaluate_rows

    def call_function(**arguments: list[object]) -> object:
        try:
            return function(**arguments)
        except MemoryError:  # not an error of this call alone: whoever holds the memory may be an earlier row
            _report_out_of_memory(socket_fd)

    own_pid = os.getpid()
    with current_folder_first():
        while True:
            try:
                rows, arguments = pickle.loads(_receive(socket_fd))  # noqa: S301  # from the process that started this one
            except (ImportError, AttributeError, TypeError, ValueError, pickle.UnpicklingError) as error:
                _send(socket_fd, json.dumps({"unreadable": f"{type(error).__name__}: {error}"}).encode())
                continue
            row_values = evaluate_rows(call_function, arguments, range(rows))
            if os.getpid() != own_pid:
                os._exit(0)  # the function forked and came back twice: one answer is enough
            _send(socket_fd, _encode_values(row_values))


def _encode_values(row_values: list[Value]) -> bytes:
    """Values as JSON, in which a reason stands in a list; or as `FLOATS` and nothing but numbers."""
    if set(map(type, row_values)) == {float}:
        return FLOATS_PREFIX + array("d", cast("list[float]", row_values)).tobytes()
    return json.dumps({"values": row_values}, default=lambda broken: [broken.reason[:MAX_REASON_LENGTH]]).encode()


def _report_out_of_memory(socket_fd: int) -> NoReturn:
    _send(socket_fd, OUT_OF_MEMORY)
    _wait_for_end(socket_fd)


def _wait_for_end(socket_fd: int) -> NoReturn:
    while True:
        _receive(socket_fd)


def _receive(socket_fd: int) -> bytearray:
    (size,) = LENGTH_PREFIX.unpack(_receive_exactly(socket_fd, LENGTH_PREFIX.size))
    return _receive_exactly(socket_fd, size)


def _receive_exactly(socket_fd: int, size: int) -> bytearray:
    message = bytearray(size)
    remaining = memoryview(message)
    while remaining:
        count = os.readv(socket_fd, [remaining])
        if not count:
            os.killpg(0, signal.SIGKILL)  # the other end is gone: with all that the function started
        remaining = remaining[count:]
    return message


def _send(socket_fd: int, message: bytes) -> None:
    remaining = memoryview(LENGTH_PREFIX.pack(len(message)) + message)
    while remaining:
        remaining = remaining[os.write(socket_fd, remaining) :]


if __name__ == "__main__":
    main()
