"""Pilots: training files of equal size, made by the rules they name, complete or not there at all."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import winnow
from tests.stages.forecast.forecast_tables import EACH, PROMPTS, candidates, read_rows, score_by_prompt, write_rows

FILES = ("recommended", "runner-up", "control")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "t.jsonl", candidates())


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_three_files_have_equally_many_whole_rows_each_with_its_rule(table: Path, tmp_path: Path) -> None:
    report = winnow.forecast(table, score="judge", pilot=tmp_path / "p")
    assert report.pilot is not None
    whole = {row["candidate_id"]: row for row in candidates()}
    files = {one.file: read_rows(one.path) for one in report.pilot.files}
    assert {name: len(rows) for name, rows in files.items()} == dict.fromkeys(FILES, PROMPTS)
    for rows in files.values():
        for row in rows:
            rule, weight = row.pop("winnow_rule"), row.pop("winnow_weight")
            assert (row, weight, bool(rule)) == (whole[row["candidate_id"]], 1.0, True)


def test_the_control_has_as_many_rows_of_each_prompt_and_ignores_the_score(tmp_path: Path) -> None:
    table = write_rows(tmp_path / "t.jsonl", candidates(2.0, prompts=400))
    winnow.forecast(table, score="judge", pilot=tmp_path / "p")
    best, control = (read_rows(tmp_path / "p" / f"{name}.jsonl") for name in ("recommended", "control"))
    assert Counter(row["prompt_id"] for row in best) == Counter(row["prompt_id"] for row in control)
    rows = read_rows(table)
    raw = sum(row["correct"] for row in rows) / len(rows)
    shares = [sum(row["correct"] for row in file) / len(file) for file in (best, control)]
    assert shares[0] > raw + 0.15
    assert shares[1] == pytest.approx(raw, abs=0.08)


def test_files_have_as_many_rows_as_the_rule_that_keeps_fewest(tmp_path: Path) -> None:
    """The threshold keeps several rows of a prompt, the runner-up draws one of each."""
    table = write_rows(tmp_path / "t.jsonl", score_by_prompt())
    rows = [{**row, "judge": row["correct"] + 0.001 * i} for i, row in enumerate(score_by_prompt())]
    write_rows(table, rows[: PROMPTS * EACH - EACH] + [{**row, "judge": 0.0} for row in rows[-EACH:]])
    report = winnow.forecast(table, score="judge", pilot=tmp_path / "p", n=[1, 2])
    assert report.pilot is not None
    assert {one.file: one.rows for one in report.pilot.files} == dict.fromkeys(FILES, report.pilot.files[0].rows)
    kept = {one.file: one.rows for one in report.result.file_forecasts}
    assert report.pilot.files[0].rows == min(kept["recommended"], kept["runner-up"])
    assert kept["recommended"] != kept["runner-up"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_csv_and_parquet_tables_give_files_of_the_same_format(tmp_path: Path, ending: str) -> None:
    rows = pa.Table.from_pylist(candidates())
    path = tmp_path / f"t.{ending}"
    if ending == "csv":
        pacsv.write_csv(rows, path)
    else:
        pq.write_table(rows, path)
    winnow.forecast(path, score="judge", pilot=tmp_path / "p")
    counts = {winnow.select(tmp_path / "p" / f"{name}.{ending}", distinct=True).summary["rows_in"] for name in FILES}
    assert counts == {PROMPTS}


def test_rows_in_memory_give_json_lines(tmp_path: Path) -> None:
    winnow.forecast(candidates(), score="judge", pilot=tmp_path / "p")
    assert {len(read_rows(tmp_path / "p" / f"{name}.jsonl")) for name in FILES} == {PROMPTS}


def test_labels_from_another_file_are_not_in_the_training_files(tmp_path: Path) -> None:
    rows = candidates()
    table = write_rows(
        tmp_path / "t.jsonl", [{name: row[name] for name in row if name != "correct"} for row in candidates()]
    )
    marks = "".join(f"{row['candidate_id']},{row['correct']}\n" for row in rows)
    (tmp_path / "l.csv").write_text("candidate_id,correct\n" + marks)
    report = winnow.forecast(table, score="judge", labels=tmp_path / "l.csv", pilot=tmp_path / "p")
    assert report.pilot is not None
    assert all("correct" not in row for one in report.pilot.files for row in read_rows(one.path))
    stored = json.loads((tmp_path / "p" / "forecast.json").read_text())
    assert stored["source"]["labels"]["files"][0]["path"] == "../l.csv"


def test_a_row_set_aside_for_its_text_leaves_the_files_equal(tmp_path: Path) -> None:
    rows = candidates(3.0)
    for row in rows[:EACH]:
        row["text"] = {"not": "text"}
    table = write_rows(tmp_path / "t.jsonl", rows)
    report = winnow.forecast(table, score="judge", pilot=tmp_path / "p", bad_rows="quarantine:20")
    assert report.pilot is not None
    assert {len(read_rows(one.path)) for one in report.pilot.files} == {PROMPTS - 1}
    assert {one.rows for one in report.pilot.files} == {PROMPTS - 1}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{**row, "correct": None} for row in candidates()], "no rule is recommended"),
        (
            [{**row, "judge": -row["judge"]} for row in candidates(2.0)],
            "the forecast recommends to keep every row",
        ),
    ],
)
def test_without_a_recommended_rule_a_pilot_is_refused_and_nothing_is_written(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(winnow.UsageError, match=message):
        winnow.forecast(write_rows(tmp_path / "t.jsonl", rows), score="judge", label="correct", pilot=tmp_path / "p")
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_the_same_pilot_is_the_same_bytes_in_another_folder_and_is_found_again(table: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        winnow.forecast(table, score="judge", pilot=tmp_path / name, seed=4)
    first = bytes_of(tmp_path / "a")
    assert first == bytes_of(tmp_path / "b")
    again = winnow.forecast(table, score="judge", pilot=tmp_path / "a", seed=4)
    assert again.pilot is not None and again.pilot.already_done
    assert bytes_of(tmp_path / "a") == first


@pytest.mark.parametrize("lost", ["forecast.json", "control.jsonl", "runner-up.jsonl"])
def test_the_same_command_finishes_an_interrupted_pilot(table: Path, tmp_path: Path, lost: str) -> None:
    winnow.forecast(table, score="judge", pilot=tmp_path / "p")
    first = bytes_of(tmp_path / "p")
    (tmp_path / "p" / lost).unlink()
    again = winnow.forecast(table, score="judge", pilot=tmp_path / "p")
    assert again.pilot is not None and not again.pilot.already_done
    assert bytes_of(tmp_path / "p") == first


def test_an_edited_training_file_is_not_overwritten(table: Path, tmp_path: Path) -> None:
    winnow.forecast(table, score="judge", pilot=tmp_path / "p")
    control = tmp_path / "p" / "control.jsonl"
    control.write_text(control.read_text() + "{}\n")
    with pytest.raises(winnow.UsageError, match="not an untouched result of winnow"):
        winnow.forecast(table, score="judge", pilot=tmp_path / "p")


def test_a_folder_with_another_forecast_is_refused_and_left_as_it_is(table: Path, tmp_path: Path) -> None:
    winnow.forecast(table, score="judge", pilot=tmp_path / "p")
    before = bytes_of(tmp_path / "p")
    with pytest.raises(winnow.UsageError, match="holds another forecast"):
        winnow.forecast(table, score="judge", n=[1, 2], pilot=tmp_path / "p")
    assert bytes_of(tmp_path / "p") == before


def test_a_pilot_and_a_file_of_the_forecast_cannot_both_be_written(table: Path, tmp_path: Path) -> None:
    with pytest.raises(winnow.UsageError, match="out: out and pilot both keep the forecast"):
        winnow.forecast(table, score="judge", pilot=tmp_path / "p", out=tmp_path / "f.json")


def test_a_pilot_of_two_files_says_why_there_is_no_third(table: Path, tmp_path: Path) -> None:
    pilot = winnow.forecast(table, score="judge", pilot=tmp_path / "p").pilot
    assert pilot is not None
    reason = "  no other rule selects enough rows for a runner-up"
    assert reason not in list(pilot.lines())
    assert reason in list(replace(pilot, files=pilot.files[:2]).lines())
