"""Overlapping windows of long documents: which tokens are read together, and which of them are new.

Every token but the first is new in exactly one window, with at least `overlap` tokens before it in all windows but the
first. All windows of a long document have the same length, so that they can be batched without padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """The tokens [start, end) of a document, of which those from `first_new` on are in no earlier window.

    Attributes:
        head: The number of tokens from the start of the document that precede the window, such as a begin token.
    """

    document: int
    start: int
    end: int
    first_new: int
    head: int = 0

    def __len__(self) -> int:
        return self.head + self.end - self.start


def split_windows(document: int, length: int, size: int, overlap: int, head: int = 0) -> Iterator[Window]:
    """Split a document of `length` tokens, of which the first `head` are a begin token, into windows of `size`."""
    if length > 1:
        yield Window(document, 0, min(length, size), 1)
    covered = size
    while covered < length:
        end = min(covered - overlap + size - head, length)
        yield Window(document, end - (size - head), end, covered, head)
        covered = end
