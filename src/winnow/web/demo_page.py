"""The page of the demo: one HTML file with its figures as SVG, without scripts, fonts or pictures from elsewhere.

Every number on it comes from the files of the demo. Text written by models is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from winnow.science.tasks.demo.sum_problems import PASS_RATE_RIGHT, PASS_RATE_WRONG
from winnow.statistics.outcomes import measure_share

WIDTH = 680
BAR_HEIGHT, GAP, LEFT, RIGHT, TOP = 30, 18, 118, 64, 34
PLOT_SIZE, MARGIN = 420, 52
GRID_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
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
    """The forecast share of right rows in what a student learns from, with its interval.

    `served` is the share of prompts with a right row there.
    """

    student: str
    rows: int
    right: float
    low: float
    high: float
    served: float


@dataclass(frozen=True)
class StudentScore:
    """How many of `n` held-out problems a model has right."""

    name: str
    right: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.right / self.n


ExampleAnswers = tuple[str, int, dict[str, tuple[str, bool]]]
"""A held-out problem: the prompt, the answer, and by model what it answers and whether that is right."""


@dataclass(frozen=True)
class DemoResult:
    """The training half of the demo: forecasts, scores, and what the page says about how they were made."""

    seed: int
    generator: StudentScore
    forecasts: Sequence[StudentForecast]
    scores: dict[str, StudentScore]
    predicted_pairs: Sequence[tuple[str, str]]
    """The pairs of students of which the forecast names an order, the better one first."""
    held_out_pairs: int
    """The number of pairs of numbers in the held-out problems."""
    examples: Sequence[ExampleAnswers]
    seal: str
    example_count: int
    prompt_count: int
    label_count: int
    descriptions: dict[str, str]
    """What each student learned from, in words."""

    @property
    def confirmed_pairs(self) -> list[tuple[str, str]]:
        """The predicted pairs whose scores have the order of the forecast."""
        scores = self.scores
        return [pair for pair in self.predicted_pairs if scores[pair[0]].accuracy > scores[pair[1]].accuracy]


def render_page(result: DemoResult) -> str:
    """Render the page as one HTML document."""
    best, unverified = result.scores["verified"], result.scores["unverified"]
    parts = [
        "<h1>Which selection trains the best student?</h1>",
        f'<p class="lead">A small model, deliberately undertrained on {result.example_count:,} word problems, answered '
        f"{result.prompt_count:,} new ones. Four students were trained on its answers. The student that saw only "
        f"verified answers solves {best.accuracy:.0%} of new problems; the student that saw all answers, "
        f"{unverified.accuracy:.0%}.</p>",
        _setup_section(result),
        "<h2>What each student learned</h2>",
        f"<figure>{_bar_chart(result)}<figcaption>Held-out problems right, of "
        f"{best.n:,}; bars are 95% intervals. All students are the same model, trained for the same number of steps."
        "</figcaption></figure>",
        "<h2>Forecast and outcome</h2>",
        f"<p>Before training, {result.label_count} labels estimated how many of each student's training rows are "
        f"right, and so an order of the students. Of the {len(result.predicted_pairs)} pairs that the labels could "
        f"tell apart, <strong>{len(result.confirmed_pairs)} came out in the forecast order</strong>. The forecast "
        "names no score, and the figure shows why: the distance between a score and the share right of the rows "
        "differs between students.</p>",
        _forecast_table(result),
        f'<figure class="square">{_scatter_plot(result)}<figcaption>On the dashed line a student would be right '
        "as often as its training rows. Bars are the 95% intervals of the forecast.</figcaption></figure>",
        "<h2>New problems on which they differ</h2>",
        _examples_table(result),
        _limitations(result),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<title>winnow: which selection trains the best student?</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


def _setup_section(result: DemoResult) -> str:
    forecasts = {forecast.student: forecast for forecast in result.forecasts}
    rows = "".join(
        f"<tr><td>{name}</td><td class='words'>{description}</td><td>{forecasts[name].rows:,}</td></tr>"
        for name, description in result.descriptions.items()
    )
    return (
        "<p>Every problem is like this one: <em>"
        f"{html.escape(result.examples[0][0])}</em> The generator has {result.generator.accuracy:.0%} of new ones "
        f"right. None of the {result.held_out_pairs:,} pairs of numbers in the new problems occurs in any training "
        "file, so no model can have memorized an answer.</p>"
        f"<table><tr><th>student</th><th class='words'>learns from</th><th>rows</th></tr>{rows}</table>"
    )


def _forecast_table(result: DemoResult) -> str:
    lines = []
    for forecast in sorted(result.forecasts, key=lambda each: -each.right):
        score = result.scores[forecast.student]
        lines.append(
            f"<tr><td>{forecast.student}</td><td>{forecast.right:.0%} ({forecast.low:.0%} to {forecast.high:.0%})</td>"
            f"<td>{forecast.served:.0%}</td><td>{score.accuracy:.1%}</td></tr>"
        )
    head = "<tr><th>student</th><th>rows right (forecast)</th><th>prompts with a right row</th><th>score</th></tr>"
    return f"<table>{head}{''.join(lines)}</table>"


def _examples_table(result: DemoResult) -> str:
    names = list(result.examples[0][2])
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = []
    for prompt, answer, answers in result.examples:
        cells = "".join(_answer_cell(*answers[name]) for name in names)
        lines.append(f"<tr><td>{html.escape(prompt)} <span class='small'>{answer}</span></td>{cells}</tr>")
    return f"<table><tr><th>problem, and its answer</th>{head}</tr>{''.join(lines)}</table>"


def _answer_cell(text: str, is_right: bool) -> str:
    kind, mark = ("right", "✓") if is_right else ("wrong", "✗")
    return f'<td class="{kind}">{html.escape(text.removeprefix("A: "))}&nbsp;{mark}</td>'


def _limitations(result: DemoResult) -> str:
    return (
        "<h2>Limits</h2><p>This is one small task, one small model and one seed. The judge is simulated "
        f"with known error rates (it passes {PASS_RATE_RIGHT:.0%} of right answers and "
        f"{PASS_RATE_WRONG:.0%} of wrong ones), and "
        "checking a sum is easier than checking an essay. On larger tasks expect the order, which can fail; "
        'the numbers do not carry over.</p><p class="small">Made by '
        f"<code>winnow demo --train --seed {result.seed}</code>. The forecast was sealed before training: "
        f"<code>{result.seal[:16]}</code> in <code>forecast.json</code>.</p>"
    )


def _bar_chart(result: DemoResult) -> str:
    """Draw the scores as horizontal bars with their intervals, and a line at the accuracy of the generator."""
    students = sorted(result.scores.values(), key=lambda score: -score.accuracy)
    generator = result.generator.accuracy
    height = TOP + len(students) * (BAR_HEIGHT + GAP) + 30
    parts = [_bar_grid(height), *(_bar(student, position) for position, student in enumerate(students))]
    x = _bar_x(generator)
    parts.append(f'<line class="generator" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 28}"/>')
    parts.append(f'<text class="note" x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">generator {generator:.0%}</text>')
    description = "; ".join(f"{student.name} {student.accuracy:.0%}" for student in students)
    return _svg(WIDTH, height, f"Held-out problems right: generator {generator:.0%}; {description}", parts)


def _scatter_plot(result: DemoResult) -> str:
    """Draw the forecast share of right training rows against the score of each student."""
    size = PLOT_SIZE + 2 * MARGIN
    points = [(forecast, result.scores[forecast.student].accuracy) for forecast in result.forecasts]
    parts = [*_scatter_axes(), *(part for point in points for part in _dot(*point))]
    description = "; ".join(
        f"{forecast.student} forecast {forecast.right:.0%}, score {score:.0%}" for forecast, score in points
    )
    return _svg(size, size, f"Forecast share of right rows, and score: {description}", parts)


def _bar_x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bar_grid(height: int) -> str:
    lines = []
    for share in GRID_SHARES:
        x = _bar_x(share)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - 28}"/>')
        lines.append(f'<text class="tick" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{share:.0%}</text>')
    return "".join(lines)


def _bar(student: StudentScore, row: int) -> str:
    y = TOP + row * (BAR_HEIGHT + GAP) + GAP / 2
    end, middle, name = _bar_x(student.accuracy), y + BAR_HEIGHT / 2, html.escape(student.name)
    interval = measure_share(student.accuracy, student.n)
    assert interval.low is not None and interval.high is not None
    low, high = _bar_x(interval.low), _bar_x(interval.high)
    return (
        f'<text class="name" x="{LEFT - 12}" y="{middle + 5:.1f}" text-anchor="end">{name}</text>'
        f'<rect class="{name}" x="{LEFT}" y="{y:.1f}" width="{end - LEFT:.1f}" height="{BAR_HEIGHT}" rx="3"/>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
        f'<text class="value" x="{max(end, high) + 8:.1f}" y="{middle + 5:.1f}">{student.accuracy:.1%}</text>'
    )


def _scatter_x(share: float) -> float:
    return MARGIN + share * PLOT_SIZE


def _scatter_y(share: float) -> float:
    return MARGIN + (1 - share) * PLOT_SIZE


def _scatter_axes() -> Iterable[str]:
    for share in GRID_SHARES:
        x, y = _scatter_x(share), _scatter_y(share)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_scatter_y(1):.1f}" y2="{_scatter_y(0):.1f}"/>'
        yield f'<line class="grid" x1="{_scatter_x(0):.1f}" x2="{_scatter_x(1):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{_scatter_y(0) + 20:.1f}" text-anchor="middle">{share:.0%}</text>'
        yield f'<text class="tick" x="{_scatter_x(0) - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
    ends = f'x1="{_scatter_x(0):.1f}" x2="{_scatter_x(1):.1f}" y1="{_scatter_y(0):.1f}" y2="{_scatter_y(1):.1f}"'
    yield f'<line class="generator" {ends}/>'
    yield f'<text class="note" x="{_scatter_x(0.5):.1f}" y="{_scatter_y(0) + 42:.1f}" text-anchor="middle">'
    yield "right among its training rows (forecast)</text>"
    x, y = _scatter_x(0), _scatter_y(1) - 14
    yield f'<text class="note" x="{x:.1f}" y="{y:.1f}">held-out problems right (score)</text>'


def _dot(forecast: StudentForecast, score: float) -> Iterable[str]:
    x, y, name = _scatter_x(forecast.right), _scatter_y(score), html.escape(forecast.student)
    low, high = _scatter_x(forecast.low), _scatter_x(forecast.high)
    yield f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
    # The dots of unverified and control are close together; only the name of control is below and to the right.
    right = forecast.student == "control"
    side = f'x="{x + (12 if right else -12):.1f}" text-anchor="{"start" if right else "end"}"'
    yield f'<text class="name" {side} y="{y + (20 if right else -8):.1f}">{name}</text>'


def _svg(width: float, height: float, about: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    label = html.escape(about)
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{label}">\n{body}\n</svg>'
