"""The folder of a run after something went wrong: what is moved aside is kept, what is left over goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.sample_project import ended, project
from winnow.errors import EnvironmentFault
from winnow.pipeline.run_folder import LOG, append_log, move_aside


def test_what_is_moved_aside_never_takes_the_place_of_what_was(tmp_path: Path) -> None:
    kept = tmp_path / "superseded"
    kept.mkdir()
    (kept / "card.json.2").write_text("the second, the first being gone")
    (tmp_path / "card.json").write_text("the third")
    move_aside(tmp_path / "card.json")
    assert sorted(path.name for path in kept.iterdir()) == ["card.json.2", "card.json.3"]
    assert (kept / "card.json.3").read_text() == "the third"


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with pytest.raises(EnvironmentFault, match=LOG):
        append_log(tmp_path, "import", 0.1)


def test_shard_receipts_that_a_stopped_run_left_in_a_finished_store_go(tmp_path: Path) -> None:
    recipe = project(tmp_path, 10)
    assert ended(recipe)[0] == 0
    left = tmp_path / "run" / "verdicts" / ".part-00000.parquet.receipt.json"
    left.write_text("{}")
    assert ended(recipe)[0] == 0
    assert not left.exists()
