"""How far a run is: rate, time left, what became of the rows. A bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import IO, Any

from winnow.pipeline.run_context import RunObserver
from winnow.storage.shard_receipt import ShardResult

LINE_INTERVAL = 5.0
"""Seconds between two plain lines."""


class ProgressReporter(RunObserver):
    """Tells a person what a run does."""

    def __init__(self, write_line: Callable[[str], None], stream: IO[str] | None = None) -> None:
        """`tell` takes what a stage says of itself at its end; what happens meanwhile goes to the stream."""
        self._write_line = write_line
        self._stream = sys.stderr if stream is None else stream
        self._bar: Any = None
        self._stage = ""
        self._shards = self._shards_done = self._rows = 0
        self._row_counts: Counter[str] = Counter()
        self._started = self._last_printed = 0.0

    def on_stage_start(self, stage: str, shards: int) -> None:
        self._close_bar()
        self._stage, self._shards, self._shards_done, self._rows = stage, shards, 0, 0
        self._row_counts = Counter()
        self._started = self._last_printed = monotonic()
        if not self._stream.isatty():
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        self._bar = Bar(console=Console(file=self._stream), transient=True)
        self._bar.start()
        self._bar.add_task(stage, total=shards or None)

    def on_shard_done(self, done: ShardResult) -> None:
        self._shards_done += 1
        self._rows += done.books.rows_in
        self._row_counts.update(keep=done.books.keep, drop=done.books.drop, reject=done.books.reject)
        now = monotonic()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._shards_done, description=self._status_line(now))
        elif now - self._last_printed >= LINE_INTERVAL:
            self._last_printed = now
            print(self._status_line(now), file=self._stream, flush=True)

    def on_stage_end(self, stage: str, message: str) -> None:
        self._close_bar()
        self._write_line(f"{stage}: {message}")

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _status_line(self, now: float) -> str:
        elapsed = max(now - self._started, 1e-9)
        left = elapsed / self._shards_done * (self._shards - self._shards_done)
        counts = ", ".join(f"{name} {count:,}" for name, count in self._row_counts.items() if count)
        rate = f"{self._rows / elapsed:,.0f} rows/s, {left:,.0f} s left"
        return f"{self._stage}: {self._shards_done:,} of {self._shards:,} shards, {rate}; {counts}"
