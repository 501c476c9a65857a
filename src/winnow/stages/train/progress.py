"""What a person is told while training goes on: where it is, its loss, and how fast it goes.

On a terminal alone: elsewhere nothing is said, so that no log fills with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic

from winnow.stages.train.trainer import StepReport

SECONDS_BETWEEN_LINES = 2.0
"""Seconds between two lines of progress."""


def make_progress_printer() -> Callable[[StepReport], None]:
    """Who tells it."""
    last_printed = [monotonic()]

    def print_progress(report: StepReport) -> None:
        if sys.stderr.isatty() and monotonic() - last_printed[0] >= SECONDS_BETWEEN_LINES:
            last_printed[0] = monotonic()
            rate = f"{report.tokens_per_second:,.0f} tokens/s"
            print(f"step {report.step:,} of {report.steps:,}, loss {report.loss:.4f}, {rate}", file=sys.stderr)

    return print_progress
