"""The figures of act 2, as SVG for a page: bars of what each student scored, and what was foreseen against what came.

They stand in the page itself and use its colors. Nothing in them comes from a row: names and numbers alone.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 680
BAR, GAP, LEFT, RIGHT, TOP = 30, 18, 118, 64, 34
SIDE, MARGIN = 420, 52


@dataclass(frozen=True)
class Bar:
    """A student and its share right, with the ends of its interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """What was said of a student's rows, with the ends of the interval, and what it scored."""

    name: str
    said: float
    low: float
    high: float
    got: float


def bars(students: Sequence[Bar], generator: float) -> str:
    """Horizontal bars, and a line where the generator stands."""
    height = TOP + len(students) * (BAR + GAP) + 30
    parts = [_grid(height), *(_bar(one, place) for place, one in enumerate(students))]
    x = _across(generator)
    parts.append(f'<line class="generator" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 28}"/>')
    parts.append(f'<text class="note" x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">generator {generator:.0%}</text>')
    spoken = "; ".join(f"{one.name} {one.value:.0%}" for one in students)
    return _svg(WIDTH, height, f"Held-out problems right: generator {generator:.0%}; {spoken}", parts)


def scatter(points: Sequence[Point]) -> str:
    """The share right of a student's rows as the labels foresaw it, against what the student scored."""
    size = SIDE + 2 * MARGIN
    parts = [*_axes(), *(part for point in points for part in _dot(point))]
    spoken = "; ".join(f"{one.name} {one.said:.0%} foreseen, {one.got:.0%} scored" for one in points)
    return _svg(size, size, f"Share right foreseen of a student's rows, and what it scored: {spoken}", parts)


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _grid(height: int) -> str:
    lines = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _across(share)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - 28}"/>')
        lines.append(f'<text class="tick" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{share:.0%}</text>')
    return "".join(lines)


def _bar(one: Bar, place: int) -> str:
    y = TOP + place * (BAR + GAP) + GAP / 2
    end, middle = _across(one.value), y + BAR / 2
    low, high, name = _across(one.low), _across(one.high), html.escape(one.name)
    return (
        f'<text class="name" x="{LEFT - 12}" y="{middle + 5:.1f}" text-anchor="end">{name}</text>'
        f'<rect class="{name}" x="{LEFT}" y="{y:.1f}" width="{end - LEFT:.1f}" height="{BAR}" rx="3"/>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
        f'<text class="value" x="{max(end, high) + 8:.1f}" y="{middle + 5:.1f}">{one.value:.1%}</text>'
    )


def _place(share: float) -> float:
    return MARGIN + share * SIDE


def _height(share: float) -> float:
    return MARGIN + (1 - share) * SIDE


def _axes() -> Iterable[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _place(share), _height(share)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_height(1):.1f}" y2="{_height(0):.1f}"/>'
        yield f'<line class="grid" x1="{_place(0):.1f}" x2="{_place(1):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{_height(0) + 20:.1f}" text-anchor="middle">{share:.0%}</text>'
        yield f'<text class="tick" x="{_place(0) - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
    ends = f'x1="{_place(0):.1f}" x2="{_place(1):.1f}" y1="{_height(0):.1f}" y2="{_height(1):.1f}"'
    yield f'<line class="generator" {ends}/>'
    yield f'<text class="note" x="{_place(0.5):.1f}" y="{_height(0) + 42:.1f}" text-anchor="middle">'
    yield "right among its rows, foreseen from the labels</text>"
    yield f'<text class="note" x="{_place(0):.1f}" y="{_height(1) - 14:.1f}">held-out problems right, scored</text>'


def _dot(one: Point) -> Iterable[str]:
    x, y, name = _place(one.said), _height(one.got), html.escape(one.name)
    yield f'<line class="whisker" x1="{_place(one.low):.1f}" x2="{_place(one.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="7"/>'
    # Unverified and control stand close together, so only the control is named to the right of its dot, and below.
    right = one.name == "control"
    side = f'x="{x + (12 if right else -12):.1f}" text-anchor="{"start" if right else "end"}"'
    yield f'<text class="name" {side} y="{y + (20 if right else -8):.1f}">{name}</text>'


def _svg(width: float, height: float, about: str, parts: Iterable[str]) -> str:
    inside = "\n".join(parts)
    said = html.escape(about)
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{said}">\n{inside}\n</svg>'
