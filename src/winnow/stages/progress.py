"""Progress of long work: one line that is rewritten on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import IO

TERMINAL_INTERVAL, PLAIN_INTERVAL = 0.5, 5.0
"""Seconds between two lines."""


class ProgressLine:
    """Prints progress on a stream, stderr unless another is given, not more often than the interval allows.

    Args:
        stream: Where to print.
        plain: Whether to print where the stream is no terminal.
    """

    def __init__(self, stream: IO[str] | None = None, *, plain: bool = True) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._interval = TERMINAL_INTERVAL if self._is_terminal else PLAIN_INTERVAL if plain else float("inf")
        self._is_open = False
        self.restart()

    def restart(self) -> None:
        """Start measuring time anew, for the next piece of work."""
        self.close()
        self._started = self._printed = monotonic()

    def update(self, describe: Callable[[float], str]) -> None:
        """Print a line if the last one is old enough; `describe` is given the seconds since the start."""
        now = monotonic()
        if now - self._printed < self._interval:
            return
        self._printed = now
        line = describe(max(now - self._started, 1e-9))
        if self._is_terminal:
            print(f"\r\x1b[K{line}", end="", file=self._stream, flush=True)
            self._is_open = True
        else:
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """End the line on a terminal, so that what follows starts on a new one."""
        if self._is_open:
            print(file=self._stream)
            self._is_open = False
