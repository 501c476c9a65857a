"""The status of a run says what is finished, how many shards of the rest are done, and whether the bytes are intact."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.sample_project import run_command, run_recipe, write_sample_run

STORES = ["candidates", "verdicts", "selected", "control"]


@pytest.fixture(scope="module")
def finished_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project whose run has finished; tests must not change it."""
    recipe = write_sample_run(tmp_path_factory.mktemp("finished"))
    assert run_recipe(recipe).code == 0
    return recipe.parent


@pytest.fixture
def project(finished_project: Path, tmp_path: Path) -> Path:
    """A copy of the finished project."""
    return Path(shutil.copytree(finished_project, tmp_path / "project"))


def test_the_status_of_a_finished_run_has_its_stores_their_rows_and_the_decision(finished_project: Path) -> None:
    status = json.loads(run_command(finished_project, "status", "run", "--json").out)
    assert [store["name"] for store in status["stores"]] == STORES
    assert all(store["finished"] for store in status["stores"])
    assert status["stores"][0]["rows"] == 300
    assert (status["running"], status["decision"]) == (False, "helps")


def test_the_status_of_an_unfinished_store_counts_its_finished_shards(project: Path) -> None:
    verdicts = project / "run" / "verdicts"
    (verdicts / "receipt.json").unlink()
    for number in (0, 2, 3):
        (verdicts / f".part-{number:05d}.parquet.receipt.json").write_text("{}")
    assert "verdicts: 3 of 5 shards done" in run_command(project, "status", "run").out


def test_a_folder_that_is_not_of_a_run_is_refused(tmp_path: Path) -> None:
    code, _, err = run_command(tmp_path, "status", ".")
    assert code == 2
    assert "is not the folder of a run" in err


def test_a_changed_bit_in_any_store_of_a_run_is_found(project: Path) -> None:
    stores = json.loads(run_command(project, "check", "store", "run", "--json").out)["stores"]
    assert [Path(store["store"]).name for store in stores] == STORES
    shard = project / "run" / "verdicts" / "part-00002.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    code, _, err = run_command(project, "check", "store", "run")
    assert code == 4
    assert "part-00002.parquet" in err and "sha256" in err


def test_an_unknown_kind_of_check_and_a_folder_without_stores_are_refused(tmp_path: Path) -> None:
    code, _, err = run_command(tmp_path, "check", "stor", "run")
    assert code == 2
    assert "Did you mean 'store'" in err
    assert run_command(tmp_path, "check", "store", ".").code == 2
