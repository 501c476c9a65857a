"""The eigenvalue study as a person reads it: published numbers beside ours, and what is seen but not checked.

Published numbers are those of arXiv 2406.07515 on 5 x 5 matrices at a tolerance of 1%; what is not printed there in
numbers says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from winnow.studies.eigenvalues.judged import accuracies, by_seed, chain, labels
from winnow.studies.frame.check import Row

PAPER = "paper, 5 x 5, 1%"
NOT_PUBLISHED = "not published here"


@dataclass(frozen=True)
class Published:
    """A number of the paper, as it is printed there, and what it stands for here."""

    words: str
    number: str
    kind: str
    who: str


PUBLISHED = (
    Published("labels: greedy", "20.2%", "labels", "greedy"),
    Published("labels: likeliest beam", "19.2% (of 50)", "labels", "likeliest_beam"),
    Published("labels: best beam by an oracle", "60.4% (of 50)", "labels", "best_of_beams"),
    Published("generator", NOT_PUBLISHED, "model", "generator"),
    Published("student, unverified", "below its generator", "model", "unverified"),
    Published("student, random control", NOT_PUBLISHED, "model", "control"),
    Published("student, verifier keeps 70% of wrong", NOT_PUBLISHED, "model", "noisy_0.7"),
    Published("student, verifier keeps 30% of wrong", NOT_PUBLISHED, "model", "noisy_0.3"),
    Published("student, verifier keeps 10% of wrong", NOT_PUBLISHED, "model", "noisy_0.1"),
    Published("student, oracle", "nearly twice its generator", "model", "oracle"),
    Published("student, greedy on the beams' prompts", NOT_PUBLISHED, "model", "greedy_of_beams"),
    Published("student, likeliest beam", NOT_PUBLISHED, "model", "likeliest_beam"),
    Published("student, best beam by an oracle", NOT_PUBLISHED, "model", "best_of_beams"),
    Published("student, the same, wrong ones left out", NOT_PUBLISHED, "model", "best_of_beams_filtered"),
    Published("student, true labels", NOT_PUBLISHED, "model", "truth"),
)


def words(rows: Sequence[Row]) -> list[str]:
    """Tables beside the published numbers, rounds, and what is seen."""
    seeds = by_seed(rows)
    if not seeds:
        return []
    width = max(len(one.words) for one in PUBLISHED)
    head = " ".join(f"{'seed ' + str(seed):>7}" for seed in seeds)
    lines = [f"{'':<{width}}  {head}  {PAPER}"]
    for one in PUBLISHED:
        numbers = [_number(one, of) for of in seeds.values()]
        if any(number is not None for number in numbers):
            told = " ".join(f"{'-' if number is None else f'{100 * number:.1f}':>7}" for number in numbers)
            lines.append(f"{one.words:<{width}}  {told}  {one.number}")
    return [*lines, *_best_of(seeds), *_rounds(seeds), "", *seen(seeds), *_spent(rows), ""]


def _number(one: Published, rows: Sequence[Row]) -> float | None:
    if one.kind == "model":
        return accuracies(rows).get(one.who)
    found = labels(rows, one.who)
    return found[-1] if found else None


def _best_of(seeds: dict[int, list[Row]]) -> list[str]:
    lines = []
    for way in ("beams", "samples"):
        for seed, rows in seeds.items():
            found = [row for row in rows if row["what"] == "labels" and row["who"] == f"best_of_{way}"]
            told = " ".join(f"{row['of']}: {100 * row['accuracy']:.1f}" for row in found)
            lines += [f"right among the best n of {way}, seed {seed}: {told}"] if found else []
    return lines


def _rounds(seeds: dict[int, list[Row]]) -> list[str]:
    return [
        f"rounds, {who}, seed {seed}: {' '.join(f'{100 * one:.1f}' for one in chain(rows, who))}"
        for seed, rows in seeds.items()
        for who in ("oracle", "unverified")
        if chain(rows, who)
    ]


def seen(seeds: dict[int, list[Row]]) -> list[str]:
    """What is told and not checked, because a small scale does not show it for every seed."""
    below = [
        found["unverified"] - found["generator"] for found in map(accuracies, seeds.values()) if "unverified" in found
    ]
    lines = []
    if below:
        fell = sum(one < 0 for one in below)
        lines.append(
            f"seen, not checked: the unverified student ended below its generator for {fell} of {len(below)} seeds "
            f"({', '.join(f'{100 * one:+.1f}' for one in below)} points; some of it is too little training)"
        )
    for seed, rows in seeds.items():
        at, wanted = crossing(rows), crossing_wanted(rows)
        if wanted is not None and len(noise_line(rows)) > 2:
            where = "nowhere between the verifiers tried" if at is None else f"near p* = {at:.2f}"
            lines.append(
                f"seen, not checked, seed {seed}: accuracy crosses the generator's {where}; "
                f"theory says p* = {wanted:.2f}, the paper saw .65"
            )
    return lines


def noise_line(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """p* and accuracy of the students of noisy verifiers, unverified and oracle the ends, of one seed."""
    return sorted(
        (row["p_star"], row["accuracy"])
        for row in rows
        if row["what"] == "model" and row.get("p_star") is not None and row["who"] != "control"
    )


def crossing(rows: Sequence[Row]) -> float | None:
    """The p* at which the line of students crosses the generator's accuracy from below, of one seed."""
    bar = accuracies(rows).get("generator")
    for (left, low), (right, high) in pairwise(noise_line(rows)):
        if bar is not None and low < bar <= high:
            return left + (right - left) * (bar - low) / (high - low)
    return None


def crossing_wanted(rows: Sequence[Row]) -> float | None:
    """Training helps below p*: the crossing is where p* is the share wrong before selection."""
    wrong = [row["wrong_before"] for row in rows if row.get("wrong_before") is not None]
    return mean(wrong) if wrong else None


def _spent(rows: Sequence[Row]) -> list[str]:
    spent: dict[str, float] = {}
    for row in rows:
        if row["what"] == "seconds":
            name = f"rounds of the {row['who'].partition('_')[0]}" if row["part"] == "rounds" else row["who"]
            spent[name] = spent.get(name, 0.0) + row["seconds"]
    return [f"CPU seconds: {', '.join(f'{name} {value:.0f}' for name, value in spent.items())}"] if spent else []
