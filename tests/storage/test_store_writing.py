"""A result appears completely or not at all, is written once, and replaces only files of winnow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.storage.sample_stores import (
    SCHEMA,
    WORK,
    make_rows,
    read_dicts,
    read_verdicts,
    write_numbers,
    write_rows,
    write_verdicts,
)
from winnow.errors import BrokenPromise, EnvironmentFault, UsageError
from winnow.storage.atomic_files import atomic_write, make_folder, write_bytes
from winnow.storage.receipts import Receipt, RowCounts, Shard, WorkSpec
from winnow.storage.store import open_store, prepare_store_folder, write_store
from winnow.tables.flat_file import FlatLayout, is_flat_path, receipt_path, refuse_overwriting, write_flat_file
from winnow.tables.open_table import open_rows

VALID_COUNTS = [RowCounts(0, 0), RowCounts(3, 3), RowCounts(9, 4, 3, 2, {"score": 3, "bad row": 2})]
INVALID_COUNTS = [
    RowCounts(3, 2),
    RowCounts(3, 3, 1, 0, {"a": 1}),
    RowCounts(3, 2, 1),
    RowCounts(3, 2, 1, 0, {"a": 2}),
    RowCounts(2, 2, 0, 0, {"a": 1}),
]


@pytest.mark.parametrize("books", VALID_COUNTS)
def test_row_counts_that_add_up_are_written_and_read_back(books: RowCounts, tmp_path: Path) -> None:
    prepare_store_folder(tmp_path / "s")
    receipt = write_store(tmp_path / "s", "count", WORK, SCHEMA, [], lambda: books)
    assert open_store(tmp_path / "s").receipt == receipt
    assert receipt.books == books


@pytest.mark.parametrize("books", INVALID_COUNTS)
def test_row_counts_that_do_not_add_up_are_refused_before_a_receipt_is_written(
    books: RowCounts, tmp_path: Path
) -> None:
    prepare_store_folder(tmp_path / "s")
    with pytest.raises(BrokenPromise, match="row counts do not add up"):
        write_store(tmp_path / "s", "count", WORK, SCHEMA, [], lambda: books)
    assert not (tmp_path / "s").exists()


def test_the_identity_of_work_does_not_depend_on_paths() -> None:
    def identity(path: str, digest: str) -> str:
        return WorkSpec("verify", 1, {"a": 1}, {"files": [{"path": path, "sha256": digest}]}).identity()

    assert identity("a/t.jsonl", "1") == identity("../b.jsonl", "1") != identity("a/t.jsonl", "2")


def test_file_names_in_receipts_need_not_be_unicode(tmp_path: Path) -> None:
    source = write_rows(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    write_verdicts(source, tmp_path / "v")
    assert len(read_verdicts(tmp_path / "v")) == 6


@pytest.mark.parametrize("before", [None, b"old"])
def test_an_interrupted_write_leaves_the_file_unchanged(before: bytes | None, tmp_path: Path) -> None:
    target = tmp_path / "file"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(KeyboardInterrupt), atomic_write(target) as partial:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
    assert (target.read_bytes() if target.exists() else None) == before
    assert [path for path in tmp_path.iterdir() if path != target] == []


def test_a_completed_write_replaces_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    write_bytes(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"new")]


@pytest.mark.parametrize("name", ["no/such/folder/file", "f" * 300])
def test_a_path_that_cannot_be_written_is_an_environment_fault(name: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="could not be written"):
        write_bytes(tmp_path / name, b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_an_environment_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="could not be written"):
        make_folder(tmp_path / "file" / "folder")


FULL_DISK_SCRIPT = """
import resource, sys
from pathlib import Path
from tests.storage.sample_stores import write_rows, write_verdicts
from winnow.errors import EnvironmentFault
folder = Path(sys.argv[1])
write_rows(folder / "t.jsonl", 5000)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_verdicts(folder / "t.jsonl", folder / "to" / sys.argv[2])
except EnvironmentFault as error:
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("out", ["v", "v.jsonl", "v.csv", "v.parquet"])
def test_a_full_disk_leaves_no_file_and_ends_with_exit_code_3(out: str, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    paths = os.pathsep.join(["tests", *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.run(
        [sys.executable, "-c", FULL_DISK_SCRIPT, str(tmp_path), out],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (process.returncode, process.stderr) == (3, "")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize("out", ["v.jsonl", "v.csv", "v.parquet"])
def test_a_flat_result_can_be_written_again_with_the_same_bytes(out: str, tmp_path: Path) -> None:
    source, target = write_rows(tmp_path / "t.jsonl"), tmp_path / out
    write_verdicts(source, target)
    before = target.read_bytes(), receipt_path(target).read_bytes()
    write_verdicts(source, target)
    assert (target.read_bytes(), receipt_path(target).read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.jsonl", out, f"{out}.receipt.json"]


@pytest.mark.parametrize("change", ["edit it", "remove its receipt", "replace it by a folder"])
def test_a_file_that_is_not_an_unchanged_result_is_not_overwritten(change: str, tmp_path: Path) -> None:
    source, target = write_rows(tmp_path / "t.jsonl"), tmp_path / "v.jsonl"
    write_verdicts(source, target)
    if change == "edit it":
        target.write_bytes(target.read_bytes().replace(b"q0", b"q9"))
    elif change == "remove its receipt":
        receipt_path(target).unlink()
    else:
        target.unlink()
        target.mkdir()
    content = target.read_bytes() if target.is_file() else None
    with pytest.raises(UsageError, match="is not an untouched result of winnow"):
        write_verdicts(source, target)
    assert (target.read_bytes() if target.is_file() else None) == content


def write_without_receipt(source: Path, target: Path) -> None:
    """Write a flat result, but not its receipt."""
    table = open_rows(source)
    with write_flat_file(target, FlatLayout(table.source, table.bad_rows, pa.schema([]))) as writer:
        for chunk in table.source.chunks(table.bad_rows):
            writer.write(chunk)


@pytest.mark.parametrize("finished_before", [False, True])
def test_a_command_killed_between_a_flat_file_and_its_receipt_can_be_repeated(
    finished_before: bool, tmp_path: Path
) -> None:
    source, target = write_rows(tmp_path / "t.jsonl"), tmp_path / "v.jsonl"
    if finished_before:
        write_verdicts(source, target)
    write_without_receipt(source, target)
    refuse_overwriting(target)
    write_verdicts(source, target)
    assert read_verdicts(target) == ["fail", "pass", "pass"] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.jsonl", "v.jsonl", "v.jsonl.receipt.json"]


def test_an_unfinished_flat_file_that_was_edited_is_not_overwritten(tmp_path: Path) -> None:
    write_without_receipt(write_rows(tmp_path / "t.jsonl"), tmp_path / "v.jsonl")
    (tmp_path / "v.jsonl").write_text("mine\n")
    with pytest.raises(UsageError, match="is not an untouched result"):
        refuse_overwriting(tmp_path / "v.jsonl")


def test_a_command_killed_while_it_writes_leaves_the_finished_result_unchanged(tmp_path: Path) -> None:
    source, target = write_rows(tmp_path / "t.jsonl"), tmp_path / "v.jsonl"
    write_verdicts(source, target)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    table = open_rows(source)
    with (
        pytest.raises(KeyboardInterrupt),
        write_flat_file(target, FlatLayout(table.source, table.bad_rows, pa.schema([]))),
    ):
        raise KeyboardInterrupt
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_table_is_not_overwritten_by_its_own_result(tmp_path: Path) -> None:
    target = tmp_path / "v.jsonl"
    write_verdicts(write_rows(tmp_path / "t.jsonl"), target)
    before = target.read_bytes()
    table = open_rows(target)
    with (
        pytest.raises(UsageError, match="is the table itself"),
        write_flat_file(target, FlatLayout(table.source, table.bad_rows, pa.schema([]))),
    ):
        raise AssertionError("opened")
    assert target.read_bytes() == before


@pytest.mark.parametrize("name", ["v.txt", "v.jsonl.gz", "v.tsv", "v.json"])
def test_an_ending_of_no_flat_format_is_refused_and_not_used_as_a_folder(name: str) -> None:
    with pytest.raises(UsageError, match="a store is a folder without an ending"):
        is_flat_path(Path(name))


def test_a_finished_store_is_not_written_again_and_other_work_is_refused(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl")
    write_verdicts(source, tmp_path / "v")
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "v").iterdir()}
    assert write_verdicts(source, tmp_path / "v").summary["already_done"]
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "v").iterdir()} == before
    with pytest.raises(UsageError, match="is a finished store of other work"):
        write_verdicts(write_rows(tmp_path / "u.jsonl", 8), tmp_path / "v")


def test_an_unfinished_store_is_removed_and_other_files_are_not(tmp_path: Path) -> None:
    write_numbers(tmp_path / "v", [range(3)])
    (tmp_path / "v" / "receipt.json").unlink()
    prepare_store_folder(tmp_path / "v")
    assert list((tmp_path / "v").iterdir()) == []
    (tmp_path / "v" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds other files"):
        prepare_store_folder(tmp_path / "v")
    (tmp_path / "w").touch()
    with pytest.raises(UsageError, match="is a file"):
        prepare_store_folder(tmp_path / "w")


def test_a_store_without_rows_has_its_column_types(tmp_path: Path) -> None:
    write_numbers(tmp_path / "v", [])
    (batch,) = open_store(tmp_path / "v").batches()
    assert (batch.num_rows, batch.schema) == (0, pa.schema([("row", pa.int64())]))


def test_a_store_yields_its_shards_in_order(tmp_path: Path) -> None:
    receipt = write_numbers(tmp_path / "v", [range(4), range(4, 5), range(5, 9)])
    assert [shard.rows for shard in receipt.shards] == [4, 1, 4]
    assert [row for batch in open_store(tmp_path / "v").batches() for row in batch["row"].to_pylist()] == list(range(9))


def test_a_receipt_is_one_json_document_that_a_person_can_read(tmp_path: Path) -> None:
    Receipt("count", WORK, RowCounts(1, 1), [Shard("a.jsonl", 1, 2, "0")]).write(tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (content["format"], content["books"]["in"], content["shards"][0]["name"]) == (
        "winnow-receipt-1",
        1,
        "a.jsonl",
    )
    assert len((tmp_path / "r.json").read_text(encoding="utf-8").splitlines()) > 10


def test_verdicts_in_a_store_equal_those_in_a_flat_file(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl")
    write_verdicts(source, tmp_path / "v")
    write_verdicts(source, tmp_path / "v.jsonl")
    assert read_dicts(open_rows(tmp_path / "v")) == read_dicts(open_rows(tmp_path / "v.jsonl"))
    assert [row["id"] for row in read_dicts(open_rows(tmp_path / "v"))] == [row["id"] for row in make_rows()]
