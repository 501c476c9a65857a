"""How a run stands is read from its folder: what is finished, how far the rest is, and whether the bytes are whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.pipeline.sample_project import ended, project


def winnow(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "winnow.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_finished_run_names_its_stores_their_rows_and_the_decision(tmp_path: Path) -> None:
    ended(project(tmp_path))
    found = json.loads(winnow(tmp_path, "status", "run", "--json").stdout)
    assert {one["name"]: one["finished"] for one in found["stores"]} == dict.fromkeys(
        ("candidates", "verdicts", "selected", "control"), True
    )
    assert found["stores"][0]["rows"] == 300
    assert (found["running"], found["decision"]) == (False, "helps")


def test_an_unfinished_store_says_how_many_of_its_shards_are_done(tmp_path: Path) -> None:
    ended(project(tmp_path))
    verdicts = tmp_path / "run" / "verdicts"
    (verdicts / "receipt.json").unlink()
    for number in (0, 2, 3):
        (verdicts / f".part-{number:05d}.parquet.receipt.json").write_text("{}")
    said = winnow(tmp_path, "status", "run").stdout
    assert "verdicts: 3 of 5 shards done" in said


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    done = winnow(tmp_path, "status", ".")
    assert done.returncode == 2
    assert "is not the folder of a run" in done.stderr


def test_a_run_is_checked_byte_for_byte(tmp_path: Path) -> None:
    ended(project(tmp_path))
    whole = winnow(tmp_path, "check", "store", "run", "--json")
    assert [Path(one["store"]).name for one in json.loads(whole.stdout)["stores"]] == [
        "candidates",
        "verdicts",
        "selected",
        "control",
    ]
    part = tmp_path / "run" / "verdicts" / "part-00002.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    damaged = winnow(tmp_path, "check", "store", "run")
    assert damaged.returncode == 4
    assert "part-00002.parquet" in damaged.stderr and "sha256" in damaged.stderr


def test_what_cannot_be_checked_is_refused_naming_what_can(tmp_path: Path) -> None:
    done = winnow(tmp_path, "check", "stor", "run")
    assert done.returncode == 2
    assert "Did you mean 'store'" in done.stderr
    assert winnow(tmp_path, "check", "store", ".").returncode == 2
