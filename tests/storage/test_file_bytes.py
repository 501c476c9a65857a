"""A file that grows is hashed to its last byte, and errors of the hashing thread are raised."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from winnow.storage import file_bytes
from winnow.storage.file_bytes import BackgroundHasher


@pytest.mark.parametrize("pieces", [[], [b""], [b"a"], [b"ab" * 700_000, b"", b"c" * 3_000_000, b"d"]])
def test_the_sha256_is_that_of_the_finished_file(
    pieces: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_bytes, "FSYNC_BYTES", 1 << 20)
    path = tmp_path / "growing"
    with BackgroundHasher(path) as hasher, path.open("wb", buffering=0) as file:
        for piece in pieces:
            file.write(piece)
            hasher.notify_growth()
    assert hasher.sha256() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_bytes_written_after_the_last_notification_are_hashed(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    with BackgroundHasher(path) as hasher, path.open("wb") as file:
        hasher.notify_growth()
        file.write(b"late")
    assert hasher.sha256() == hashlib.sha256(b"late").hexdigest()


def test_a_file_that_cannot_be_read_back_raises_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), BackgroundHasher(tmp_path / "never written"):
        pass


def test_an_error_of_the_writer_takes_precedence_over_one_of_the_hasher(tmp_path: Path) -> None:
    with pytest.raises(KeyError), BackgroundHasher(tmp_path / "never written"):
        raise KeyError("the writer failed")
