"""Functions that do something bad on the text "bad"; every other text passes if it is "yes". Copied to be named."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

Row = Callable[[], object]


def _each(completions: list[str], on_bad: Row) -> list[object]:
    return [on_bad() if text == "bad" else text == "yes" for text in completions]


def fine(completions: list[str]) -> list[object]:
    return _each(completions, lambda: False)


def raises(completions: list[str]) -> list[object]:
    return _each(completions, lambda: 1 / 0)


def nan(completions: list[str]) -> list[object]:
    return _each(completions, lambda: float("nan"))


def says_yes(completions: list[str]) -> list[object]:
    return _each(completions, lambda: "yes")


def too_short(completions: list[str]) -> list[object]:
    return [text == "yes" for text in completions if text != "bad"]


def returns_none(completions: list[str]) -> list[object] | None:
    return None if "bad" in completions else _each(completions, lambda: False)


def hangs(completions: list[str]) -> list[object]:
    return _each(completions, lambda: time.sleep(3600))


def hangs_in_c(completions: list[str]) -> list[object]:
    return _each(completions, lambda: re.match(r"(a+)+$", "a" * 60 + "b"))


def _hoard() -> None:
    held = []
    while True:
        held.append(bytearray(10**6))


def eats_memory(completions: list[str]) -> list[object]:
    return _each(completions, _hoard)


def segfaults(completions: list[str]) -> list[object]:
    return _each(completions, lambda: ctypes.string_at(0))


def aborts(completions: list[str]) -> list[object]:
    return _each(completions, os.abort)


def kills_itself(completions: list[str]) -> list[object]:
    return _each(completions, lambda: os.kill(os.getpid(), signal.SIGKILL))


def exits_at_once(completions: list[str]) -> list[object]:
    return _each(completions, lambda: os._exit(0))


def exits(completions: list[str]) -> list[object]:
    return _each(completions, lambda: sys.exit(0))


def _close_everything() -> None:
    os.closerange(3, 1000)
    time.sleep(3600)


def closes_everything(completions: list[str]) -> list[object]:
    return _each(completions, _close_everything)


def writes_nonsense(completions: list[str]) -> list[object]:
    return _each(completions, lambda: [os.write(fd, b"\0" * 7 + b"\3[1]") for fd in range(3, 40) if _is_open(fd)])


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return fd != 1


def reads_standard_input(completions: list[str]) -> list[object]:
    return _each(completions, input)


def needs_the_main_thread(completions: list[str]) -> list[object]:
    def ring(*_: object) -> None:
        raise TimeoutError("the alarm rang")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2 if "bad" in completions else 60)
    try:
        return _each(completions, lambda: time.sleep(3600))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def forks(completions: list[str]) -> list[object]:
    return _each(completions, lambda: os.fork() >= 0)


def always_dies(completions: list[str]) -> list[object]:
    os._exit(7)


_held: list[bytearray] = []


def leaks(completions: list[str]) -> list[object]:
    """Holds 30 MB more after each row."""
    _held.extend(bytearray(30 * 10**6) for _ in completions)
    return _each(completions, lambda: False)


def slow(completions: list[str]) -> list[object]:
    """A tenth of a second a row."""
    time.sleep(0.1 * len(completions))
    return _each(completions, lambda: False)


def prints(completions: list[str]) -> list[object]:
    print("a word of the function")
    os.system("echo a word of the shell")
    os.write(1, b"a word to file 1\n")
    return _each(completions, lambda: False)


def prints_then_dies(completions: list[str]) -> list[object]:
    print("the last word")
    os._exit(1)


def sizes(completions: list[str]) -> list[object]:
    return [float(len(completions)) for _ in completions]


def where(completions: list[str]) -> list[object]:
    return [float(os.getpid()) if threading.current_thread() is threading.main_thread() else None for _ in completions]


def same_column(completions: list[str], column: list[object]) -> list[object]:
    """Passes if the column is what the file says it is."""
    return [ascii(column) == Path("expected").read_text()] * len(completions)


def leaves_children_and_hangs(completions: list[str]) -> list[object]:
    """Writes the ids of itself and of a process it started, then never returns."""
    child = os.fork()
    if child == 0:
        time.sleep(3600)
    Path("ids").write_text(f"{os.getpid()} {child}")
    return _each(completions, lambda: time.sleep(3600))
