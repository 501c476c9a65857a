"""Every token is new in exactly one window, with enough context before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from winnow.models.windows import split_windows


@given(st.integers(0, 400), st.integers(4, 60), st.data())
def test_every_token_but_the_first_is_new_once_and_has_its_context(length: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, size // 2))
    head = data.draw(st.integers(0, 1))
    windows = list(split_windows(7, length, size, overlap, head))
    new = [at for window in windows for at in range(window.first_new, window.end)]
    assert new == list(range(1, length))
    assert all(len(window) == size for window in windows if length > size)
    assert all(window.start >= 0 and window.end <= length and window.document == 7 for window in windows)
    for window in windows[1:]:
        assert window.first_new - window.start >= min(overlap, size - head - 1)
        assert window.head == head
