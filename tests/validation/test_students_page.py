"""The page on students and the record that a forecast states are made from the rows in results/studies."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.science.studies.framework.check import format_rows
from winnow.statistics.forecasts.students import STUDY_RECORD

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def studies() -> ModuleType:
    """The script validation/students_page.py."""
    spec = importlib.util.spec_from_file_location("students_page", PROJECT / "validation" / "students_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_record_that_a_forecast_reports_is_that_of_the_committed_rows(studies: ModuleType) -> None:
    assert studies.forecast_record() == STUDY_RECORD


def test_a_changed_row_changes_the_page(studies: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = studies.PAGE.read_text("utf-8")
    for file in studies.STUDIES.iterdir():
        content = file.read_text("utf-8")
        (tmp_path / file.name).write_text(content.replace("0.", "0.0") if file.suffix == ".csv" else content, "utf-8")
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    assert studies.rewrite_page_text(text) != text


def test_times_are_not_copied(studies: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "reproduced" / "forecast").mkdir(parents=True)
    rows: list[dict[str, object]] = [
        {"what": "model", "who": "a", "seconds": None},
        {"what": "seconds", "who": "a", "seconds": 1.5},
    ]
    (tmp_path / "reproduced" / "forecast" / "rows.csv").write_text(format_rows(rows, "csv"), "utf-8")
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    studies.copy_rows("forecast", tmp_path / "reproduced")
    assert studies.read_study_rows("forecast") == [{"what": "model", "who": "a"}]


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_survives_a_round_trip_through_its_text(studies: ModuleType, value: object) -> None:
    text = "" if value is None else str(value)
    assert studies.parse_value(text) == value and type(studies.parse_value(text)) is type(value)
