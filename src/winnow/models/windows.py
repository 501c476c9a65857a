"""Long documents in overlapping windows: which tokens are read together, and which of them are new.

Promises: every token but the first is new in one window exactly; in each window but the first at least `overlap`
tokens stand before the first new one. All windows of a long document have one length, so that they can be read side by
side without padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Tokens [start, end) of a document, of which those from `new` on were in no window before."""

    document: int
    start: int
    end: int
    first_new: int
    head: int = 0
    """How many of the document's first tokens stand before the window: the mark a model expects at the beginning."""

    def __len__(self) -> int:
        return self.head + self.end - self.start


def split_windows(document: int, length: int, size: int, overlap: int, head: int = 0) -> Iterator[Window]:
    """The windows of a document of so many tokens, of which the first `head` are a mark of the beginning."""
    if length > 1:
        yield Window(document, 0, min(length, size), 1)
    covered = size
    while covered < length:
        end = min(covered - overlap + size - head, length)
        yield Window(document, end - (size - head), end, covered, head)
        covered = end
