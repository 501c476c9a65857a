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
    from winnow.verifiers.functions import Function, Value

SIZE = struct.Struct("!Q")
"""What stands before each message: its length."""
FLOATS = b"floats:"
LONGEST = 160
"""Characters of a reason: an answer has to fit into the line while the next call is being sent."""
OUT_OF_MEMORY = json.dumps({"out_of_memory": True}).encode()
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux


def main() -> None:
    """Load what the first message names, then answer calls until the other end is closed."""
    line, parent = int(sys.argv[1]), int(sys.argv[2])
    _die_with(parent)
    order = json.loads(_received(line))
    sys.path[:] = order["sys_path"]
    _bound("RLIMIT_CORE", 0)
    _bound("RLIMIT_DATA", order["memory"])
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed outlives a crash
    try:
        _serve(line, _loaded(line, order["path"], order["where"]))
    except MemoryError:
        _out_of_memory(line)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _bound(name: str, most: int) -> None:
    import resource  # not at the top, because the other end reads this file too, on machines that lack it

    what = getattr(resource, name)
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _loaded(line: int, path: str, where: str) -> Function:
    """The function, and word of what it asks for; or the reason why it cannot be had."""
    from winnow.data.errors import UsageError
    from winnow.verifiers.dotted import load
    from winnow.verifiers.functions import Asks, refuse_unfit

    try:
        found = load(path, where)
        refuse_unfit(found.target, where)
        function: Function = found.target  # type: ignore[assignment]
        asks = Asks.of(function, where)
    except UsageError as error:
        _send(line, json.dumps({"refused": [error.where, error.problem, error.next_step]}).encode())
        _wait_to_be_ended(line)
    _send(line, json.dumps({"sha256": found.sha256, "asks": [asks.needed, asks.welcome, asks.everything]}).encode())
    return function


def _serve(line: int, function: Function) -> NoReturn:
    from winnow.verifiers.dotted import current_folder_first
    from winnow.verifiers.functions import values

    def bounded(**arguments: list[object]) -> object:
        try:
            return function(**arguments)
        except MemoryError:  # not an error of this call alone: whoever holds the memory may be an earlier row
            _out_of_memory(line)

    own = os.getpid()
    with current_folder_first():
        while True:
            try:
                rows, arguments = pickle.loads(_received(line))  # noqa: S301  # from the process that started this one
            except (ImportError, AttributeError, TypeError, ValueError, pickle.UnpicklingError) as error:
                _send(line, json.dumps({"unreadable": f"{type(error).__name__}: {error}"}).encode())
                continue
            said = values(bounded, arguments, range(rows))
            if os.getpid() != own:
                os._exit(0)  # the function forked and came back twice: one answer is enough
            _send(line, _spelled(said))


def _spelled(said: list[Value]) -> bytes:
    """Values as JSON, in which a reason stands in a list; or as `FLOATS` and nothing but numbers."""
    if set(map(type, said)) == {float}:
        return FLOATS + array("d", cast("list[float]", said)).tobytes()
    return json.dumps({"values": said}, default=lambda broken: [broken.reason[:LONGEST]]).encode()


def _out_of_memory(line: int) -> NoReturn:
    _send(line, OUT_OF_MEMORY)
    _wait_to_be_ended(line)


def _wait_to_be_ended(line: int) -> NoReturn:
    while True:
        _received(line)


def _received(line: int) -> bytearray:
    (size,) = SIZE.unpack(_exactly(line, SIZE.size))
    return _exactly(line, size)


def _exactly(line: int, size: int) -> bytearray:
    message = bytearray(size)
    left = memoryview(message)
    while left:
        count = os.readv(line, [left])
        if not count:
            os.killpg(0, signal.SIGKILL)  # the other end is gone: with all that the function started
        left = left[count:]
    return message


def _send(line: int, message: bytes) -> None:
    left = memoryview(SIZE.pack(len(message)) + message)
    while left:
        left = left[os.write(line, left) :]


if __name__ == "__main__":
    main()
