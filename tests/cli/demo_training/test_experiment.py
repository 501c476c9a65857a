"""The demo's second act: the order of the students, the sealed forecast, the pairs held out, the page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from winnow.cli.demo_training import experiment as the_act
from winnow.cli.demo_training import students
from winnow.cli.demo_training.forecast import forecast_students, order_students
from winnow.cli.demo_training.tables import DemoTables, write_rows
from winnow.errors import BrokenPromise
from winnow.science.tasks.templates import parse_prompt
from winnow.statistics.outcomes import measure_share
from winnow.web.demo_page import DemoPageData, StudentForecast, StudentScore, render_page


@pytest.mark.slow
def test_students_end_in_the_order_foreseen_and_the_same_command_again_finds_them(tmp_path: Path) -> None:
    result = the_act.run_demo_training(tmp_path, 0)
    scored = {name: one["scored"] for name, one in result["students"].items()}
    assert scored["verified"] > scored["judged"] > max(scored["control"], scored["unverified"])
    assert (result["pairs_foretold"], result["pairs_held"]) == (5, 5)
    _no_pair_of_the_test_in_training(tmp_path)
    forecast = json.loads((tmp_path / "forecast.json").read_bytes())
    assert forecast["seal"] == result["forecast"]
    written = (tmp_path / "page.html").read_text()
    assert "5 came out in the forecast order" in written
    models = tmp_path / "models"
    made = {path: path.stat().st_mtime_ns for path in models.rglob("model.safetensors")}
    assert len(made) == 5
    assert the_act.run_demo_training(tmp_path, 0) == result
    assert made == {path: path.stat().st_mtime_ns for path in models.rglob("model.safetensors")}
    assert (tmp_path / "page.html").read_text() == written


def _no_pair_of_the_test_in_training(folder: Path) -> None:
    def pairs(name: str) -> set[frozenset[int]]:
        found = [parse_prompt(json.loads(line)["prompt"]) for line in (folder / name).read_text().splitlines()]
        return {frozenset(one[1]) for one in found if one is not None}

    learned = [pairs(f"{name}.jsonl") for name in ("examples", "candidates", "control", "judged", "verified")]
    held = pairs("held-out.jsonl")
    assert held and all(learned) and all(held.isdisjoint(one) for one in learned)


def test_a_pair_that_is_both_held_out_and_learned_from_is_refused(tmp_path: Path) -> None:
    tables = DemoTables(tmp_path)
    tables.write_problems(0)
    held = json.loads(tables.held_out.read_text().split("\n")[0])
    for path in (tables.candidates, *(tables.training_file(one) for one in ("control", "judged", "verified"))):
        write_rows(path, [json.loads(tables.examples.read_text().split("\n")[0])])
    assert tables.check_no_shared_pairs() > 100
    write_rows(tables.training_file("judged"), [held])
    with pytest.raises(BrokenPromise, match=r"judged.jsonl: .* is a pair of numbers of the held-out problems"):
        tables.check_no_shared_pairs()


def test_the_forecast_comes_from_the_labels_alone_and_cannot_be_mended(tmp_path: Path) -> None:
    tables = DemoTables(tmp_path)
    prompts = tables.write_problems(3)[:600]
    # Every third answer is wrong: what the labels say must be near that, and the judge's rows cleaner.
    said = [f"A: {one.answer + (place % 3 == 0)}" for place, one in enumerate(prompts)]
    tables.write_candidates(prompts, said, 3)
    sizes = {"unverified": 600} | {name: len(chosen) for name, chosen in tables.select_training_rows(3).items()}
    found = {one.student: one for one in forecast_students(tables, sizes, tmp_path)}
    assert abs(found["unverified"].right - 2 / 3) < 0.05 and found["control"].right == found["unverified"].right
    assert found["verified"].right == 1.0 and 0.75 < found["judged"].right < 0.95
    assert sizes["control"] == sizes["verified"] == 400
    assert abs(found["control"].served - 4 / 9) < 0.05
    before = (tmp_path / "forecast.json").read_bytes()
    forecast_students(tables, sizes, tmp_path)
    assert (tmp_path / "forecast.json").read_bytes() == before
    (tmp_path / "forecast.json").write_bytes(before.replace(b'"right": 1.0', b'"right": 0.9'))
    with pytest.raises(BrokenPromise, match="is another forecast than these labels make"):
        forecast_students(tables, sizes, tmp_path)


def test_no_order_is_said_of_students_whose_intervals_meet() -> None:
    said = [
        StudentForecast("a", 10, 0.5, 0.45, 0.55, 0.5),
        StudentForecast("b", 10, 0.54, 0.5, 0.6, 0.5),
        StudentForecast("c", 10, 0.9, 0.8, 1.0, 0.5),
    ]
    assert order_students(said) == [("c", "a"), ("c", "b")]


class Outside(HTMLParser):
    """Finds whatever a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("script", "link", "img", "iframe") or {"src", "href", "onload"} & set(named):
            self.found.append(tag)


def test_the_page_needs_nothing_else_and_what_a_model_wrote_is_escaped() -> None:
    shares = {"unverified": 40, "control": 38, "judged": 60, "verified": 90}
    scores = {name: StudentScore(name, right, 100) for name, right in shares.items()}
    said = [StudentForecast(name, 100, one.accuracy, 0.3, 0.95, 0.4) for name, one in scores.items()]
    answers = {"generator": ("A: <img src=x>", False), "verified": ("A: 24", True)}
    story = DemoPageData(
        seed=0,
        generator=StudentScore("generator", 35, 100),
        forecasts=said,
        scores=scores,
        predicted_pairs=[("verified", "control"), ("control", "judged")],
        held_out_pairs=99,
        examples=[("Ann has 12 cards. <script>", 24, answers)],
        intervals={name: measure_share(one.accuracy, one.n) for name, one in scores.items()},
        seal="f" * 64,
        example_count=1_000,
        prompt_count=4_000,
        label_count=500,
        descriptions={name: name for name in scores},
    )
    text = render_page(story)
    outside = Outside()
    outside.feed(text)
    assert outside.found == []
    assert "url(" not in text and "@import" not in text and "http" not in text
    assert "&lt;img src=x&gt;" in text and "<strong>1 came out" in text


def test_two_processes_at_most() -> None:
    assert students.MAX_PROCESSES == 2


def test_act_two_says_what_the_labels_said_before_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(the_act, "train_generator", lambda learner, checked: StudentScore("generator", 50, 100))
    monkeypatch.setattr(the_act, "generate_answers", lambda model, prompts: ["A: 50"] * len(prompts))

    def stop(*given: Any) -> dict[str, StudentScore]:
        asked.append((tmp_path / "forecast.json").is_file())
        raise KeyboardInterrupt

    monkeypatch.setattr(the_act, "train_students", stop)
    with pytest.raises(KeyboardInterrupt):
        the_act.run_demo_training(tmp_path, 1)
    assert asked == [True]
