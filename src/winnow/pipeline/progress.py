"""The progress of a run: shards done, rate, time left and what became of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import IO

from winnow.pipeline.run_context import RunObserver
from winnow.stages.progress import ProgressLine
from winnow.storage.shard_receipt import ShardResult


class ProgressReporter(RunObserver):
    """Reports the stages of a run to a person.

    Args:
        write_line: Called with the report of each finished stage.
        stream: Where progress is printed while a stage runs; stderr unless another is given.
    """

    def __init__(self, write_line: Callable[[str], None], stream: IO[str] | None = None) -> None:
        self._write_line = write_line
        self._line = ProgressLine(stream)
        self._stage = ""
        self._shards = self._shards_done = self._rows = 0
        self._row_counts: Counter[str] = Counter()

    def on_stage_start(self, stage: str, shards: int) -> None:
        self._line.restart()
        self._stage, self._shards, self._shards_done, self._rows = stage, shards, 0, 0
        self._row_counts = Counter()

    def on_shard_done(self, done: ShardResult) -> None:
        self._shards_done += 1
        self._rows += done.books.rows_in
        self._row_counts.update(keep=done.books.keep, drop=done.books.drop, reject=done.books.reject)
        self._line.update(self._status_line)

    def on_stage_end(self, stage: str, message: str) -> None:
        self._line.close()
        self._write_line(f"{stage}: {message}")

    def _status_line(self, elapsed: float) -> str:
        left = elapsed / self._shards_done * (self._shards - self._shards_done)
        counts = ", ".join(f"{name} {count:,}" for name, count in self._row_counts.items() if count)
        rate = f"{self._rows / elapsed:,.0f} rows/s, {left:,.0f} s left"
        return f"{self._stage}: {self._shards_done:,} of {self._shards:,} shards, {rate}; {counts}"
