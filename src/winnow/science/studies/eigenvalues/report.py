"""The report of the eigenvalue study: our numbers with the published ones, observations without a check, and figures.

Published numbers are from arXiv 2406.07515 for 5 x 5 matrices at a tolerance of 1%. The three figures are accuracy
against p*, best of n, and rounds; they need matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from winnow.science.studies.eigenvalues.checks import label_accuracies, model_accuracies, noise_curve, round_accuracies
from winnow.science.studies.framework.check import Row, group_rows, rows_where

PAPER = "paper, 5 x 5, 1%"
NOT_PUBLISHED = "not published here"
COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")


@dataclass(frozen=True)
class PublishedNumber:
    """A number as the paper prints it, and the kind (labels or model) and name of ours."""

    label: str
    number: str
    kind: str
    who: str


PUBLISHED = (
    PublishedNumber("labels: greedy", "20.2%", "labels", "greedy"),
    PublishedNumber("labels: likeliest beam", "19.2% (of 50)", "labels", "likeliest_beam"),
    PublishedNumber("labels: best beam by an oracle", "60.4% (of 50)", "labels", "best_of_beams"),
    PublishedNumber("generator", NOT_PUBLISHED, "model", "generator"),
    PublishedNumber("student, unverified", "below its generator", "model", "unverified"),
    PublishedNumber("student, random control", NOT_PUBLISHED, "model", "control"),
    PublishedNumber("student, verifier keeps 70% of wrong", NOT_PUBLISHED, "model", "noisy_0.7"),
    PublishedNumber("student, verifier keeps 30% of wrong", NOT_PUBLISHED, "model", "noisy_0.3"),
    PublishedNumber("student, verifier keeps 10% of wrong", NOT_PUBLISHED, "model", "noisy_0.1"),
    PublishedNumber("student, oracle", "nearly twice its generator", "model", "oracle"),
    PublishedNumber("student, greedy on the beams' prompts", NOT_PUBLISHED, "model", "greedy_of_beams"),
    PublishedNumber("student, likeliest beam", NOT_PUBLISHED, "model", "likeliest_beam"),
    PublishedNumber("student, best beam by an oracle", NOT_PUBLISHED, "model", "best_of_beams"),
    PublishedNumber("student, the same, wrong ones left out", NOT_PUBLISHED, "model", "best_of_beams_filtered"),
    PublishedNumber("student, true labels", NOT_PUBLISHED, "model", "truth"),
)


def summary_lines(rows: Sequence[Row]) -> list[str]:
    """Return the table of all numbers, best of n, rounds, observations, and CPU seconds."""
    seeds = group_rows(rows, "seed")
    if not seeds:
        return []
    width = max(len(published.label) for published in PUBLISHED)
    head = " ".join(f"{'seed ' + str(seed):>7}" for seed in seeds)
    lines = [f"{'':<{width}}  {head}  {PAPER}"]
    for published in PUBLISHED:
        numbers = [_measured_number(published, seed_rows) for seed_rows in seeds.values()]
        if any(number is not None for number in numbers):
            cells = " ".join(f"{'-' if number is None else f'{100 * number:.1f}':>7}" for number in numbers)
            lines.append(f"{published.label:<{width}}  {cells}  {published.number}")
    return [
        *lines,
        *_best_of_lines(seeds),
        *_round_lines(seeds),
        "",
        *observation_lines(seeds),
        *_cpu_seconds_lines(rows),
        "",
    ]


def _measured_number(published: PublishedNumber, rows: Sequence[Row]) -> float | None:
    if published.kind == "model":
        return model_accuracies(rows).get(published.who)
    accuracies = label_accuracies(rows, published.who)
    return accuracies[-1] if accuracies else None


def _best_of_lines(seeds: dict[int, list[Row]]) -> list[str]:
    lines = []
    for way in ("beams", "samples"):
        for seed, rows in seeds.items():
            if labels := rows_where(rows, what="labels", who=f"best_of_{way}"):
                cells = " ".join(f"{row['of']}: {100 * row['accuracy']:.1f}" for row in labels)
                lines.append(f"right among the best n of {way}, seed {seed}: {cells}")
    return lines


def _round_lines(seeds: dict[int, list[Row]]) -> list[str]:
    return [
        f"rounds, {who}, seed {seed}: {' '.join(f'{100 * accuracy:.1f}' for accuracy in round_accuracies(rows, who))}"
        for seed, rows in seeds.items()
        for who in ("oracle", "unverified")
        if round_accuracies(rows, who)
    ]


def observation_lines(seeds: dict[int, list[Row]]) -> list[str]:
    """Return observations without a check, because a small scale does not show them for every seed."""
    accuracies = [models for models in map(model_accuracies, seeds.values()) if "unverified" in models]
    changes = [models["unverified"] - models["generator"] for models in accuracies]
    lines = []
    if changes:
        fell = sum(change < 0 for change in changes)
        lines.append(
            f"seen, not checked: the unverified student ended below its generator for {fell} of {len(changes)} seeds "
            f"({', '.join(f'{100 * change:+.1f}' for change in changes)} points; some of it is too little training)"
        )
    for seed, rows in seeds.items():
        crossing, predicted = crossing_p_star(rows), predicted_crossing(rows)
        if predicted is not None and len(noise_curve(rows)) > 2:
            where = "nowhere between the verifiers tried" if crossing is None else f"near p* = {crossing:.2f}"
            lines.append(
                f"seen, not checked, seed {seed}: accuracy crosses the generator's {where}; "
                f"theory says p* = {predicted:.2f}, the paper saw .65"
            )
    return lines


def crossing_p_star(rows: Sequence[Row]) -> float | None:
    """Return the p* at which the students of one seed cross the generator's accuracy from below."""
    generator = model_accuracies(rows).get("generator")
    for (left, low), (right, high) in pairwise(noise_curve(rows)):
        if generator is not None and low < generator <= high:
            return left + (right - left) * (generator - low) / (high - low)
    return None


def predicted_crossing(rows: Sequence[Row]) -> float | None:
    """Return where theory puts the crossing: p* equal to the share wrong before selection."""
    wrong = [row["wrong_before"] for row in rows if row.get("wrong_before") is not None]
    return mean(wrong) if wrong else None


def _cpu_seconds_lines(rows: Sequence[Row]) -> list[str]:
    spent: dict[str, float] = {}
    for row in rows_where(rows, what="seconds"):
        name = f"rounds of the {row['who'].partition('_')[0]}" if row["part"] == "rounds" else row["who"]
        spent[name] = spent.get(name, 0.0) + row["seconds"]
    return [f"CPU seconds: {', '.join(f'{name} {value:.0f}' for name, value in spent.items())}"] if spent else []


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
