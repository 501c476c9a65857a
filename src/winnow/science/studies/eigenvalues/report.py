"""The text report of the eigenvalue study: our numbers with the published ones, and observations without a check.

Published numbers are from arXiv 2406.07515 for 5 x 5 matrices at a tolerance of 1%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from winnow.science.studies.eigenvalues.checks import label_accuracies, model_accuracies, round_accuracies
from winnow.science.studies.framework.check import Row, group_rows, rows_where

PAPER = "paper, 5 x 5, 1%"
NOT_PUBLISHED = "not published here"


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


def noise_curve(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return p* and accuracy of the students of noisy verifiers of one seed, from unverified to oracle."""
    return sorted(
        (row["p_star"], row["accuracy"])
        for row in rows_where(rows, what="model")
        if row.get("p_star") is not None and row["who"] != "control"
    )


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
