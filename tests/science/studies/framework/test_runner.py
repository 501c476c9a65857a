"""A study runs each unit once, runs only missing units again, and gives the same checks for any number of processes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import winnow
from winnow.science.studies.framework.runner import StudyRequest, StudyResult, load_study, run_study

MODULE = "tests.science.studies.framework.tiny_study"


def run(out: Path, name: str = "STUDY", **request: object) -> StudyResult:
    return run_study(f"{MODULE}:{name}", StudyRequest(**{"out": out, "workers": 0, **request}), lambda line: None)  # type: ignore[arg-type]


def executed_units(out: Path) -> list[str]:
    """The units that were executed, in order."""
    path = out / "done.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_the_same_request_again_runs_nothing_and_returns_the_same(tmp_path: Path) -> None:
    first, again = run(tmp_path), run(tmp_path)
    assert first == again
    assert len(executed_units(tmp_path)) == 2
    assert [check.is_ok for check in first.checks] == [True]


def test_a_stopped_study_runs_only_missing_units(tmp_path: Path) -> None:
    complete = run(tmp_path / "whole", seeds=(0, 1, 2))
    run(tmp_path / "part", seeds=(1,))
    assert run(tmp_path / "part", seeds=(0, 1, 2)).rows == complete.rows
    assert [line.split()[1] for line in executed_units(tmp_path / "part")] == ["1", "0", "2"]


def test_a_unit_that_was_being_written_is_run_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    study = load_study(f"{MODULE}:STUDY")
    rows = tmp_path / "units" / study.unit_key("right", 1, study.scales["quick"].settings) / "rows.json"
    rows.rename(rows.with_name(".rows.json.1.partial"))
    assert run(tmp_path).rows == first.rows
    assert len(executed_units(tmp_path)) == 3


def test_a_file_that_the_study_did_not_write_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    path = next((tmp_path / "units").glob("*/rows.json"))
    path.write_text("[]")
    with pytest.raises(winnow.BrokenPromise, match="is not the rows of a unit"):
        run(tmp_path)


def test_rows_do_not_depend_on_the_number_of_processes_and_each_has_one_thread(tmp_path: Path) -> None:
    inline, two = run(tmp_path / "0"), run(tmp_path / "2", workers=2)
    assert (inline.rows, inline.checks) == (two.rows, two.checks)
    assert all(line.endswith(" 1") for line in executed_units(tmp_path / "2"))


def test_a_grid_gives_one_check_per_setting_and_rows_with_their_settings(tmp_path: Path) -> None:
    result = run(tmp_path, grid={"runs": (1000, 2000)}, changes={"tolerance": 0.06})
    assert [check.name for check in result.checks] == ["right mean [runs=1000]", "right mean [runs=2000]"]
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [(row["seed"], row["runs"], row["set_tolerance"]) for row in rows] == [
        ("0", "1000", "0.06"), ("1", "1000", "0.06"), ("0", "2000", "0.06"), ("1", "2000", "0.06"),
    ]  # fmt: skip


def test_a_process_that_dies_is_reported_and_finished_units_stay(tmp_path: Path) -> None:
    with pytest.raises(winnow.EnvironmentFault, match="a process died at"):
        run(tmp_path, "DYING", workers=1, seeds=(0,))
    assert [line.split()[0] for line in executed_units(tmp_path)] == ["right"]


def test_two_studies_keep_their_units_apart_in_one_folder(tmp_path: Path) -> None:
    run(tmp_path)
    assert [check.is_ok for check in run(tmp_path, "BOTH").checks] == [True, False]
    assert len(executed_units(tmp_path)) == 6
