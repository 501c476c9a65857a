"""What a person is told while training goes on: where it is, its loss, and how fast it goes.

On a terminal alone: elsewhere nothing is said, so that no log fills with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic

from winnow.stages.train.fit import Seen

EVERY = 2.0
"""Seconds between two lines of progress."""


def told() -> Callable[[Seen], None]:
    """Who tells it."""
    last = [monotonic()]

    def tell(seen: Seen) -> None:
        if sys.stderr.isatty() and monotonic() - last[0] >= EVERY:
            last[0] = monotonic()
            rate = f"{seen.tokens_per_second:,.0f} tokens/s"
            print(f"step {seen.step:,} of {seen.steps:,}, loss {seen.loss:.4f}, {rate}", file=sys.stderr)

    return tell
