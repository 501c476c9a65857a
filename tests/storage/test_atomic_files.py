"""Partial files of dead processes are removed, others are kept, and new folders are synced to disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.sample_stores import write_rows, write_verdicts
from winnow.errors import EnvironmentFault
from winnow.storage.atomic_files import make_folder, remove_abandoned_partials
from winnow.tables.readers.arrow import read_error


@pytest.fixture
def dead_process() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_partial_files_of_dead_processes_are_removed(tmp_path: Path, dead_process: int) -> None:
    kept = {
        f".v.jsonl.{os.getpid()}.partial",
        f".w.jsonl.{dead_process}.partial",
        ".v.jsonl.partial",
        ".v.jsonl.x.partial",
    }
    for name in {*kept, f".v.jsonl.{dead_process}.partial", f".v.jsonl.{10**30}.partial"}:
        (tmp_path / name).touch()
    remove_abandoned_partials(tmp_path / "v.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_writing_a_flat_result_removes_partial_files_of_a_killed_command(tmp_path: Path, dead_process: int) -> None:
    for name in (".v.jsonl", ".v.jsonl.receipt.json", "..v.jsonl.unfinished"):
        (tmp_path / f"{name}.{dead_process}.partial").write_text("half")
    write_verdicts(write_rows(tmp_path / "t.jsonl"), tmp_path / "v.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"t.jsonl", "v.jsonl", "v.jsonl.receipt.json"}


def test_the_parent_of_every_new_folder_is_synced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("winnow.storage.atomic_files.fsync_path", synced.append)
    make_folder(tmp_path / "a" / "b" / "c")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]


def test_the_error_for_a_folder_that_cannot_be_created_has_its_path_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(EnvironmentFault, match="a/b: could not be written .Not a directory"):
        make_folder(tmp_path / "a" / "b")


def test_a_read_error_of_the_disk_is_not_reported_as_a_damaged_table() -> None:
    assert read_error(Path("t.parquet"), OSError(5, "")).exit_code == 3
    assert read_error(Path("t.parquet"), OSError("Couldn't deserialize thrift")).exit_code == 2
