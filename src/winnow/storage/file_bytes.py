"""Bytes of a file: opened, decompressed, recognized, and kept within limits.

Promises: a compressed file cannot expand without bound, a line cannot be endless, a truncated or damaged
stream is refused and never read as a shorter file. Knows nothing of rows.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import pyarrow as pa

from winnow.errors import BadTable, EnvironmentFault
from winnow.storage.locations.location import Location

BLOCK_BYTES = 1 << 22
MAX_LINE_BYTES = 1 << 26
FREE_EXPANSION_BYTES = 1 << 26
MAX_EXPANSION_RATIO = 200

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
    """A decompressing stream that stops when it grows beyond all proportion to its file."""

    def __init__(self, stream: BinaryIO, path: Location) -> None:
        self._stream = stream
        self._path = path
        self._max_bytes = max(FREE_EXPANSION_BYTES, MAX_EXPANSION_RATIO * path.stat().st_size)
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
            raise BadTable(
                str(self._path),
                f"expands to more than {self._max_bytes >> 20} MB, over {MAX_EXPANSION_RATIO} times its size",
                "If you trust it, decompress it first and name the decompressed file",
            )
        return block

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # BufferedReader hands a memoryview
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def open_decompressed(path: Location) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a file, guarded."""
    with _open_raw(path) as file:
        if path.suffix.lower() == ".gz":
            yield ExpansionGuard(gzip.GzipFile(fileobj=file), path)  # type: ignore[arg-type,misc]
        elif path.suffix.lower() == ".zst":
            yield ExpansionGuard(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"), path)  # type: ignore[misc]
        else:
            yield file


@contextmanager
def _open_raw(path: Location) -> Iterator[io.BufferedReader]:
    try:
        file = path.open("rb")
    except OSError as error:
        problem = f"could not be read ({error.strerror or error})"
        raise EnvironmentFault(str(path), problem, "Check the path and its permissions") from error
    with file:
        yield file


def format_suffix(path: Location) -> str:
    """The ending that tells the format: `.jsonl` of `rows.jsonl.gz`."""
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending in (".gz", ".zst") else ending


def detect_format(path: Location) -> str:
    """What the first bytes say this is: parquet, arrow, json, text or something refused by name."""
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
    """Lines split at newline bytes only (never at U+2028 and its like), without their ends, block by block."""
    tail = b""
    line_count = 0
    while block := stream.read(BLOCK_BYTES):
        lines = (tail + block).split(b"\n") if tail else block.split(b"\n")
        # Blocks are shorter than the limit, so only what began before this one can be over it.
        if len(lines[0]) > MAX_LINE_BYTES:
            problem = f"is longer than {MAX_LINE_BYTES >> 20} MB"
            raise BadTable(f"{path}:{line_count + 1}", problem, "Write one row a line")
        tail = lines.pop()
        line_count += len(lines)
        if lines:
            yield lines
    if tail:
        yield [tail]


def file_sha256(path: Location) -> str:
    """sha256 of the bytes on disk."""
    with _open_raw(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parquet_footer_sha256(path: Location) -> str:
    """sha256 of a Parquet file's size and footer: schema, row counts, offsets, sizes and statistics of every page.

    A rewritten Parquet file has another footer, and a terabyte need not be read to know it. It does not see
    flipped bits inside a page; stores, which promise that, hash every byte.
    """
    size = path.stat().st_size
    with _open_raw(path) as file:
        file.seek(max(size - 8, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - 8 - length, 0))
        return hashlib.sha256(str(size).encode() + file.read(length)).hexdigest()
