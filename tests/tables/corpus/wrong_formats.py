"""Files that are not what their name rule, archives, pickles, other encodings, and damaged or expanding compression."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.tables.corpus.case import CELLS, GOOD, HEADER, Case, file
from tests.tables.corpus.typed_files import TABLE, parquet

MB = 1 << 20
ROWS = b"".join(GOOD.replace(b'"c1"', b'"c%d"' % number) + b"\n" for number in range(2000))
BLANK = (b" " * 4095 + b"\n") * (80 * MB // 4096)
CSV = HEADER + b"\n" + CELLS + b"\n"
LONG = (b"c1,p1," + b"x" * 4080 + b",5,5,0,\n") * (80 * MB // 4096)


def zstd(content: bytes) -> bytes:
    """Compress content as a Zstandard file."""
    buffer = pa.BufferOutputStream()
    with pa.CompressedOutputStream(buffer, "zstd") as stream:
        stream.write(content)
    return bytes(buffer.getvalue().to_pybytes())


def tar() -> bytes:
    """Return a tar archive with a member outside its folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("../../rows.jsonl")
        entry.size = len(GOOD)
        archive.addfile(entry, io.BytesIO(GOOD))
    return buffer.getvalue()


def zipped() -> bytes:
    """Return a zip archive with a member outside its folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../rows.jsonl", GOOD)
    return buffer.getvalue()


def numpy_array() -> bytes:
    """Return the bytes of a NumPy array."""
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return buffer.getvalue()


def database(folder: Path) -> str:
    """Create an SQLite database with the suffix of CSV."""
    path = folder / "rows.csv"
    connection = sqlite3.connect(path)
    connection.execute("create table rows (id text)")
    connection.close()
    return str(path)


def folder_of(name: str, *files: str) -> Case:
    """Make a case of a folder with these files."""

    def make(folder: Path) -> str:
        (folder / "rows").mkdir()
        for file_name in files:
            (folder / "rows" / file_name).write_bytes(GOOD)
        return str(folder / "rows")

    return Case(name, make)


def pipe(folder: Path) -> str:
    """Create a named pipe that nobody writes to."""
    import os

    os.mkfifo(folder / "rows.jsonl")
    return str(folder / "rows.jsonl")


def flip_bit(content: bytes, position: int) -> bytes:
    """Flip one bit of the byte at this position."""
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


CUT = "is cut off or damaged"
UTF16 = "is UTF-16 text"
TEXT = GOOD.decode()
REFUSED = [
    file("gzip cut in its header", "rows.jsonl.gz", lambda: gzip.compress(ROWS)[:6]).refused("rows.jsonl.gz", CUT),
    file("gzip cut in half", "rows.jsonl.gz", lambda: gzip.compress(ROWS)[:2000]).refused("rows.jsonl.gz", CUT),
    file("gzip without its checksum", "rows.jsonl.gz", lambda: gzip.compress(ROWS)[:-8]).refused("rows.jsonl.gz", CUT),
    file("gzip with a wrong checksum", "rows.jsonl.gz", lambda: flip_bit(gzip.compress(ROWS), -6)).refused(
        "rows.jsonl.gz", CUT
    ),
    file("gzip with a flipped bit", "rows.jsonl.gz", lambda: flip_bit(gzip.compress(ROWS), 3000)).refused(
        "rows.jsonl.gz", CUT
    ),
    file("gzip with text after it", "rows.jsonl.gz", lambda: gzip.compress(ROWS) + b"{}").refused("rows.jsonl.gz", CUT),
    file("gzip of a CSV cut in half", "rows.csv.gz", lambda: gzip.compress(CSV * 1000)[:300]).refused(
        "rows.csv.gz", CUT
    ),
    file("text that claims to be gzip", "rows.jsonl.gz", ROWS).refused("rows.jsonl.gz", CUT),
    file("Zstandard cut in half", "rows.jsonl.zst", lambda: zstd(ROWS)[:2000]).refused("rows.jsonl.zst", CUT),
    file("Zstandard without its last byte", "rows.jsonl.zst", lambda: zstd(ROWS)[:-1]).refused("rows.jsonl.zst", CUT),
    file("Zstandard with text after it", "rows.jsonl.zst", lambda: zstd(ROWS) + b"{}").refused("rows.jsonl.zst", CUT),
    file("text that claims to be Zstandard", "rows.csv.zst", CSV).refused("rows.csv.zst", CUT),
    file("gzip that expands", "rows.jsonl.gz", cache(lambda: gzip.compress(GOOD + BLANK, 6))).refused(
        "rows.jsonl.gz", "expands to more than 64 MB, over 200 times its size"
    ),
    file("Zstandard that expands", "rows.jsonl.zst", cache(lambda: zstd(GOOD + BLANK))).refused(
        "rows.jsonl.zst", "expands to more than 64 MB, over 200 times its size"
    ),
    file("gzip of a CSV that expands", "rows.csv.gz", cache(lambda: gzip.compress(CSV + LONG, 6))).refused(
        "rows.csv.gz", "expands to more than 64 MB, over 200 times its size"
    ),
    file("gzip inside gzip", "rows.jsonl.gz", lambda: gzip.compress(gzip.compress(ROWS))).refused(
        "rows.jsonl.gz", "is a gzip file"
    ),
    file("gzip without its suffix", "rows.jsonl", lambda: gzip.compress(ROWS)).refused("rows.jsonl", "is a gzip file"),
    file("Zstandard without its suffix", "rows.csv", lambda: zstd(CSV)).refused("rows.csv", "is a Zstandard file"),
    file("a tar archive with a member outside", "rows.jsonl", tar).refused("rows.jsonl", "is a tar archive"),
    file("a tar archive in gzip", "rows.tar.gz", lambda: gzip.compress(tar())).refused(
        "rows.tar.gz", "is a tar archive"
    ),
    file("a zip archive with a member outside", "rows.csv", zipped).refused("rows.csv", "is a zip archive"),
    file("a zip archive with its own suffix", "rows.zip", zipped).refused("rows.zip", "is a zip archive"),
    file("a spreadsheet", "rows.xlsx", zipped).refused("rows.xlsx", "is a zip archive"),
    file("a pickle", "rows.jsonl", lambda: pickle.dumps([{"id": "c1"}] * 3)).refused("rows.jsonl", "is a pickle"),
    file("a pickle with its own suffix", "rows.pkl", lambda: pickle.dumps([{}], 2)).refused("rows.pkl", "is a pickle"),
    file("a pickle of protocol 5", "rows.parquet", lambda: pickle.dumps([{"id": "c"}] * 3, 5)).refused(
        "rows.parquet", "is a pickle"
    ),
    file("xz", "rows.jsonl.xz", lambda: lzma.compress(ROWS)).refused("rows.jsonl.xz", "is an xz file"),
    file("bzip2", "rows.csv.bz2", lambda: bz2.compress(CSV)).refused("rows.csv.bz2", "is a bzip2 file"),
    file("an array of NumPy", "rows.jsonl", numpy_array).refused("rows.jsonl", "is a NumPy array"),
    file("a PDF", "rows.csv", b"%PDF-1.7\n").refused("rows.csv", "is a PDF"),
    Case("an SQLite database", database, where="rows.csv", rule="is an SQLite database"),
    file("Parquet that claims to be JSON Lines", "rows.jsonl", lambda: parquet(TABLE)).refused(
        "rows.jsonl", "ends in .jsonl but is Parquet"
    ),
    file("JSON Lines that claim to be Parquet", "rows.parquet", ROWS).refused("rows.parquet", "but is JSON"),
    file("CSV that claims to be Arrow", "rows.arrow", CSV).refused("rows.arrow", "ends in .arrow but is plain text"),
    file("CSV without a suffix", "rows", CSV).refused("rows", "does not end in a suffix that winnow knows"),
    file("CSV that claims to be JSON Lines", "rows.jsonl", CSV).refused("rows.jsonl:1", "is not JSON"),
    file("YAML", "rows.yaml", b"- id: c1\n").refused("rows.yaml", "does not end in a suffix that winnow knows"),
    file("zero bytes", "rows.jsonl", b"\0" * 4096).refused("rows.jsonl", "is nothing but zero bytes"),
    file("UTF-16 with a byte order mark", "rows.jsonl", TEXT.encode("utf-16")).refused("rows.jsonl", UTF16),
    file("big-endian UTF-16", "rows.jsonl", b"\xfe\xff" + TEXT.encode("utf-16-be")).refused("rows.jsonl", UTF16),
    file("UTF-16 without a byte order mark", "rows.jsonl", TEXT.encode("utf-16-le")).refused("rows.jsonl", UTF16),
    file("big-endian UTF-16 without a byte order mark", "rows.jsonl", TEXT.encode("utf-16-be")).refused(
        "rows.jsonl", UTF16
    ),
    file("CSV in UTF-16", "rows.csv", CSV.decode().encode("utf-16")).refused("rows.csv", UTF16),
    file("CSV in UTF-16 without a byte order mark", "rows.csv", CSV.decode().encode("utf-16-le")).refused(
        "rows.csv", UTF16
    ),
    folder_of("a folder without a receipt", "a.jsonl").refused("rows", "is a folder without a receipt"),
    folder_of("an empty folder").refused("rows", "is a folder without a receipt"),
    folder_of("a dataset of several splits", "dataset_dict.json").refused("rows", "holds several splits"),
    folder_of("a receipt that is not one", "receipt.json")
    .refused("receipt.json", "is not a receipt")
    .with_exit_code(4),
    Case("a named pipe", pipe, where="rows.jsonl", rule="is a pipe or a device"),
    Case("a missing file", lambda folder: str(folder / "rows.jsonl"), where="rows.jsonl", rule="does not exist"),
    Case("a name that is far too long", lambda folder: "x" * 5000, where="x", rule="does not exist"),
    Case("a name with NUL", lambda folder: "a\0b", where="a\0b", rule="does not exist"),
    Case("a name that is empty", lambda folder: "", where=".", rule="is a folder without a receipt"),
]

ACCEPTED = [
    file("gzip", "rows.jsonl.gz", lambda: gzip.compress(ROWS)).accepted(2000),
    file("gzip in capitals", "ROWS.JSONL.GZ", lambda: gzip.compress(ROWS)).accepted(2000),
    file("two gzip files end to end", "rows.jsonl.gz", lambda: gzip.compress(ROWS) + gzip.compress(b"\n")).accepted(
        2000
    ),
    file("gzip of a CSV", "rows.csv.gz", lambda: gzip.compress(CSV)).accepted(1),
    file("Zstandard", "rows.jsonl.zst", lambda: zstd(ROWS)).accepted(2000),
    file("two Zstandard frames", "rows.jsonl.zst", lambda: zstd(ROWS) + zstd(b"\n")).accepted(2000),
    file("Zstandard of a CSV", "rows.csv.zst", lambda: zstd(CSV)).accepted(1),
    file("a name that looks like a pattern", "rows[1].jsonl", GOOD).accepted(1),
    file("a name with an escape in it", "ro\x1b[31mws.jsonl", GOOD).accepted(1),
]

CASES = [*REFUSED, *ACCEPTED]
