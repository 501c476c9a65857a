"""The figures of act 2, as SVG for a page: bars of what each student scored, and what was foreseen against what came.

They stand in the page itself and use its colors. Nothing in them comes from a row: names and numbers alone.
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
    """What was said of a student's rows, with the ends of the interval, and what it scored."""

    name: str
    forecast: float
    low: float
    high: float
    score: float


def bar_chart(students: Sequence[AccuracyBar], generator: float) -> str:
    """Horizontal bars, and a line where the generator stands."""
    height = TOP + len(students) * (BAR_HEIGHT + GAP) + 30
    parts = [_bar_grid(height), *(_bar(one, place) for place, one in enumerate(students))]
    x = _bar_x(generator)
    parts.append(f'<line class="generator" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 28}"/>')
    parts.append(f'<text class="note" x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">generator {generator:.0%}</text>')
    description = "; ".join(f"{one.name} {one.value:.0%}" for one in students)
    return _svg(WIDTH, height, f"Held-out problems right: generator {generator:.0%}; {description}", parts)


def scatter_plot(points: Sequence[ForecastPoint]) -> str:
    """The share right of a student's rows as the labels foresaw it, against what the student scored."""
    size = PLOT_SIZE + 2 * MARGIN
    parts = [*_scatter_axes(), *(part for point in points for part in _dot(point))]
    description = "; ".join(f"{one.name} {one.forecast:.0%} foreseen, {one.score:.0%} scored" for one in points)
    return _svg(size, size, f"Share right foreseen of a student's rows, and what it scored: {description}", parts)


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
    yield "right among its rows, foreseen from the labels</text>"
    yield f'<text class="note" x="{_scatter_x(0):.1f}" y="{_scatter_y(1) - 14:.1f}">held-out problems right, scored</text>'


def _dot(point: ForecastPoint) -> Iterable[str]:
    x, y, name = _scatter_x(point.forecast), _scatter_y(point.score), html.escape(point.name)
    yield f'<line class="whisker" x1="{_scatter_x(point.low):.1f}" x2="{_scatter_x(point.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
    # Unverified and control stand close together, so only the control is named to the right of its dot, and below.
    right = point.name == "control"
    side = f'x="{x + (12 if right else -12):.1f}" text-anchor="{"start" if right else "end"}"'
    yield f'<text class="name" {side} y="{y + (20 if right else -8):.1f}">{name}</text>'


def _svg(width: float, height: float, about: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    label = html.escape(about)
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{label}">\n{body}\n</svg>'
