"""Forecast files cannot be changed unnoticed, and outcomes are never lost, recorded twice, or mixed up."""

from __future__ import annotations

import fcntl
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import winnow
from tests.stages.forecast.forecast_tables import candidates, write_rows
from winnow.storage.receipts import seal_json


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    table = write_rows(tmp_path / "t.jsonl", candidates())
    winnow.forecast(table, score="judge", out=tmp_path / "f.json")
    return tmp_path / "f.json"


def lines(stored: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stored.with_name("outcomes.jsonl").read_text().splitlines()]


def test_a_forecast_file_holds_the_forecast_and_the_same_forecast_is_the_same_bytes(
    stored: Path, tmp_path: Path
) -> None:
    report = winnow.forecast(tmp_path / "t.jsonl", score="judge", out=tmp_path / "g.json")
    assert (tmp_path / "g.json").read_bytes() == stored.read_bytes()
    content = json.loads(stored.read_text())
    document = json.loads(json.dumps(report.to_dict()))
    assert content["forecast"] == {
        name: value for name, value in document.items() if name not in ("lead", "pilot", "record", "out")
    }
    assert content["stage"]["config"]["score"] == "judge"
    assert content["source"]["files"][0]["path"] == "t.jsonl"
    predicted = winnow.outcome(stored, score=0.7, n=200).to_dict()["said"]
    assert (
        predicted["sampling"]["value"]
        == {one.file: one for one in report.result.file_forecasts}["recommended"].sampling.value
    )


def test_the_same_forecast_again_leaves_the_file_and_another_one_is_refused(stored: Path, tmp_path: Path) -> None:
    before = stored.read_bytes()
    winnow.outcome(stored, score=0.7, n=200)
    winnow.forecast(tmp_path / "t.jsonl", score="judge", out=stored)
    with pytest.raises(winnow.UsageError, match="holds another forecast"):
        winnow.forecast(tmp_path / "t.jsonl", score="judge", regime="teacher", out=stored)
    assert stored.read_bytes() == before


def test_any_edit_of_a_stored_forecast_is_refused_and_nothing_recorded(stored: Path) -> None:
    text = stored.read_text()
    content = json.loads(text)
    share = str(content["forecast"]["said"][1]["sampling"]["value"])
    for edited in (text.replace(share, "0.99"), text.replace("self", "teacher"), json.dumps(content), text + " "):
        assert edited != text
        stored.write_text(edited)
        with pytest.raises(winnow.BrokenPromise, match="was changed after winnow wrote it"):
            winnow.outcome(stored, score=0.7, n=200)
    assert not stored.with_name("outcomes.jsonl").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"format": "winnow-receipt-1"}', "\ud800", "[" * 100_000, '{"rows": NaN}']
)
def test_a_file_that_is_not_a_forecast_is_refused(stored: Path, text: str) -> None:
    stored.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(winnow.BadTable, match="is not a forecast of winnow"):
        winnow.outcome(stored, score=0.7, n=200)


def test_a_forecast_of_another_format_or_sealed_without_its_parts_is_refused(stored: Path) -> None:
    stored.write_bytes(seal_json({"format": "winnow-forecast-2"}))
    with pytest.raises(winnow.BadTable, match="and this winnow reads winnow-forecast-1"):
        winnow.outcome(stored, score=0.7, n=200)
    stored.write_bytes(seal_json({"format": "winnow-forecast-1", "forecast": {}}))
    with pytest.raises(winnow.BadTable, match="it lacks 'said'"):
        winnow.outcome(stored, score=0.7, n=200)


def test_a_path_without_a_forecast_is_refused_and_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "gone.json"):
        with pytest.raises(winnow.UsageError, match="does not exist. Name the folder of winnow forecast --pilot"):
            winnow.outcome(place, score=0.7, n=200)


def test_the_same_outcome_twice_is_recorded_once_and_of_several_the_last_counts(stored: Path) -> None:
    assert winnow.outcome(stored, score=0.7, n=200).is_new
    assert not winnow.outcome(stored, score=0.7, n=200).is_new
    winnow.outcome(stored, score=0.5, n=200, file="control")
    later = winnow.outcome(stored, score=0.6, n=400, note="second seed")
    assert [(one["file"], one["score"]) for one in lines(stored)] == [
        ("recommended", 0.7),
        ("control", 0.5),
        ("recommended", 0.6),
    ]
    difference = later.to_dict()["difference"]
    assert difference["value"] == pytest.approx(0.1)


def test_outcomes_recorded_at_the_same_moment_are_all_kept(stored: Path) -> None:
    scores, together = [number / 20 for number in range(8)], Barrier(8)

    def record(score: float) -> bool:
        together.wait()
        return winnow.outcome(stored, score=score, n=200).is_new

    with ThreadPoolExecutor(len(scores)) as at_once:
        assert all(at_once.map(record, scores))
    assert sorted(one["score"] for one in lines(stored)) == scores


def test_a_process_that_records_waits_for_another_and_keeps_its_line(stored: Path) -> None:
    winnow.outcome(stored, score=0.5, n=200, file="control")
    record = stored.with_name("outcomes.jsonl")
    with ThreadPoolExecutor(1) as other, record.with_name(".outcomes.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = other.submit(winnow.outcome, stored, score=0.7, n=200)
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        record.write_text(record.read_text() + record.read_text().replace("0.5", "0.25"))
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert waiting.result(60).is_new
    assert [one["score"] for one in lines(stored)] == [0.5, 0.25, 0.7]


def test_an_outcome_after_a_line_without_line_end_starts_a_new_line(stored: Path) -> None:
    winnow.outcome(stored, score=0.5, n=200, file="control")
    record = stored.with_name("outcomes.jsonl")
    record.write_text(record.read_text().rstrip("\n"))
    winnow.outcome(stored, score=0.7, n=200)
    assert [one["file"] for one in lines(stored)] == ["control", "recommended"]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_an_interrupted_record_leaves_the_old_file(
    stored: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: BaseException
) -> None:
    winnow.outcome(stored, score=0.5, n=200, file="control")
    before = {path: path.read_bytes() for path in stored.parent.iterdir()}

    def stopped(*_: object) -> None:
        raise fault

    monkeypatch.setattr(os, call, stopped)
    with pytest.raises((winnow.EnvironmentFault, KeyboardInterrupt)):
        winnow.outcome(stored, score=0.7, n=200)
    assert {path: path.read_bytes() for path in stored.parent.iterdir()} == before


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "no",
        '{"forecast":"f.json","seal":"s","file":"control","score":2,"n":5}',
        '{"forecast":"../f.json","seal":"s","file":"control","score":0.5,"n":5}',
        '{"forecast":"f.json","seal":"s","file":"best","score":0.5,"n":5}',
        '{"forecast":"f.json","seal":"s","file":"control","score":"0.5","n":5}',
    ],
)
def test_a_line_that_is_not_an_outcome_is_refused_with_its_number_and_nothing_is_added(stored: Path, line: str) -> None:
    winnow.outcome(stored, score=0.5, n=200, file="control")
    record = stored.with_name("outcomes.jsonl")
    record.write_text(record.read_text() + line + "\n")
    before = record.read_bytes()
    with pytest.raises(winnow.BadTable, match="outcomes.jsonl:2: is not a recorded outcome"):
        winnow.outcome(stored, score=0.7, n=200)
    assert record.read_bytes() == before


def test_two_forecasts_in_one_folder_keep_their_outcomes_apart(stored: Path, tmp_path: Path) -> None:
    winnow.forecast(tmp_path / "t.jsonl", score="judge", n=[1, 2], out=tmp_path / "g.json")
    winnow.outcome(stored, score=0.5, n=200, file="control")
    assert winnow.outcome(tmp_path / "g.json", score=0.7, n=200).to_dict()["difference"] is None
    found = winnow.forecast(tmp_path / "t.jsonl", score="judge", record=tmp_path).to_dict()["record"]
    assert (found["pilots"], found["outcomes"]) == (2, 1)
