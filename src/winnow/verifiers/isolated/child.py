"""The program of a worker process: it loads one function and answers calls for it.

worker.py starts this file again after every death, so it imports little. Requests arrive pickled from the parent;
answers are JSON, so that the parent runs no code that a function produced. The process dies with its parent (on Linux
even during a call), respects its memory limit (on Linux) and writes no core file. What the function prints goes to
standard error.
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
"""The length of a message, which precedes it."""
FLOATS_PREFIX = b"floats:"
MAX_REASON_LENGTH = 160
"""In characters: an answer must fit into the socket buffer while the next call is being sent."""
OUT_OF_MEMORY = json.dumps({"out_of_memory": True}).encode()
"""Encoded beforehand, while there is memory."""
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Load the function that the first message names, then answer calls until the socket is closed."""
    socket_fd, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent)
    spec = json.loads(_receive(socket_fd))
    sys.path[:] = spec["sys_path"]
    _set_limit("RLIMIT_CORE", 0)
    _set_limit("RLIMIT_DATA", spec["memory"])
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # so that printed lines outlive a crash
    try:
        _answer_calls(socket_fd, _load_function(socket_fd, spec["path"], spec["where"]))
    except MemoryError:
        _send_last(socket_fd, OUT_OF_MEMORY)


def die_with_parent(parent: int) -> None:
    """Make the system kill this process when its parent, which has this process id, ends."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _set_limit(name: str, limit: int) -> None:
    import resource  # not at the top, because the parent imports this file too, also where the module is missing

    resource_kind = getattr(resource, name)
    _, hard = resource.getrlimit(resource_kind)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource_kind, (limit, limit))


def _load_function(socket_fd: int, path: str, where: str) -> Function:
    """Load the function and report its columns, or report why it cannot be loaded and wait for the end."""
    from winnow.errors import UsageError
    from winnow.verifiers.dotted_path import load
    from winnow.verifiers.user_functions import RequestedColumns, check_callable

    try:
        loaded = load(path, where)
        check_callable(loaded.target, where)
        function: Function = loaded.target  # type: ignore[assignment]
        columns = RequestedColumns.from_function(function, where)
    except UsageError as error:
        _send_last(socket_fd, json.dumps({"refused": [error.where, error.problem, error.next_step]}).encode())
    column_names = [columns.required, columns.optional, columns.accepts_any]
    _send(socket_fd, json.dumps({"sha256": loaded.sha256, "columns": column_names}).encode())
    return function


def _answer_calls(socket_fd: int, function: Function) -> NoReturn:
    from winnow.verifiers.dotted_path import current_folder_first
    from winnow.verifiers.user_functions import evaluate_rows

    def call_function(**arguments: list[object]) -> object:
        try:
            return function(**arguments)
        except MemoryError:  # not an error of this call alone, because an earlier row may hold the memory
            _send_last(socket_fd, OUT_OF_MEMORY)

    own_pid = os.getpid()
    with current_folder_first():
        while True:
            try:
                rows, arguments = pickle.loads(_receive(socket_fd))  # noqa: S301  # from the parent process
            except (ImportError, AttributeError, TypeError, ValueError, pickle.UnpicklingError) as error:
                _send(socket_fd, json.dumps({"unreadable": f"{type(error).__name__}: {error}"}).encode())
                continue
            row_values = evaluate_rows(call_function, arguments, range(rows))
            if os.getpid() != own_pid:
                os._exit(0)  # the function forked and returned twice, but only one answer is expected
            _send(socket_fd, _encode_values(row_values))


def _encode_values(row_values: list[Value]) -> bytes:
    """Encode values as JSON, in which a reason is wrapped in a list, or as `FLOATS_PREFIX` and the numbers."""
    if set(map(type, row_values)) == {float}:
        return FLOATS_PREFIX + array("d", cast("list[float]", row_values)).tobytes()
    return json.dumps({"values": row_values}, default=lambda invalid: [invalid.reason[:MAX_REASON_LENGTH]]).encode()


def _send_last(socket_fd: int, message: bytes) -> NoReturn:
    """Send why no more calls are answered, and wait until the parent ends this process."""
    _send(socket_fd, message)
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
            os.killpg(0, signal.SIGKILL)  # the parent is gone; this also ends what the function started
        remaining = remaining[count:]
    return message


def _send(socket_fd: int, message: bytes) -> None:
    remaining = memoryview(LENGTH_PREFIX.pack(len(message)) + message)
    while remaining:
        remaining = remaining[os.write(socket_fd, remaining) :]


if __name__ == "__main__":
    main()
