"""A growing file is hashed to its last byte, and an error on the way is raised."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from winnow.storage import hashing_writer
from winnow.storage.hashing_writer import BackgroundHasher


@pytest.mark.parametrize("pieces", [[], [b""], [b"a"], [b"ab" * 700_000, b"", b"c" * 3_000_000, b"d"]])
def test_the_hash_is_that_of_the_finished_file(
    pieces: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing_writer, "FSYNC_BYTES", 1 << 20)
    path = tmp_path / "grows"
    with BackgroundHasher(path) as followed, path.open("wb", buffering=0) as file:
        for piece in pieces:
            file.write(piece)
            followed.notify_growth()
    assert followed.sha256() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_what_is_written_without_a_word_is_read_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "silent"
    with BackgroundHasher(path) as followed, path.open("wb") as file:
        followed.notify_growth()
        file.write(b"late")
    assert followed.sha256() == hashlib.sha256(b"late").hexdigest()


def test_a_file_that_cannot_be_read_back_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), BackgroundHasher(tmp_path / "never written"):
        pass


def test_the_error_of_the_work_comes_before_that_of_the_trail(tmp_path: Path) -> None:
    with pytest.raises(KeyError), BackgroundHasher(tmp_path / "never written"):
        raise KeyError("the work")
