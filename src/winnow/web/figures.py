"""The figures of the demo's page as inline SVG: a bar chart of scores, and forecast against score.

They use the colors of the page and contain only names and numbers, never text from rows.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 680
BAR_HEIGHT, GAP, LEFT, RIGHT, TOP = 30, 18, 118, 64, 34
PLOT_SIZE, MARGIN = 420, 52


@dataclass(frozen=True)
class AccuracyBar:
    """A student and its share right, with the ends of its interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ForecastPoint:
    """The forecast share of right rows of a student with its interval, and the score of the student."""

    name: str
    forecast: float
    low: float
    high: float
    score: float


def bar_chart(students: Sequence[AccuracyBar], generator: float) -> str:
    """Draw horizontal bars, and a line at the accuracy of the generator."""
    height = TOP + len(students) * (BAR_HEIGHT + GAP) + 30
    parts = [_bar_grid(height), *(_bar(student, position) for position, student in enumerate(students))]
    x = _bar_x(generator)
    parts.append(f'<line class="generator" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 28}"/>')
    parts.append(f'<text class="note" x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">generator {generator:.0%}</text>')
    description = "; ".join(f"{student.name} {student.value:.0%}" for student in students)
    return _svg(WIDTH, height, f"Held-out problems right: generator {generator:.0%}; {description}", parts)


def scatter_plot(points: Sequence[ForecastPoint]) -> str:
    """Draw the forecast share of right training rows against the score of each student."""
    size = PLOT_SIZE + 2 * MARGIN
    parts = [*_scatter_axes(), *(part for point in points for part in _dot(point))]
    description = "; ".join(f"{point.name} forecast {point.forecast:.0%}, score {point.score:.0%}" for point in points)
    return _svg(size, size, f"Forecast share of right rows, and score: {description}", parts)


def _bar_x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bar_grid(height: int) -> str:
    lines = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _bar_x(share)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - 28}"/>')
        lines.append(f'<text class="tick" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{share:.0%}</text>')
    return "".join(lines)


def _bar(bar: AccuracyBar, row: int) -> str:
    y = TOP + row * (BAR_HEIGHT + GAP) + GAP / 2
    end, middle = _bar_x(bar.value), y + BAR_HEIGHT / 2
    low, high, name = _bar_x(bar.low), _bar_x(bar.high), html.escape(bar.name)
    return (
        f'<text class="name" x="{LEFT - 12}" y="{middle + 5:.1f}" text-anchor="end">{name}</text>'
        f'<rect class="{name}" x="{LEFT}" y="{y:.1f}" width="{end - LEFT:.1f}" height="{BAR_HEIGHT}" rx="3"/>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
        f'<text class="value" x="{max(end, high) + 8:.1f}" y="{middle + 5:.1f}">{bar.value:.1%}</text>'
    )


def _scatter_x(share: float) -> float:
    return MARGIN + share * PLOT_SIZE


def _scatter_y(share: float) -> float:
    return MARGIN + (1 - share) * PLOT_SIZE


def _scatter_axes() -> Iterable[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
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


def _dot(point: ForecastPoint) -> Iterable[str]:
    x, y, name = _scatter_x(point.forecast), _scatter_y(point.score), html.escape(point.name)
    low, high = _scatter_x(point.low), _scatter_x(point.high)
    yield f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
    # Unverified and control stand close together, so only the control is named to the right of its dot, and below.
    right = point.name == "control"
    side = f'x="{x + (12 if right else -12):.1f}" text-anchor="{"start" if right else "end"}"'
    yield f'<text class="name" {side} y="{y + (20 if right else -8):.1f}">{name}</text>'


def _svg(width: float, height: float, about: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    label = html.escape(about)
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{label}">\n{body}\n</svg>'
