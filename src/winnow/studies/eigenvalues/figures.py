"""Three figures: accuracy against p* with the generator's line, best of n, and rounds. matplotlib is loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from winnow.studies.eigenvalues.judged import accuracies, by_seed, chain
from winnow.studies.eigenvalues.told import crossing, crossing_wanted, noise_line
from winnow.studies.frame.check import Row

COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")


def figures(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Those that the rows have points for; none where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return []
    from matplotlib.figure import Figure

    seeds, made = by_seed(rows), []
    for name, draw in (("noise", _noise), ("best-of-n", _best_of), ("rounds", _rounds)):
        page = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = page.add_subplot()
        if draw(axes, seeds):
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)
            axes.set_ylabel("accuracy (%)")
            made.append(folder / f"{name}.png")
            page.savefig(made[-1], dpi=120)
    return made


def _noise(axes: Any, seeds: dict[int, list[Row]]) -> bool:
    drawn = False
    for (seed, rows), color in zip(seeds.items(), COLORS * len(seeds), strict=False):
        line = noise_line(rows)
        if len(line) < 3:
            continue
        drawn, bar, at = True, accuracies(rows)["generator"], crossing(rows)
        axes.plot([x for x, _ in line], [100 * y for _, y in line], "o-", color=color, label=f"students, seed {seed}")
        axes.axhline(100 * bar, color=color, linestyle="--", linewidth=1, label=f"its generator, seed {seed}")
        if at is not None:
            axes.plot([at], [100 * bar], "x", color=color, markersize=9, label=f"crossing, p* = {at:.2f}")
        axes.axvline(crossing_wanted(rows), color=color, linestyle=":", linewidth=1)
    axes.set_xlabel("p* of the verifier (dotted: the share wrong before selection, where theory puts the crossing)")
    axes.xaxis.label.set_size(8)
    return drawn


def _best_of(axes: Any, seeds: dict[int, list[Row]]) -> bool:
    drawn = False
    for (seed, rows), color in zip(seeds.items(), COLORS * len(seeds), strict=False):
        for way, style in (("beams", "o-"), ("samples", "s:")):
            line = [row for row in rows if row["what"] == "labels" and row["who"] == f"best_of_{way}"]
            if line:
                drawn = True
                heights = [100 * row["accuracy"] for row in line]
                axes.plot([row["of"] for row in line], heights, style, color=color, label=f"oracle, {way}, seed {seed}")
        own = [row["accuracy"] for row in rows if row["what"] == "labels" and row["who"] == "likeliest_beam"]
        if own:
            axes.axhline(100 * own[0], color=color, linestyle="--", linewidth=1, label=f"likeliest beam, seed {seed}")
    axes.set_xlabel("candidates of a prompt")
    return drawn


def _rounds(axes: Any, seeds: dict[int, list[Row]]) -> bool:
    drawn = False
    for (seed, rows), color in zip(seeds.items(), COLORS * len(seeds), strict=False):
        for who, style in (("oracle", "o-"), ("unverified", "s--")):
            line = chain(rows, who)
            if line:
                drawn = True
                axes.plot(
                    range(len(line)), [100 * one for one in line], style, color=color, label=f"{who}, seed {seed}"
                )
    axes.set_xlabel("round (0 is the generator)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return drawn
