"""Three figures of the eigenvalue study: accuracy against p*, best of n, and rounds. matplotlib is loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any

from winnow.science.studies.eigenvalues.checks import label_accuracies, model_accuracies, round_accuracies
from winnow.science.studies.eigenvalues.report import crossing_p_star, noise_curve, predicted_crossing
from winnow.science.studies.framework.check import Row, group_rows, rows_where

COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")


def draw_figures(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw the figures that the rows have points for; none if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return []
    from matplotlib.figure import Figure

    seeds, paths = group_rows(rows, "seed"), []
    for name, draw in (("noise", _draw_noise), ("best-of-n", _draw_best_of), ("rounds", _draw_rounds)):
        page = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = page.add_subplot()
        for (seed, seed_rows), color in zip(seeds.items(), cycle(COLORS), strict=False):
            draw(axes, seed_rows, f"seed {seed}", color)
        if axes.has_data():
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)
            axes.set_ylabel("accuracy (%)")
            paths.append(folder / f"{name}.png")
            page.savefig(paths[-1], dpi=120)
    return paths


def _draw_noise(axes: Any, rows: list[Row], seed: str, color: str) -> None:
    axes.set_xlabel("p* of the verifier (dotted: the share wrong before selection, where theory puts the crossing)")
    axes.xaxis.label.set_size(8)
    line = noise_curve(rows)
    if len(line) < 3:
        return
    generator, crossing = model_accuracies(rows)["generator"], crossing_p_star(rows)
    axes.plot([x for x, _ in line], [100 * y for _, y in line], "o-", color=color, label=f"students, {seed}")
    axes.axhline(100 * generator, color=color, linestyle="--", linewidth=1, label=f"its generator, {seed}")
    if crossing is not None:
        label = f"crossing, p* = {crossing:.2f}"
        axes.plot([crossing], [100 * generator], "x", color=color, markersize=9, label=label)
    axes.axvline(predicted_crossing(rows), color=color, linestyle=":", linewidth=1)


def _draw_best_of(axes: Any, rows: list[Row], seed: str, color: str) -> None:
    axes.set_xlabel("candidates of a prompt")
    for way, style in (("beams", "o-"), ("samples", "s:")):
        if line := rows_where(rows, what="labels", who=f"best_of_{way}"):
            heights = [100 * row["accuracy"] for row in line]
            axes.plot([row["of"] for row in line], heights, style, color=color, label=f"oracle, {way}, {seed}")
    for accuracy in label_accuracies(rows, "likeliest_beam"):
        axes.axhline(100 * accuracy, color=color, linestyle="--", linewidth=1, label=f"likeliest beam, {seed}")


def _draw_rounds(axes: Any, rows: list[Row], seed: str, color: str) -> None:
    axes.set_xlabel("round (0 is the generator)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    for who, style in (("oracle", "o-"), ("unverified", "s--")):
        if line := [100 * accuracy for accuracy in round_accuracies(rows, who)]:
            axes.plot(range(len(line)), line, style, color=color, label=f"{who}, {seed}")
