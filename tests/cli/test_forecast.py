"""The commands plan and forecast: which rows to label, and the rule that the labels recommend."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

PROMPTS, EACH = 60, 8


def right(prompt: int, index: int) -> int:
    """Right for the lower half of the scores: a judge whose favorites are wrong."""
    return int(index < 4 or (prompt + index) % 9 == 0)


def row(prompt: int, index: int) -> dict[str, Any]:
    """A candidate; the verdict passes the three lowest scores."""
    verdict = "pass" if index < 3 else "fail"
    ids = {"candidate_id": f"p{prompt}#{index}", "prompt_id": f"p{prompt}"}
    return {**ids, "text": f"{prompt} {index}", "judge": index + 0.5, "v.verdict": verdict}


ROWS = [row(p, i) for p in range(PROMPTS) for i in range(EACH)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    return path


def fill_in_labels(path: Path) -> list[dict[str, str]]:
    """The rows of a plan, labeled by the truth, written back."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for one in rows:
        one["correct"] = str(right(*map(int, one["text"].split())))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_with_every_row_labeled_the_curve_is_exact_and_its_decline_is_certain(winnow: Any, tmp_path: Path) -> None:
    labeled = [{**row(p, i), "correct": right(p, i)} for p in range(PROMPTS) for i in range(EACH)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in labeled))
    done = winnow("forecast", "t.jsonl", "--score", "judge", "--n", "1,8", "--json")
    found = json.loads(done.stdout)
    of_one, of_all = (point["accuracy"] for point in found["best_of_n"])
    assert of_one == pytest.approx(sum(one["correct"] for one in labeled) / len(labeled))
    assert of_all == pytest.approx(sum(right(p, EACH - 1) for p in range(PROMPTS)) / PROMPTS)
    assert any(one["code"] == "over-optimization" and one["sure"] for one in found["warnings"])
    assert found["recommended"]["command"].startswith("winnow select t.jsonl --score judge --no-passed")


def test_a_plan_for_a_forecast_comes_back_as_labels_with_known_chances(
    winnow: Any, table: Path, tmp_path: Path
) -> None:
    asked = ("t.jsonl", "--score", "judge", "--for", "forecast", "--budget", "100", "--out", "l.csv")
    assert winnow("plan", *asked).returncode == 0
    rows = fill_in_labels(tmp_path / "l.csv")
    assert len({one["candidate_id"] for one in rows}) == 100
    assert all(0 < float(one["drawn"]) <= 1 for one in rows)
    found = json.loads(winnow("forecast", "t.jsonl", "--score", "judge", "--labels", "l.csv", "--json").stdout)
    assert (found["labels"], found["labeled"]) == ("planned", 100)
    truth = sum(right(p, i) for p in range(PROMPTS) for i in range(EACH)) / len(ROWS)
    first = found["best_of_n"][0]
    assert first["low"] < truth < first["high"]


def test_a_plan_for_the_card_labels_both_sides_and_comes_back(winnow: Any, table: Path, tmp_path: Path) -> None:
    assert winnow("plan", "t.jsonl", "--for", "measure", "--budget", "80", "--out", "l.csv").returncode == 0
    rows = fill_in_labels(tmp_path / "l.csv")
    assert {one["stratum"] for one in rows} == {"kept", "dropped"}
    done = winnow("measure", "t.jsonl", "--labels", "l.csv", "--labels-drawn", "by-verdict", "--json")
    card = json.loads(done.stdout)
    assert (card["labeled"], card["decision"]) == (80, "helps")
    kept = [right(p, i) for p in range(PROMPTS) for i in range(3)]
    assert card["precision"]["value"] == pytest.approx(sum(kept) / len(kept), abs=0.1)


def test_the_same_plan_is_the_same_file(winnow: Any, table: Path, tmp_path: Path) -> None:
    for name, budget in (("a.csv", "40"), ("b.csv", "40")):
        assert winnow("plan", "t.jsonl", "--budget", budget, "--out", name).returncode == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "t.jsonl", "--for", "train", "--out", "l.csv"), "--for: 'train' is not one of 'measure', 'forecast'"),
        (("plan", "t.jsonl", "--budget", "0", "--out", "l.csv"), "--budget"),
        (("plan", "t.jsonl", "--out", "t.jsonl"), "untouched"),
        (("forecast", "t.jsonl", "--score", "judge", "--n", "0"), "whole numbers from 1"),
        (("forecast", "t.jsonl", "--score", "judge", "--regime", "selfish"), "self"),
        (("forecast", "t.jsonl", "--score", "juge"), "Did you mean 'judge'"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(
    winnow: Any, table: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = winnow(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert message in done.stderr
