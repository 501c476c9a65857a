"""Three figures: accuracy against p* with the generator's line, best of n, and rounds. matplotlib is loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from winnow.science.studies.eigenvalues.checks import group_by_seed, model_accuracies, round_accuracies
from winnow.science.studies.eigenvalues.report import crossing_p_star, noise_curve, predicted_crossing
from winnow.science.studies.framework.check import Row

COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")


def draw_figures(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Those that the rows have points for; none where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return []
    from matplotlib.figure import Figure

    seeds, paths = group_by_seed(rows), []
    for name, draw in (("noise", _draw_noise), ("best-of-n", _draw_best_of), ("rounds", _draw_rounds)):
        page = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = page.add_subplot()
        if draw(axes, seeds):
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)
            axes.set_ylabel("accuracy (%)")
            paths.append(folder / f"{name}.png")
            page.savefig(paths[-1], dpi=120)
    return paths


def _draw_noise(axes: Any, seeds: dict[int, list[Row]]) -> bool:
    has_lines = False
    for (seed, rows), color in zip(seeds.items(), COLORS * len(seeds), strict=False):
        line = noise_curve(rows)
        if len(line) < 3:
            continue
        has_lines, bar, at = True, model_accuracies(rows)["generator"], crossing_p_star(rows)
        axes.plot([x for x, _ in line], [100 * y for _, y in line], "o-", color=color, label=f"students, seed {seed}")
        axes.axhline(100 * bar, color=color, linestyle="--", linewidth=1, label=f"its generator, seed {seed}")
        if at is not None:
            axes.plot([at], [100 * bar], "x", color=color, markersize=9, label=f"crossing, p* = {at:.2f}")
        axes.axvline(predicted_crossing(rows), color=color, linestyle=":", linewidth=1)
    axes.set_xlabel("p* of the verifier (dotted: the share wrong before selection, where theory puts the crossing)")
    axes.xaxis.label.set_size(8)
    return has_lines


def _draw_best_of(axes: Any, seeds: dict[int, list[Row]]) -> bool:
    has_lines = False
    for (seed, rows), color in zip(seeds.items(), COLORS * len(seeds), strict=False):
        for way, style in (("beams", "o-"), ("samples", "s:")):
            line = [row for row in rows if row["what"] == "labels" and row["who"] == f"best_of_{way}"]
            if line:
                has_lines = True
                heights = [100 * row["accuracy"] for row in line]
                axes.plot([row["of"] for row in line], heights, style, color=color, label=f"oracle, {way}, seed {seed}")
        own = [row["accuracy"] for row in rows if row["what"] == "labels" and row["who"] == "likeliest_beam"]
        if own:
            axes.axhline(100 * own[0], color=color, linestyle="--", linewidth=1, label=f"likeliest beam, seed {seed}")
    axes.set_xlabel("candidates of a prompt")
    return has_lines


def _draw_rounds(axes: Any, seeds: dict[int, list[Row]]) -> bool:
    has_lines = False
    for (seed, rows), color in zip(seeds.items(), COLORS * len(seeds), strict=False):
        for who, style in (("oracle", "o-"), ("unverified", "s--")):
            line = round_accuracies(rows, who)
            if line:
                has_lines = True
                axes.plot(
                    range(len(line)),
                    [100 * accuracy for accuracy in line],
                    style,
                    color=color,
                    label=f"{who}, seed {seed}",
                )
    axes.set_xlabel("round (0 is the generator)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return has_lines
