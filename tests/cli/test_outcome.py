"""The commands forecast --pilot and outcome: training files from a table, and what training gave."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stages.forecast.forecast_tables import candidates, write_rows
from winnow import forecast as make_forecast
from winnow.statistics.intervals import IntervalEstimate
from winnow.statistics.outcomes import measure_share, subtract_shares

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "t.jsonl", candidates(2.0))


@pytest.fixture
def run(run_json: Run, table: Path) -> Run:
    """Runs a command on the table's folder."""
    return run_json


def points(figure: IntervalEstimate) -> str:
    value, low, high = (100 * (one or 0.0) for one in (figure.value, figure.low, figure.high))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"


def forecast(run: Run, folder: str, *more: str) -> dict[str, Any]:
    return run("forecast", "t.jsonl", "--score", "judge", "--pilot", folder, *more)


def outcome(run: Run, folder: str, file: str, score: float, n: int = 400) -> dict[str, Any]:
    return run("outcome", folder, "--file", file, "--score", str(score), "--n", str(n))


def test_the_commands_of_a_pilot_write_its_files_again_byte_for_byte(winnow: Any, run: Run, tmp_path: Path) -> None:
    pilot = forecast(run, "my pilots/a", "--seed", "3")["pilot"]
    (tmp_path / "again").mkdir()
    for one in pilot["files"]:
        if one["file"] != "control":
            line = shlex.split(one["command"].replace("my pilots/a", "again"))
            assert winnow(*line[1:]).returncode == 0, one["command"]
    for one in pilot["files"]:
        made = tmp_path / "again" / Path(one["path"]).name
        assert made.read_bytes() == (tmp_path / one["path"]).read_bytes()
        assert (one["rows"], one["bytes"]) == (pilot["rows"], made.stat().st_size)


def test_the_commands_name_columns_that_would_be_guessed_otherwise(winnow: Any, run: Run, tmp_path: Path) -> None:
    rows = [
        {"task": "one", "which": row["prompt_id"], "says": row["text"], "loss": -row["judge"], "ok": row["correct"]}
        for row in candidates(2.0)
    ]
    write_rows(tmp_path / "strange name.jsonl", rows)
    named = ("--prompt", "which", "--text", "says", "--label", "ok", "--lower-is-better")
    found = run("forecast", "strange name.jsonl", "--score", "loss", *named, "--pilot", "p")
    line = found["recommended"]["command"]
    assert line.startswith("winnow select 'strange name.jsonl' --score loss --prompt which --text says --best-of 8")
    assert line.count("--lower-is-better") == 1
    (tmp_path / "again").mkdir()
    again = shlex.split(found["pilot"]["files"][0]["command"].replace("p/", "again/"))
    assert winnow(*again[1:]).returncode == 0
    assert (tmp_path / "again/control.jsonl").read_bytes() == (tmp_path / "p/control.jsonl").read_bytes()


def test_two_outcomes_give_their_difference_and_whether_the_ranking_held(run: Run) -> None:
    forecast(run, "p")
    first = outcome(run, "p", "control", 0.52)
    assert (first["difference"], first["ranking"]) == (None, None)
    second = outcome(run, "p", "recommended", 0.70)
    assert (second["file"], second["n"], second["regime"]) == ("recommended", 400, "self")
    assert second["score"]["low"] < 0.70 < second["score"]["high"]
    assert second["said"]["over_control"]["low"] > 0
    assert second["said"]["raw"]["rule"] == "raw"
    difference = second["difference"]
    assert (difference["of"], difference["over"]) == ("recommended", "control")
    assert difference["value"] == pytest.approx(0.18)
    assert 0 < difference["low"] < 0.18 < difference["high"]
    assert second["ranking"] == "held"


@pytest.mark.parametrize(("control", "ranking"), [(0.69, "undecided"), (0.85, "not held")])
def test_a_ranking_that_did_not_hold_differs_from_an_undecided_one(run: Run, control: float, ranking: str) -> None:
    forecast(run, "p")
    outcome(run, "p", "recommended", 0.70)
    assert outcome(run, "p", "control", control)["ranking"] == ranking


def test_the_text_says_what_to_train_and_which_outcome_is_missing(winnow: Any, table: Path) -> None:
    words = winnow("forecast", "t.jsonl", "--score", "judge", "--pilot", "p").stdout
    assert "pilot in p: 3 files of 120 rows each" in words
    assert "train one student on each file with the same settings, all from the same start" in words
    for file in ("recommended", "runner-up", "control"):
        assert f"  winnow outcome p --file {file} --score S --n K" in words
    first = winnow("outcome", "p", "--score", "0.7", "--n", "400", "--baseline", "0.5").stdout
    best, control, before = measure_share(0.7, 400), measure_share(0.52, 400), measure_share(0.5, 400)
    assert f"recorded: recommended · 70.0% ({best.low:.1%} to {best.high:.1%}) right of 400 held-out prompts" in first
    assert f"over the 50.0% before training: {points(subtract_shares(best, before))}" in first
    assert "winnow outcome p --file control --score S --n K" in first
    second = winnow("outcome", "p", "--file", "control", "--score", "0.52", "--n", "400").stdout
    assert f"recommended over control: {points(subtract_shares(best, control))}; forecast: " in second
    assert "the forecast's ranking: held" in second
    assert winnow("outcome", "p", "--score", "0.7", "--n", "400", "--baseline", "0.5").stdout.startswith("already")


def test_later_forecasts_beside_it_show_the_record(winnow: Any, run: Run) -> None:
    for name, score in (("a", 0.70), ("b", 0.50)):
        said = forecast(run, f"pilots/{name}", "--seed", "1" if name == "a" else "2")
        outcome(run, f"pilots/{name}", "recommended", score)
        outcome(run, f"pilots/{name}", "control", 0.52)
    found = forecast(run, "pilots/c")
    record, lead = found["record"], found["lead"]
    assert (record["pilots"], record["ranking"]) == (2, {"held": 1, "not_held": 0, "undecided": 1})
    shares = [one["said"] for one in record["each"]]
    assert record["error"] == pytest.approx((abs(0.70 - shares[0]) + abs(0.50 - shares[1])) / 2)
    assert (lead["basis"], lead["outcomes"], lead["value"]) == ("your own outcomes", 2, None)
    assert lead["difference"] == pytest.approx(record["difference"])
    words = winnow("forecast", "t.jsonl", "--score", "judge", "--record", "pilots").stdout
    assert "your record (self): the forecast order held in 1 of 2 pilots (1 undecided)" in words
    assert said["record"]["pilots"] == 1


def test_another_regime_does_not_leak_into_the_record(run: Run) -> None:
    forecast(run, "pilots/a", "--regime", "teacher")
    outcome(run, "pilots/a", "recommended", 0.95)
    outcome(run, "pilots/a", "control", 0.52)
    alone = run("forecast", "t.jsonl", "--score", "judge")
    found = run("forecast", "t.jsonl", "--score", "judge", "--record", "pilots")
    assert (found["record"]["pilots"], found["record"]["other_regimes"]) == (0, 1)
    assert (found["record"]["difference"], found["record"]["each"]) == (None, [])
    assert found["lead"] == alone["lead"]
    assert alone["record"] is None
    own = run("forecast", "t.jsonl", "--score", "judge", "--regime", "teacher", "--record", "pilots")
    assert (own["lead"]["basis"], own["lead"]["outcomes"]) == ("your own outcomes", 1)
    assert own["lead"]["counter_evidence"]


def test_a_damaged_forecast_is_left_out_of_the_record_and_named(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        forecast(run, f"pilots/{name}")
        outcome(run, f"pilots/{name}", "recommended", 0.7)
    edited = tmp_path / "pilots" / "a" / "forecast.json"
    edited.write_text(edited.read_text().replace("complete", "planned!"))
    for place in ("pilots", "pilots/*", "pilots/*/outcomes.jsonl"):
        record = run("forecast", "t.jsonl", "--score", "judge", "--record", place)["record"]
        assert record["pilots"] == 1
        assert len(record["left_out"]) == 1
        assert record["left_out"][0].startswith("pilots/a/forecast.json: was changed after winnow wrote it")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--score", "71", "--n", "400"),
            "--score: 71.0 must be a share from 0 to 1; for 71% write 0.71",
        ),
        (("--score", "-0.1", "--n", "400"), "--score: -0.1 must be a share from 0 to 1"),
        (("--score", "nan", "--n", "400"), "--score: nan must be a share from 0 to 1"),
        (("--score", "0.7", "--n", "0"), "--n: 0 must be at least 1"),
        (("--score", "0.7", "--n", "400", "--baseline", "1.5"), "--baseline: 1.5 must be a share from 0 to 1"),
        (
            ("--score", "0.7", "--n", "400", "--file", "controll"),
            "--file: 'controll' is not one of 'recommended', 'runner-up'",
        ),
    ],
)
def test_an_impossible_outcome_is_refused_in_one_line_and_not_recorded(
    winnow: Any, table: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    make_forecast(table, score="judge", out=tmp_path / "f.json")
    done = winnow("outcome", "f.json", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "outcomes.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "f.txt"), "--out: 'f.txt' is not a JSON file"),
        (("--pilot", "t.jsonl"), "--pilot: 't.jsonl' is a file"),
        (("--record", "gone"), "--record: 'gone' does not exist"),
        (("--record", "gone/*"), "--record: 'gone/*' matches nothing"),
        (("--answer", "textt"), "--answer: 'textt' is not a column of t.jsonl. Did you mean 'text'"),
    ],
)
def test_a_wrong_path_or_column_is_refused_before_anything_is_written(
    winnow: Any, table: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = winnow("forecast", "t.jsonl", "--score", "judge", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_an_edited_forecast_breaks_a_promise(winnow: Any, run: Run, tmp_path: Path) -> None:
    forecast(run, "p")
    path = tmp_path / "p" / "forecast.json"
    path.write_text(path.read_text().replace('"regime": "self"', '"regime": "teacher"'))
    done = winnow("outcome", "p", "--score", "0.7", "--n", "400")
    assert done.returncode == 4
    assert "p/forecast.json: was changed after winnow wrote it (its seal differs)" in done.stderr


def test_final_answers_give_the_share_that_a_greedy_student_copies(run: Run, tmp_path: Path) -> None:
    rows = [{**row, "final": "42" if row["correct"] else f" wrong {n} "} for n, row in enumerate(candidates(2.0))]
    write_rows(tmp_path / "t.jsonl", rows)
    found = run("forecast", "t.jsonl", "--score", "judge", "--answer", "final")
    raw = next(one for one in found["copied"] if one["rule"] == "raw")
    by_prompt = [[row["correct"] for row in rows[i : i + 8]] for i in range(0, len(rows), 8)]
    served = [1.0 if sum(one) > 1 else sum(one) / 8 for one in by_prompt]
    assert raw["greedy"]["value"] == pytest.approx(sum(served) / len(served))
