"""The bytes of a file: decompression, format detection, lines and hashes, but no rows.

The expansion of compressed files and the length of lines are limited. A truncated or damaged stream is refused and
never read as a shorter file.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import pyarrow as pa

from winnow.errors import BadTable
from winnow.storage.atomic_files import translate_os_errors
from winnow.storage.locations.location import Location

BLOCK_BYTES = 1 << 22
MAX_LINE_BYTES = 1 << 26
FREE_EXPANSION_BYTES = 1 << 26
MAX_EXPANSION_RATIO = 200
HASH_BLOCK_BYTES = 1 << 20
FSYNC_BYTES = 1 << 25
"""How many new bytes of a growing file are hashed before they are forced to disk."""

SIGNATURES = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"SQLite format 3", "an SQLite database"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"%PDF", "a PDF"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a gzip file"),
    (b"(\xb5/\xfd", "a Zstandard file"),
)

FORMAT_HINTS = {
    "a zip archive": "Unpack it and name the file inside",
    "a tar archive": "Unpack it and name the file inside",
    "a 7z archive": "Unpack it and name the file inside",
    "a bzip2 file": "Decompress it first (bunzip2 FILE)",
    "an xz file": "Decompress it first (unxz FILE)",
    "a gzip file": "Give it a name that ends in .gz",
    "a Zstandard file": "Give it a name that ends in .zst",
    "nothing but zero bytes": "Fetch or write it again",
    "UTF-16 text": "Save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
    "a pickle": "winnow never loads pickles, because they run code: save the rows as Parquet or JSON Lines",
}


class ExpansionGuard(io.RawIOBase):
    """A decompressing stream that is refused when it grows out of proportion to its file."""

    def __init__(self, stream: BinaryIO, path: Location) -> None:
        self._stream = stream
        self._path = path
        self._max_bytes = max_expanded_bytes(path)
        self._bytes_read = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            block = self._stream.read(BLOCK_BYTES if size is None or size < 0 else size)
        except (EOFError, zlib.error, gzip.BadGzipFile, OSError, pa.ArrowException) as error:
            raise BadTable(str(self._path), f"is cut off or damaged ({error})", "Fetch or compress it again") from error
        self._bytes_read += len(block)
        if self._bytes_read > self._max_bytes:
            next_step = "If you trust it, decompress it first and name the decompressed file"
            raise expansion_error(self._path, f"more than {self._max_bytes >> 20} MB", next_step)
        return block

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # BufferedReader passes a memoryview
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def max_expanded_bytes(path: Location) -> int:
    """How large a file may become when it is decompressed."""
    return max(FREE_EXPANSION_BYTES, MAX_EXPANSION_RATIO * path.stat().st_size)


def expansion_error(path: Location, size: str, next_step: str) -> BadTable:
    """The error for a file that expands out of proportion to its size."""
    return BadTable(str(path), f"expands to {size}, over {MAX_EXPANSION_RATIO} times its size", next_step)


@contextmanager
def open_decompressed(path: Location) -> Iterator[IO[bytes]]:
    """Open a file for reading and decompress it if its name ends in .gz or .zst.

    Raises:
        BadTable: On reading: the stream is damaged, or expands out of proportion to its file.
        EnvironmentFault: The file cannot be opened.
    """
    with _open_raw(path) as file:
        if path.suffix.lower() == ".gz":
            yield ExpansionGuard(gzip.GzipFile(fileobj=file), path)  # type: ignore[arg-type,misc]
        elif path.suffix.lower() == ".zst":
            yield ExpansionGuard(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"), path)  # type: ignore[misc]
        else:
            yield file


@contextmanager
def _open_raw(path: Location) -> Iterator[io.BufferedReader]:
    with translate_os_errors(path, "read"):
        file = path.open("rb")
    with file:
        yield file


def format_suffix(path: Location) -> str:
    """Return the suffix that names the format: `.jsonl` for `rows.jsonl.gz`."""
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending in (".gz", ".zst") else ending


def detect_format(path: Location) -> str:
    """Detect a format by the first bytes: parquet, arrow, json, array, text, empty, or one that winnow refuses."""
    with open_decompressed(path) as stream:
        head = stream.read(512)
    for signature, format_name in SIGNATURES:
        if head.startswith(signature):
            return format_name
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head and not any(head):
        return "nothing but zero bytes"
    if len(head) > 1 and not (any(head[0:64:2]) and any(head[1:64:2])):
        return "UTF-16 text"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"{": "json", b"[": "array", b"": "empty"}.get(start, "text")


def read_line_blocks(stream: IO[bytes], path: Location) -> Iterator[list[bytes]]:
    """Yield the lines of a stream in blocks, without line ends; only newline bytes end a line, not U+2028."""
    tail = b""
    line_count = 0
    while block := stream.read(BLOCK_BYTES):
        lines = (tail + block).split(b"\n") if tail else block.split(b"\n")
        # A block is shorter than the limit, so only a line that began in an earlier block can exceed it.
        if len(lines[0]) > MAX_LINE_BYTES:
            problem = f"is longer than {MAX_LINE_BYTES >> 20} MB"
            raise BadTable(f"{path}:{line_count + 1}", problem, "Write one row per line")
        tail = lines.pop()
        line_count += len(lines)
        if lines:
            yield lines
    if tail:
        yield [tail]


def file_sha256(path: Location) -> str:
    """Return the sha256 of a file's bytes as they are stored."""
    with _open_raw(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parquet_footer_sha256(path: Location) -> str:
    """Return the sha256 of a Parquet file's size and footer: schema, row counts, and offsets and sizes of its pages.

    A rewritten file has another footer, so a change is found without reading all bytes. Flipped bits inside a page
    are not found; stores, which promise that, hash every byte.
    """
    size = path.stat().st_size
    with _open_raw(path) as file:
        file.seek(max(size - 8, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - 8 - length, 0))
        return hashlib.sha256(str(size).encode() + file.read(length)).hexdigest()


class BackgroundHasher:
    """A thread that hashes a file and forces it to disk while another thread appends to it.

    It reads back what was written. Every byte must be written before the `with` block ends; then `sha256` is complete.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._growth = threading.Semaphore(0)
        self._is_finished = False
        self._sha256 = hashlib.sha256()
        self._unsynced_bytes = 0
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._hash_until_finished, name=f"hash {path.name}", daemon=True)

    def __enter__(self) -> BackgroundHasher:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._is_finished = True
        self._growth.release()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def notify_growth(self) -> None:
        """Tell the thread that there may be new bytes."""
        self._growth.release()

    def sha256(self) -> str:
        """Return the sha256 of all bytes hashed so far, in hexadecimal."""
        return self._sha256.hexdigest()

    def _hash_until_finished(self) -> None:
        try:
            self._growth.acquire()
            with self._path.open("rb", buffering=0) as file:
                self._hash_new_bytes(file.fileno())
                while not self._is_finished:
                    self._growth.acquire()
                    self._hash_new_bytes(file.fileno())
                self._hash_new_bytes(file.fileno())
        except OSError as error:
            self._error = error

    def _hash_new_bytes(self, file_descriptor: int) -> None:
        while block := os.read(file_descriptor, HASH_BLOCK_BYTES):
            self._sha256.update(block)
            self._unsynced_bytes += len(block)
            if self._unsynced_bytes >= FSYNC_BYTES:
                os.fsync(file_descriptor)
                self._unsynced_bytes = 0
