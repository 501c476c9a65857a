"""Partial files of dead processes are removed, those of living processes are not; and folders are forced to disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.sample_stores import write_rows, write_verdicts
from winnow.errors import EnvironmentFault
from winnow.storage.atomic_files import make_folder, remove_abandoned_partials
from winnow.tables.readers.columnar import read_error


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_what_a_dead_writer_left_beside_its_target_is_taken_away(tmp_path: Path, gone: int) -> None:
    kept = {f".v.jsonl.{os.getpid()}.partial", f".w.jsonl.{gone}.partial", ".v.jsonl.partial", ".v.jsonl.x.partial"}
    for name in {*kept, f".v.jsonl.{gone}.partial", f".v.jsonl.{10**30}.partial"}:
        (tmp_path / name).touch()
    remove_abandoned_partials(tmp_path / "v.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_flat_result_takes_the_place_of_what_a_stopped_command_left(tmp_path: Path, gone: int) -> None:
    for name in (".v.jsonl", ".v.jsonl.receipt.json", "..v.jsonl.unfinished"):
        (tmp_path / f"{name}.{gone}.partial").write_text("half")
    write_verdicts(write_rows(tmp_path / "t.jsonl"), tmp_path / "v.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"t.jsonl", "v.jsonl", "v.jsonl.receipt.json"}


def test_every_folder_that_is_made_is_forced_into_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[Path] = []
    monkeypatch.setattr("winnow.storage.atomic_files.fsync_path", forced.append)
    make_folder(tmp_path / "a" / "b" / "c")
    assert forced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]


def test_a_folder_that_cannot_be_made_is_named_with_what_the_machine_says(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(EnvironmentFault, match="a/b: could not be written .Not a directory"):
        make_folder(tmp_path / "a" / "b")


def test_a_table_the_disk_does_not_give_is_not_called_damaged() -> None:
    assert read_error(Path("t.parquet"), OSError(5, "")).exit_code == 3
    assert read_error(Path("t.parquet"), OSError("Couldn't deserialize thrift")).exit_code == 2
