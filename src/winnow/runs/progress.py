"""How far a run is: rate, time left, what became of the rows. A bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import IO, Any

from winnow.data.stores.shards.done import Done
from winnow.runs.under_way import Watcher

EVERY = 5.0
"""Seconds between two plain lines."""


class Progress(Watcher):
    """Tells a person what a run does."""

    def __init__(self, tell: Callable[[str], None], stream: IO[str] | None = None) -> None:
        """`tell` takes what a stage says of itself at its end; what happens meanwhile goes to the stream."""
        self._tell = tell
        self._stream = sys.stderr if stream is None else stream
        self._bar: Any = None
        self._stage = ""
        self._shards = self._done = self._rows = 0
        self._books: Counter[str] = Counter()
        self._began = self._told = 0.0

    def begins(self, stage: str, shards: int) -> None:
        self._end_bar()
        self._stage, self._shards, self._done, self._rows = stage, shards, 0, 0
        self._books = Counter()
        self._began = self._told = monotonic()
        if not self._stream.isatty():
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        self._bar = Bar(console=Console(file=self._stream), transient=True)
        self._bar.start()
        self._bar.add_task(stage, total=shards or None)

    def shard(self, done: Done) -> None:
        self._done += 1
        self._rows += done.books.rows_in
        self._books.update(keep=done.books.keep, drop=done.books.drop, reject=done.books.reject)
        now = monotonic()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, description=self._words(now))
        elif now - self._told >= EVERY:
            self._told = now
            print(self._words(now), file=self._stream, flush=True)

    def ends(self, stage: str, words: str) -> None:
        self._end_bar()
        self._tell(f"{stage}: {words}")

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _words(self, now: float) -> str:
        spent = max(now - self._began, 1e-9)
        left = spent / self._done * (self._shards - self._done)
        books = ", ".join(f"{name} {count:,}" for name, count in self._books.items() if count)
        rate = f"{self._rows / spent:,.0f} rows/s, {left:,.0f} s left"
        return f"{self._stage}: {self._done:,} of {self._shards:,} shards, {rate}; {books}"
