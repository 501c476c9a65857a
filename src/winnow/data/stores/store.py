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

from winnow.data.errors import BrokenPromise, EnvironmentFault, UsageError, shown
from winnow.data.places.place import Place, for_arrow, is_file
from winnow.data.places.words import asked
from winnow.data.readers.files import sha256_of
from winnow.data.stores.atomic import make_folder, remove_folder, written
from winnow.data.stores.receipts import NAME, Books, Receipt, Shard, Work, read_receipt

SHARD_ROWS = 1 << 20


class Store:
    """A finished, checked store."""

    def __init__(self, path: Place, receipt: Receipt) -> None:
        self.path = path
        self.receipt = receipt

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order; one batch without rows when there are none, for its types."""
        names = None if columns is None else list(columns)
        if not self.rows():
            empty = pq.read_schema(for_arrow(self.path / self.receipt.shards[0].name)).empty_table()
            yield pa.RecordBatch.from_pylist([], (empty if names is None else empty.select(names)).schema)
        for shard in self.receipt.shards:
            path = self.path / shard.name
            with asked(str(path)):
                yield from pq.ParquetFile(for_arrow(path)).iter_batches(columns=names)

    def rows(self) -> int:
        """How many rows its shards hold."""
        return sum(shard.rows for shard in self.receipt.shards)


def is_store(path: Place) -> bool:
    """Whether this folder claims to be a store."""
    return is_file(path / NAME)


def open_store(path: Place) -> Store:
    """The store in this folder, every shard checked against the receipt."""
    if not is_store(path):
        step = "Run the command that made it again" if path.is_dir() else "Check the path"
        raise UsageError(str(path), "is not a finished store (it has no receipt)", step)
    receipt = read_receipt(path / NAME)
    known = {shard.name for shard in receipt.shards} | {NAME, "log.jsonl"} | set(kept_sources(receipt))
    strange = sorted(p.name for p in path.iterdir() if p.name not in known and not p.name.startswith("."))
    if strange:
        raise BrokenPromise(
            str(path / strange[0]), "is in the store but not in its receipt", "Move it out of the store"
        )
    for name in (NAME, *kept_sources(receipt)):
        if (path / name).is_symlink():
            raise BrokenPromise(str(path / name), "is a link and no file of the store", "Make the store again")
    if not receipt.shards:
        raise BrokenPromise(str(path / NAME), "names no shard", "Make the store again")
    for shard in receipt.shards:
        check_shard(path / shard.name, shard)
    return Store(path, receipt)


def open_shard(path: Place, number: int) -> Store:
    """The store in this folder to read one shard of, which alone is checked."""
    receipt = read_receipt(path / NAME)
    shard = receipt.shards[number]
    check_shard(path / shard.name, shard)
    return Store(path, receipt)


def kept_sources(receipt: Receipt) -> list[str]:
    """Files of the source that live inside the store, because they came from a pipe or from memory."""
    return [file["path"] for file in receipt.work.source.get("files", []) if "/" not in file["path"]]


def check_shard(path: Place, shard: Shard) -> None:
    """One shard against its line of the receipt."""
    if path.is_symlink() or not path.is_file():
        raise BrokenPromise(str(path), "is in the receipt but is no file of the store", "Make the store again")
    if path.stat().st_size != shard.bytes or sha256_of(path) != shard.sha256:
        raise BrokenPromise(str(path), "is not the file its receipt names (its sha256 differs)", "Make the store again")
    if path.suffix != ".parquet":
        # The files of a model have no rows.
        return
    try:
        with asked(str(path)):
            rows = pq.read_metadata(for_arrow(path)).num_rows
    except (pa.ArrowException, OSError) as error:
        raise BrokenPromise(str(path), "is not Parquet", "Make the store again") from error
    if rows != shard.rows:
        raise BrokenPromise(str(path), "has another number of rows than its receipt says", "Make the store again")


@contextmanager
def cleared_on_error(path: Place) -> Iterator[None]:
    """Takes away what was begun in a folder when the work in this block does not end well."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            _clear_after_error(path)


class StoreWriter:
    """Writes the shards of one store; `finish` makes it a store."""

    def __init__(self, path: Place, kind: str, work: Work, schema: pa.Schema) -> None:
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
            _clear_after_error(self.path)

    def write(self, batch: pa.RecordBatch) -> None:
        """More rows, in order."""
        self._pending.append(batch)
        self._rows += batch.num_rows
        if self._rows >= SHARD_ROWS:
            self._flush()

    def finish(self, books: Books) -> Receipt:
        """The last shard, then the receipt."""
        if self._rows or not self.shards:
            self._flush()
        receipt = Receipt(self.kind, self.work, books, self.shards)
        receipt.write(self.path / NAME)
        return receipt

    def _flush(self) -> None:
        target = self.path / f"part-{len(self.shards):05d}.parquet"
        table = pa.Table.from_batches(self._pending, self.schema)
        with written(target) as partial:
            pq.write_table(table, partial, compression="zstd", store_schema=True)
            shard = Shard(target.name, table.num_rows, partial.stat().st_size, sha256_of(partial))
        self.shards.append(shard)
        self._pending, self._rows = [], 0


def _clear_after_error(path: Place) -> None:
    # Where nothing could be written, nothing can be cleared either, and the first fault is the one to tell.
    with suppress(EnvironmentFault):
        if not is_store(path):
            clear_unfinished(path)


def clear_unfinished(path: Place) -> None:
    """Remove what an unfinished run of ours left; anything else in the way is refused."""
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError("--out", f"{shown(str(path))} is a file", "Name a folder that does not exist yet")
    if is_store(path):
        raise UsageError("--out", f"{shown(str(path))} is a finished store", "Name another folder, or remove that one")
    ours = [p for p in path.iterdir() if p.name.startswith(("part-", "source.", ".part-", ".source.", ".receipt."))]
    if len(ours) != len(list(path.iterdir())):
        raise UsageError("--out", f"{shown(str(path))} holds other files", "Name a folder that does not exist yet")
    remove_folder(path)


def prepare(path: Place) -> None:
    """An empty folder for a new store."""
    clear_unfinished(path)
    make_folder(path)


def finished_already(path: Place, work: Work) -> Receipt | None:
    """The receipt of the same work, if it stands finished here; other work is refused."""
    if not path.is_dir() or not is_store(path):
        return None
    receipt = open_store(path).receipt
    if receipt.work.identity() != work.identity():
        raise UsageError(
            "--out", f"{shown(str(path))} is a finished store of other work", "Name another folder, or remove that one"
        )
    return receipt
