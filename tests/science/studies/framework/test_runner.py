"""A study is run once per unit, goes on where it stopped, and is judged the same whoever ran it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import winnow
from winnow.science.studies.framework.runner import StudyRequest, StudyResult, load_study, run_study
from winnow.science.studies.framework.unit_store import unit_folder

HOME = "tests.science.studies.framework.tiny_study"


def ran(out: Path, name: str = "STUDY", **asked: object) -> StudyResult:
    return run_study(f"{HOME}:{name}", StudyRequest(**{"out": out, "workers": 0, **asked}), lambda line: None)  # type: ignore[arg-type]


def done(out: Path) -> list[str]:
    """The units that were really run, in the order they were."""
    path = out / "done.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_the_same_command_again_runs_nothing_and_says_the_same(tmp_path: Path) -> None:
    first, again = ran(tmp_path), ran(tmp_path)
    assert first == again
    assert len(done(tmp_path)) == 2
    assert [check.is_ok for check in first.checks] == [True]


def test_a_stopped_study_runs_only_what_is_left(tmp_path: Path) -> None:
    whole = ran(tmp_path / "whole", seeds=(0, 1, 2))
    ran(tmp_path / "part", seeds=(1,))
    assert ran(tmp_path / "part", seeds=(0, 1, 2)).rows == whole.rows
    assert [line.split()[1] for line in done(tmp_path / "part")] == ["1", "0", "2"]


def test_a_unit_that_was_being_written_is_run_again(tmp_path: Path) -> None:
    first = ran(tmp_path)
    study = load_study(f"{HOME}:STUDY")
    rows = unit_folder(tmp_path, study.unit_key("right", 1, study.scales["quick"].settings)) / "rows.json"
    rows.rename(rows.with_name(".rows.json.1.partial"))
    assert ran(tmp_path).rows == first.rows
    assert len(done(tmp_path)) == 3


def test_rows_a_study_did_not_write_are_refused_by_name(tmp_path: Path) -> None:
    ran(tmp_path)
    path = next((tmp_path / "units").glob("*/rows.json"))
    path.write_text("[]")
    with pytest.raises(winnow.BrokenPromise, match="is not the rows of a unit"):
        ran(tmp_path)


def test_rows_do_not_depend_on_the_number_of_processes_and_each_has_one_thread(tmp_path: Path) -> None:
    inline, two = ran(tmp_path / "0"), ran(tmp_path / "2", workers=2)
    assert (inline.rows, inline.checks) == (two.rows, two.checks)
    assert all(line.endswith(" 1") for line in done(tmp_path / "2"))


def test_a_grid_gives_one_check_per_setting_and_rows_that_say_theirs(tmp_path: Path) -> None:
    found = ran(tmp_path, grid={"runs": (1000, 2000)}, changes={"tolerance": 0.06})
    assert [check.name for check in found.checks] == ["right mean [runs=1000]", "right mean [runs=2000]"]
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [(row["seed"], row["runs"], row["set_tolerance"]) for row in rows] == [
        ("0", "1000", "0.06"), ("1", "1000", "0.06"), ("0", "2000", "0.06"), ("1", "2000", "0.06"),
    ]  # fmt: skip


def test_a_process_that_dies_is_told_and_what_is_done_is_kept(tmp_path: Path) -> None:
    with pytest.raises(winnow.EnvironmentFault, match="a process died at"):
        ran(tmp_path, "DYING", workers=1, seeds=(0,))
    assert [line.split()[0] for line in done(tmp_path)] == ["right"]


def test_two_studies_keep_their_units_apart_in_one_folder(tmp_path: Path) -> None:
    ran(tmp_path)
    assert [check.is_ok for check in ran(tmp_path, "BOTH").checks] == [True, False]
    assert len(done(tmp_path)) == 6
