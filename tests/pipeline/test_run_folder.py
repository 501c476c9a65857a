"""The folder of a run: superseded results are kept, leftovers of a killed run are removed, errors name the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.sample_project import run_recipe, write_sample_run
from winnow.errors import EnvironmentFault
from winnow.pipeline.run_folder import LOG, append_log, move_aside


def test_a_superseded_result_never_overwrites_an_earlier_one(tmp_path: Path) -> None:
    superseded = tmp_path / "superseded"
    superseded.mkdir()
    (superseded / "card.json.2").write_text("the second; the first was removed")
    (tmp_path / "card.json").write_text("the third")
    move_aside(tmp_path / "card.json")
    assert sorted(path.name for path in superseded.iterdir()) == ["card.json.2", "card.json.3"]
    assert (superseded / "card.json.3").read_text() == "the third"


def test_the_error_names_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with pytest.raises(EnvironmentFault, match=LOG):
        append_log(tmp_path, "import", 0.1)


def test_shard_receipts_that_a_killed_run_left_in_a_finished_store_are_removed(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path, 10)
    assert run_recipe(recipe).code == 0
    leftover = tmp_path / "run" / "verdicts" / ".part-00000.parquet.receipt.json"
    leftover.write_text("{}")
    assert run_recipe(recipe).code == 0
    assert not leftover.exists()
