"""The page of the demo: one HTML file without scripts, fonts or pictures from elsewhere.

Every number on it comes from the files of the demo, and text written by models is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.science.tasks.demo.sum_problems import PASS_RATE_RIGHT, PASS_RATE_WRONG
from winnow.statistics.intervals import IntervalEstimate
from winnow.web.figures import AccuracyBar, ForecastPoint, bar_chart, scatter_plot

STYLE = """
:root { --ink: #1d2327; --soft: #5d6a72; --line: #d9dfe3; --paper: #ffffff; --panel: #f6f8f9; --wrong: #b3372f;
  --verified: #12805c; --judged: #d18f00; --control: #8a97a0; --unverified: #5a6b78; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ecef; --soft: #9fadb6; --line: #36424a; --paper: #14191d; --panel: #1c2328; --wrong: #ef7f76;
    --verified: #35b98a; --judged: #e7ad2e; --control: #75838d; --unverified: #93a4b0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 Georgia, "Times New Roman", serif; }
main { max-width: 720px; margin: 0 auto; padding: 56px 20px 80px; }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 10px; }
h2 { font-size: 21px; margin: 44px 0 8px; }
p { margin: 0 0 14px; }
figure { margin: 18px 0 6px; }
figcaption, .small { color: var(--soft); font-size: 14.5px; }
.lead { font-size: 20px; color: var(--soft); }
.square { max-width: 470px; margin-left: auto; margin-right: auto; }
svg { width: 100%; height: auto; display: block; }
svg text, table { font-family: ui-sans-serif, system-ui, sans-serif; }
svg text { fill: var(--ink); font-size: 15px; }
svg .tick, svg .note { font-size: 13px; fill: var(--soft); }
svg .value { font-weight: 600; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .generator { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
svg .verified { fill: var(--verified); }
svg .judged { fill: var(--judged); }
svg .control { fill: var(--control); }
svg .unverified { fill: var(--unverified); }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { padding: 7px 8px; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
th:first-child, td:first-child, .words { text-align: left; }
.right { color: var(--verified); }
.wrong { color: var(--wrong); }
code { font: 14.5px ui-monospace, Menlo, monospace; background: var(--panel); padding: 1px 5px; border-radius: 4px; }
"""


@dataclass(frozen=True)
class StudentForecast:
    """The share right in what a student learns from, its interval, and the share of prompts with a right row there."""

    student: str
    rows: int
    right: float
    low: float
    high: float
    served: float


@dataclass(frozen=True)
class StudentScore:
    """How many of the held-out problems it has right."""

    name: str
    right: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.right / self.n


@dataclass(frozen=True)
class DemoPageData:
    """Everything the page shows."""

    seed: int
    generator: StudentScore
    forecasts: Sequence[StudentForecast]
    scores: dict[str, StudentScore]
    predicted_pairs: Sequence[tuple[str, str]]
    held_out_pairs: int
    examples: Sequence[tuple[str, int, dict[str, tuple[str, bool]]]]
    """Some held-out problems: the prompt, the answer, and what each model says and whether that is right."""
    intervals: dict[str, IntervalEstimate]
    seal: str
    example_count: int
    prompt_count: int
    label_count: int
    descriptions: dict[str, str]
    """What each student learned from, in words."""


def render_page(data: DemoPageData) -> str:
    """Render the page as one HTML document."""
    best, unverified = data.scores["verified"], data.scores["unverified"]
    confirmed = sum(
        data.scores[better].accuracy > data.scores[worse].accuracy for better, worse in data.predicted_pairs
    )
    parts = [
        "<h1>Which selection trains the best student?</h1>",
        f'<p class="lead">A small model, deliberately undertrained on {data.example_count:,} word problems, answered '
        f"{data.prompt_count:,} new ones. Four students were trained on its answers. The student that saw only "
        f"verified answers solves {best.accuracy:.0%} of new problems; the student that saw all answers, "
        f"{unverified.accuracy:.0%}.</p>",
        _setup_section(data),
        "<h2>What each student learned</h2>",
        f"<figure>{bar_chart(_bars(data), data.generator.accuracy)}<figcaption>Held-out problems right, of "
        f"{best.n:,}; bars are 95% intervals. All students are the same model, trained for the same number of steps."
        "</figcaption></figure>",
        "<h2>Forecast and outcome</h2>",
        f"<p>Before training, {data.label_count} labels estimated how many of each student's training rows are right, "
        f"and so an order of the students. Of the {len(data.predicted_pairs)} pairs that the labels could tell apart, "
        f"<strong>{confirmed} came out in the forecast order</strong>. The forecast names no score, and the figure "
        "shows why: the distance between a score and the share right of the rows differs between students.</p>",
        _forecast_table(data),
        f'<figure class="square">{scatter_plot(_points(data))}<figcaption>On the dashed line a student would be right '
        "as often as its training rows. Bars are the 95% intervals of the forecast.</figcaption></figure>",
        "<h2>New problems on which they differ</h2>",
        _examples_table(data),
        _limitations(data),
    ]
    return _html_document("\n".join(parts))


def _setup_section(data: DemoPageData) -> str:
    forecasts = {forecast.student: forecast for forecast in data.forecasts}
    rows = "".join(
        f"<tr><td>{name}</td><td class='words'>{description}</td><td>{forecasts[name].rows:,}</td></tr>"
        for name, description in data.descriptions.items()
    )
    return (
        "<p>Every problem is like this one: <em>"
        f"{html.escape(data.examples[0][0])}</em> The generator has {data.generator.accuracy:.0%} of new ones right. "
        f"None of the {data.held_out_pairs:,} pairs of numbers in the new problems occurs in any training file, so no "
        "model can have memorized an answer.</p>"
        f"<table><tr><th>student</th><th class='words'>learns from</th><th>rows</th></tr>{rows}</table>"
    )


def _bars(data: DemoPageData) -> list[AccuracyBar]:
    order = sorted(data.scores.values(), key=lambda score: -score.accuracy)
    return [
        AccuracyBar(student_score.name, student_score.accuracy, *_interval_ends(data.intervals[student_score.name]))
        for student_score in order
    ]


def _points(data: DemoPageData) -> list[ForecastPoint]:
    return [
        ForecastPoint(
            forecast.student, forecast.right, forecast.low, forecast.high, data.scores[forecast.student].accuracy
        )
        for forecast in data.forecasts
    ]


def _interval_ends(figure: IntervalEstimate) -> tuple[float, float]:
    assert figure.low is not None and figure.high is not None
    return figure.low, figure.high


def _forecast_table(data: DemoPageData) -> str:
    lines = []
    for forecast in sorted(data.forecasts, key=lambda each: -each.right):
        score = data.scores[forecast.student]
        lines.append(
            f"<tr><td>{forecast.student}</td><td>{forecast.right:.0%} ({forecast.low:.0%} to {forecast.high:.0%})</td>"
            f"<td>{forecast.served:.0%}</td><td>{score.accuracy:.1%}</td></tr>"
        )
    head = "<tr><th>student</th><th>rows right (forecast)</th><th>prompts with a right row</th><th>score</th></tr>"
    return f"<table>{head}{''.join(lines)}</table>"


def _examples_table(data: DemoPageData) -> str:
    names = list(data.examples[0][2])
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = []
    for prompt, answer, answers in data.examples:
        cells = "".join(_answer_cell(*answers[name]) for name in names)
        lines.append(f"<tr><td>{html.escape(prompt)} <span class='small'>{answer}</span></td>{cells}</tr>")
    return f"<table><tr><th>problem, and its answer</th>{head}</tr>{''.join(lines)}</table>"


def _answer_cell(text: str, is_right: bool) -> str:
    kind, mark = ("right", "✓") if is_right else ("wrong", "✗")
    return f'<td class="{kind}">{html.escape(text.removeprefix("A: "))}&nbsp;{mark}</td>'


def _limitations(data: DemoPageData) -> str:
    return (
        "<h2>Limits</h2><p>This is one small task, one small model and one seed. The judge is simulated "
        f"with known error rates (it passes {PASS_RATE_RIGHT:.0%} of right answers and "
        f"{PASS_RATE_WRONG:.0%} of wrong ones), and "
        "checking a sum is easier than checking an essay. On larger tasks expect the order, which can fail; "
        'the numbers do not carry over.</p><p class="small">Made by '
        f"<code>winnow demo --train --seed {data.seed}</code>. The forecast was sealed before training: "
        f"<code>{data.seal[:16]}</code> in <code>forecast.json</code>.</p>"
    )


def _html_document(body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<title>winnow: which selection trains the best student?</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )
