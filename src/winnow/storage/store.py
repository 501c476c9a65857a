"""A store: a folder of Parquet shards and one receipt, written once and never edited.

`open_store` checks the sha256 and row count of every shard before anything reads it. A folder without a receipt was
never finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BrokenPromise, EnvironmentFault, UsageError, format_value
from winnow.storage.atomic_files import make_folder, remove_folder
from winnow.storage.file_bytes import file_sha256
from winnow.storage.locations.filesystems import translate_remote_errors
from winnow.storage.locations.location import Location, arrow_input, is_file
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec, read_receipt
from winnow.storage.shard_receipt import shard_name, write_parquet

SHARD_ROWS = 1 << 20
OWN_PREFIXES = ("part-", "source.", ".part-", ".source.", ".receipt.")
"""The names of all files that winnow writes into a store begin with one of these."""


class Store:
    """A finished, checked store."""

    def __init__(self, path: Location, receipt: Receipt) -> None:
        self.path = path
        self.receipt = receipt

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order; a store without rows yields one empty batch, which has the column types."""
        names = None if columns is None else list(columns)
        if not self.row_count():
            empty = pq.read_schema(arrow_input(self.path / self.receipt.shards[0].name)).empty_table()
            yield pa.RecordBatch.from_pylist([], (empty if names is None else empty.select(names)).schema)
        for shard in self.receipt.shards:
            path = self.path / shard.name
            with translate_remote_errors(str(path)):
                yield from pq.ParquetFile(arrow_input(path)).iter_batches(columns=names)

    def row_count(self) -> int:
        """Return the number of rows of all shards."""
        return sum(shard.rows for shard in self.receipt.shards)

    def source_record(self) -> dict[str, Any]:
        """Return this store as the source of another result, as a receipt records it."""
        return {"format": "store", "store": {"path": str(self.path), "identity": self.receipt.work.identity()}}


def is_store(path: Location) -> bool:
    """Whether this folder has the receipt of a store."""
    return is_file(path / RECEIPT_NAME)


def open_store(path: Location) -> Store:
    """Open a store and check every file in it against its receipt.

    Raises:
        UsageError: There is no finished store at this path.
        BrokenPromise: A file is missing, changed or not in the receipt.
    """
    if not is_store(path):
        next_step = "Run the command that made it again" if path.is_dir() else "Check the path"
        raise UsageError(str(path), "is not a finished store (it has no receipt)", next_step)
    receipt = read_receipt(path / RECEIPT_NAME)
    unsealed_names = [RECEIPT_NAME, *embedded_source_names(receipt)]
    expected = {*(shard.name for shard in receipt.shards), *unsealed_names, "log.jsonl"}
    unexpected = sorted(p.name for p in path.iterdir() if p.name not in expected and not p.name.startswith("."))
    if unexpected:
        problem = "is in the store but not in its receipt"
        raise BrokenPromise(str(path / unexpected[0]), problem, "Move it out of the store")
    for name in unsealed_names:
        if (path / name).is_symlink():
            raise BrokenPromise(str(path / name), "is a link and not a file of the store", "Make the store again")
    if not receipt.shards:
        raise BrokenPromise(str(path / RECEIPT_NAME), "names no shard", "Make the store again")
    for shard in receipt.shards:
        check_shard(path / shard.name, shard)
    return Store(path, receipt)


def open_shard(path: Location, number: int) -> Store:
    """Open a store to read one of its shards, and check only that shard."""
    receipt = read_receipt(path / RECEIPT_NAME)
    shard = receipt.shards[number]
    check_shard(path / shard.name, shard)
    return Store(path, receipt)


def embedded_source_names(receipt: Receipt) -> list[str]:
    """Return the names of source files inside the store, which hold rows that came from a pipe or from memory."""
    return [file["path"] for file in receipt.work.source.get("files", []) if "/" not in file["path"]]


def check_shard(path: Location, shard: Shard) -> None:
    """Raise BrokenPromise if a shard is not the file that its receipt describes."""
    if path.is_symlink() or not path.is_file():
        raise BrokenPromise(str(path), "is in the receipt but is not a file of the store", "Make the store again")
    if path.stat().st_size != shard.bytes or file_sha256(path) != shard.sha256:
        raise BrokenPromise(str(path), "is not the file its receipt names (its sha256 differs)", "Make the store again")
    if path.suffix != ".parquet":
        # The files of a model have no rows.
        return
    try:
        with translate_remote_errors(str(path)):
            rows = pq.read_metadata(arrow_input(path)).num_rows
    except (pa.ArrowException, OSError) as error:
        raise BrokenPromise(str(path), "is not Parquet", "Make the store again") from error
    if rows != shard.rows:
        raise BrokenPromise(str(path), "has another number of rows than its receipt says", "Make the store again")


@contextmanager
def clean_up_on_error(path: Location) -> Iterator[None]:
    """Remove an unfinished store when this block fails or is interrupted."""
    has_succeeded = False
    try:
        yield
        has_succeeded = True
    finally:
        # Where nothing could be written, nothing can be removed either, and the first error is the one to report.
        with suppress(EnvironmentFault):
            if not has_succeeded and not is_store(path):
                remove_unfinished_store(path)


def write_store(
    path: Location,
    kind: str,
    work: WorkSpec,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    count: Callable[[], RowCounts],
    shard_rows: int = SHARD_ROWS,
) -> Receipt:
    """Write the shards of a store and then its receipt; remove all of it if that fails or is interrupted.

    Args:
        path: The folder, which `prepare_store_folder` has created.
        kind: The kind of result in the receipt, for example `verdicts`.
        work: The work of which the store is the result.
        schema: The columns of the rows.
        batches: The rows. They may be made while they are written.
        count: Returns the row counts of the receipt; called when all rows were read.
        shard_rows: A shard is written when it has this many rows.
    """
    shards: list[Shard] = []
    pending: list[pa.RecordBatch] = []
    pending_rows = 0

    def write_pending() -> None:
        nonlocal pending_rows
        shard_path = path / shard_name(len(shards))
        shards.append(write_parquet(shard_path, pa.Table.from_batches(pending, schema)))
        pending.clear()
        pending_rows = 0

    with clean_up_on_error(path):
        for batch in batches:
            pending.append(batch)
            pending_rows += batch.num_rows
            if pending_rows >= shard_rows:
                write_pending()
        if pending_rows or not shards:
            write_pending()
        receipt = Receipt(kind, work, count(), shards)
        receipt.write(path / RECEIPT_NAME)
    return receipt


def remove_unfinished_store(path: Location) -> None:
    """Remove what an unfinished run of winnow left, and refuse to remove anything else."""
    if not path.exists():
        return
    problem, next_step = "", "Name a folder that does not exist yet"
    if not path.is_dir():
        problem = "is a file"
    elif is_store(path):
        problem, next_step = "is a finished store", "Name another folder, or remove that one"
    elif not all(file.name.startswith(OWN_PREFIXES) for file in path.iterdir()):
        problem = "holds other files"
    if problem:
        raise UsageError("--out", f"{format_value(str(path))} {problem}", next_step)
    remove_folder(path)


def prepare_store_folder(path: Location) -> None:
    """Create an empty folder for a new store."""
    remove_unfinished_store(path)
    make_folder(path)


def find_finished_receipt(path: Location, work: WorkSpec) -> Receipt | None:
    """Return the receipt of this work if it is finished in this folder, None if there is no store.

    Raises:
        UsageError: The folder is a store of other work.
    """
    if not path.is_dir() or not is_store(path):
        return None
    receipt = open_store(path).receipt
    if receipt.work.identity() != work.identity():
        problem = f"{format_value(str(path))} is a finished store of other work"
        raise UsageError("--out", problem, "Name another folder, or remove that one")
    return receipt
