"""The training half of the demo: the order of the students, the sealed forecast, held-out pairs, and the page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from winnow.cli.demo_training import experiment
from winnow.cli.demo_training.experiment import forecast_students, order_students, run_demo_training
from winnow.cli.demo_training.tables import (
    CANDIDATES,
    EXAMPLES,
    HELD_OUT,
    check_no_shared_pairs,
    select_training_rows,
    training_file,
    write_candidates,
    write_problems,
    write_rows,
)
from winnow.errors import BrokenPromise
from winnow.science.tasks.templates import parse_prompt
from winnow.web.demo_page import DemoResult, StudentForecast, StudentScore, render_page


@pytest.mark.slow
def test_scores_have_the_forecast_order_and_the_same_command_reuses_the_models(tmp_path: Path) -> None:
    result = run_demo_training(tmp_path, 0)
    scores = {name: student["scored"] for name, student in result["students"].items()}
    assert scores["verified"] > scores["judged"] > max(scores["control"], scores["unverified"])
    assert (result["pairs_foretold"], result["pairs_held"]) == (5, 5)
    assert_no_held_out_pair_in_training_files(tmp_path)
    forecast = json.loads((tmp_path / "forecast.json").read_bytes())
    assert forecast["seal"] == result["forecast"]
    page = (tmp_path / "page.html").read_text()
    assert "5 came out in the forecast order" in page
    models = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    assert len(models) == 5
    assert run_demo_training(tmp_path, 0) == result
    assert models == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    assert (tmp_path / "page.html").read_text() == page


def assert_no_held_out_pair_in_training_files(folder: Path) -> None:
    def number_pairs(name: str) -> set[frozenset[int]]:
        parsed = [parse_prompt(json.loads(line)["prompt"]) for line in (folder / name).read_text().splitlines()]
        return {frozenset(problem[1]) for problem in parsed if problem is not None}

    held_out = number_pairs("held-out.jsonl")
    assert held_out
    for name in ("examples", "candidates", "control", "judged", "verified"):
        trained = number_pairs(f"{name}.jsonl")
        assert trained and trained.isdisjoint(held_out)


def test_a_pair_that_is_both_held_out_and_learned_from_is_refused(tmp_path: Path) -> None:
    write_problems(tmp_path, 0)
    example, held_out = (json.loads((tmp_path / name).read_text().split("\n")[0]) for name in (EXAMPLES, HELD_OUT))
    for path in (tmp_path / CANDIDATES, *(training_file(tmp_path, name) for name in ("control", "judged", "verified"))):
        write_rows(path, [example])
    assert check_no_shared_pairs(tmp_path) > 100
    write_rows(training_file(tmp_path, "judged"), [held_out])
    with pytest.raises(BrokenPromise, match=r"judged.jsonl: .* is a pair of numbers of the held-out problems"):
        check_no_shared_pairs(tmp_path)


def test_the_forecast_depends_on_the_labels_alone_and_a_change_of_its_file_is_detected(tmp_path: Path) -> None:
    problems = write_problems(tmp_path, 3)[:600]
    # Every third answer is wrong: the labels must say nearly so, and fewer of the judge's rows are wrong.
    answers = [f"A: {problem.answer + (index % 3 == 0)}" for index, problem in enumerate(problems)]
    write_candidates(tmp_path, problems, answers, 3)
    row_counts = select_training_rows(tmp_path, 3)
    forecasts = {forecast.student: forecast for forecast in forecast_students(tmp_path, row_counts)}
    assert abs(forecasts["unverified"].right - 2 / 3) < 0.05
    assert forecasts["control"].right == forecasts["unverified"].right
    assert forecasts["verified"].right == 1.0 and 0.75 < forecasts["judged"].right < 0.95
    assert row_counts["control"] == row_counts["verified"] == 400
    assert abs(forecasts["control"].served - 4 / 9) < 0.05
    before = (tmp_path / "forecast.json").read_bytes()
    forecast_students(tmp_path, row_counts)
    assert (tmp_path / "forecast.json").read_bytes() == before
    (tmp_path / "forecast.json").write_bytes(before.replace(b'"right": 1.0', b'"right": 0.9'))
    with pytest.raises(BrokenPromise, match="is another forecast than these labels make"):
        forecast_students(tmp_path, row_counts)


def test_students_with_overlapping_intervals_are_not_ordered() -> None:
    forecasts = [
        StudentForecast("a", 10, 0.5, 0.45, 0.55, 0.5),
        StudentForecast("b", 10, 0.54, 0.5, 0.6, 0.5),
        StudentForecast("c", 10, 0.9, 0.8, 1.0, 0.5),
    ]
    assert order_students(forecasts) == [("c", "a"), ("c", "b")]


class ExternalContentFinder(HTMLParser):
    """Collects the tags with which a page would load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe") or {"src", "href", "onload"} & dict(attrs).keys():
            self.tags.append(tag)


def test_the_page_loads_nothing_and_escapes_text_of_models() -> None:
    right_answers = {"unverified": 40, "control": 38, "judged": 60, "verified": 90}
    scores = {name: StudentScore(name, right, 100) for name, right in right_answers.items()}
    result = DemoResult(
        seed=0,
        generator=StudentScore("generator", 35, 100),
        forecasts=[StudentForecast(name, 100, score.accuracy, 0.3, 0.95, 0.4) for name, score in scores.items()],
        scores=scores,
        predicted_pairs=[("verified", "control"), ("control", "judged")],
        held_out_pairs=99,
        examples=[
            (
                "Ann has 12 cards. <script>",
                24,
                {"generator": ("A: <img src=x>", False), "verified": ("A: 24", True)},
            )
        ],
        seal="f" * 64,
        example_count=1_000,
        prompt_count=4_000,
        label_count=500,
        descriptions={name: name for name in scores},
    )
    page = render_page(result)
    finder = ExternalContentFinder()
    finder.feed(page)
    assert finder.tags == []
    assert "url(" not in page and "@import" not in page and "http" not in page
    assert "&lt;img src=x&gt;" in page and "<strong>1 came out" in page


def test_at_most_two_processes_train() -> None:
    assert experiment.MAX_PROCESSES == 2


def test_the_forecast_is_written_before_the_students_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast_exists: list[bool] = []
    monkeypatch.setattr(experiment, "train_generator", lambda folder, seed: StudentScore("generator", 50, 100))
    monkeypatch.setattr(experiment, "generate_answers", lambda folder, name, prompts: ["A: 50"] * len(prompts))

    def stop(*arguments: Any) -> dict[str, StudentScore]:
        forecast_exists.append((tmp_path / "forecast.json").is_file())
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "train_students", stop)
    with pytest.raises(KeyboardInterrupt):
        run_demo_training(tmp_path, 1)
    assert forecast_exists == [True]
