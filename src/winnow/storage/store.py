"""A store: a folder of Parquet shards and one receipt, written once and never edited.

`StoreWriter` writes shards and, last, the receipt; `open_store` is the one way in and checks every shard's
sha256 and row count before anything reads it. A folder without a receipt was never finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.errors import BrokenPromise, EnvironmentFault, UsageError, format_value
from winnow.storage.atomic_files import atomic_write, make_folder, remove_folder
from winnow.storage.file_bytes import file_sha256
from winnow.storage.locations.location import Location, arrow_input, is_file
from winnow.storage.locations.remote_errors import translate_remote_errors
from winnow.storage.receipts import RECEIPT_NAME, Receipt, RowCounts, Shard, WorkSpec, read_receipt

SHARD_ROWS = 1 << 20


class Store:
    """A finished, checked store."""

    def __init__(self, path: Location, receipt: Receipt) -> None:
        self.path = path
        self.receipt = receipt

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order; one batch without rows when there are none, for its types."""
        names = None if columns is None else list(columns)
        if not self.row_count():
            empty = pq.read_schema(arrow_input(self.path / self.receipt.shards[0].name)).empty_table()
            yield pa.RecordBatch.from_pylist([], (empty if names is None else empty.select(names)).schema)
        for shard in self.receipt.shards:
            path = self.path / shard.name
            with translate_remote_errors(str(path)):
                yield from pq.ParquetFile(arrow_input(path)).iter_batches(columns=names)

    def row_count(self) -> int:
        """How many rows its shards hold."""
        return sum(shard.rows for shard in self.receipt.shards)


def is_store(path: Location) -> bool:
    """Whether this folder claims to be a store."""
    return is_file(path / RECEIPT_NAME)


def open_store(path: Location) -> Store:
    """The store in this folder, every shard checked against the receipt."""
    if not is_store(path):
        next_step = "Run the command that made it again" if path.is_dir() else "Check the path"
        raise UsageError(str(path), "is not a finished store (it has no receipt)", next_step)
    receipt = read_receipt(path / RECEIPT_NAME)
    expected = (
        {shard.name for shard in receipt.shards} | {RECEIPT_NAME, "log.jsonl"} | set(embedded_source_names(receipt))
    )
    unexpected = sorted(p.name for p in path.iterdir() if p.name not in expected and not p.name.startswith("."))
    if unexpected:
        raise BrokenPromise(
            str(path / unexpected[0]), "is in the store but not in its receipt", "Move it out of the store"
        )
    for name in (RECEIPT_NAME, *embedded_source_names(receipt)):
        if (path / name).is_symlink():
            raise BrokenPromise(str(path / name), "is a link and no file of the store", "Make the store again")
    if not receipt.shards:
        raise BrokenPromise(str(path / RECEIPT_NAME), "names no shard", "Make the store again")
    for shard in receipt.shards:
        check_shard(path / shard.name, shard)
    return Store(path, receipt)


def open_shard(path: Location, number: int) -> Store:
    """The store in this folder to read one shard of, which alone is checked."""
    receipt = read_receipt(path / RECEIPT_NAME)
    shard = receipt.shards[number]
    check_shard(path / shard.name, shard)
    return Store(path, receipt)


def embedded_source_names(receipt: Receipt) -> list[str]:
    """Files of the source that live inside the store, because they came from a pipe or from memory."""
    return [file["path"] for file in receipt.work.source.get("files", []) if "/" not in file["path"]]


def check_shard(path: Location, shard: Shard) -> None:
    """One shard against its line of the receipt."""
    if path.is_symlink() or not path.is_file():
        raise BrokenPromise(str(path), "is in the receipt but is no file of the store", "Make the store again")
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
    """Takes away what was begun in a folder when the work in this block does not end well."""
    has_succeeded = False
    try:
        yield
        has_succeeded = True
    finally:
        if not has_succeeded:
            _clean_up_after_error(path)


class StoreWriter:
    """Writes the shards of one store; `finish` makes it a store."""

    def __init__(self, path: Location, kind: str, work: WorkSpec, schema: pa.Schema) -> None:
        """The folder must have been made ready by `prepare`."""
        self.path = path
        self.kind = kind
        self.work = work
        self.schema = schema
        self.shards: list[Shard] = []
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            _clean_up_after_error(self.path)

    def write(self, batch: pa.RecordBatch) -> None:
        """More rows, in order."""
        self._pending.append(batch)
        self._rows += batch.num_rows
        if self._rows >= SHARD_ROWS:
            self._flush()

    def finish(self, books: RowCounts) -> Receipt:
        """The last shard, then the receipt."""
        if self._rows or not self.shards:
            self._flush()
        receipt = Receipt(self.kind, self.work, books, self.shards)
        receipt.write(self.path / RECEIPT_NAME)
        return receipt

    def _flush(self) -> None:
        target = self.path / f"part-{len(self.shards):05d}.parquet"
        table = pa.Table.from_batches(self._pending, self.schema)
        with atomic_write(target) as partial:
            pq.write_table(table, partial, compression="zstd", store_schema=True)
            shard = Shard(target.name, table.num_rows, partial.stat().st_size, file_sha256(partial))
        self.shards.append(shard)
        self._pending, self._rows = [], 0


def _clean_up_after_error(path: Location) -> None:
    # Where nothing could be written, nothing can be cleared either, and the first fault is the one to tell.
    with suppress(EnvironmentFault):
        if not is_store(path):
            remove_unfinished_store(path)


def remove_unfinished_store(path: Location) -> None:
    """Remove what an unfinished run of ours left; anything else in the way is refused."""
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError("--out", f"{format_value(str(path))} is a file", "Name a folder that does not exist yet")
    if is_store(path):
        raise UsageError(
            "--out", f"{format_value(str(path))} is a finished store", "Name another folder, or remove that one"
        )
    own_files = [
        p for p in path.iterdir() if p.name.startswith(("part-", "source.", ".part-", ".source.", ".receipt."))
    ]
    if len(own_files) != len(list(path.iterdir())):
        raise UsageError(
            "--out", f"{format_value(str(path))} holds other files", "Name a folder that does not exist yet"
        )
    remove_folder(path)


def prepare_store_folder(path: Location) -> None:
    """An empty folder for a new store."""
    remove_unfinished_store(path)
    make_folder(path)


def find_finished_receipt(path: Location, work: WorkSpec) -> Receipt | None:
    """The receipt of the same work, if it stands finished here; other work is refused."""
    if not path.is_dir() or not is_store(path):
        return None
    receipt = open_store(path).receipt
    if receipt.work.identity() != work.identity():
        raise UsageError(
            "--out",
            f"{format_value(str(path))} is a finished store of other work",
            "Name another folder, or remove that one",
        )
    return receipt
