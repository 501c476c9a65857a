"""What the rows of the eigenvalue study are held against: only what small scales are known to show for any seed.

Each check is the worst over the seeds, so it holds for every one of them. What one round at a small scale does not show
for certain (an unverified student below its generator, the place of the crossing) is told in words and not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from winnow.science.studies.framework.check import Check, Row
from winnow.science.studies.framework.study import Settings

MIN_BEST_TO_GREEDY = 1.5
NOISE_TOLERANCE = 0.02
MAX_LIKELIEST_GAP = 0.03
MIN_ROUNDS_GAP = 0.10


def group_by_seed(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """The rows of each seed."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["seed"], []).append(row)
    return found


def model_accuracies(rows: Sequence[Row], part: str = "students", **where: Any) -> dict[str, float]:
    """Model to accuracy, of one seed."""
    return {
        row["who"]: row["accuracy"]
        for row in rows
        if row["part"] == part and row["what"] == "model" and all(row.get(k) == v for k, v in where.items())
    }


def label_accuracies(rows: Sequence[Row], who: str) -> list[float]:
    """Accuracies of labels chosen so, the fewest candidates first, of one seed."""
    found = [row for row in rows if row["what"] == "labels" and row["who"] == who]
    return [row["accuracy"] for row in sorted(found, key=lambda row: row["of"] or 0)]


def round_accuracies(rows: Sequence[Row], who: str) -> list[float]:
    """Accuracies round after round, of one seed."""
    found = [row for row in rows if row["part"] == "rounds" and row["what"] == "model" and row["who"] == who]
    return [row["accuracy"] for row in sorted(found, key=lambda row: row["round"])]


def check_rows(rows: Sequence[Row], settings: Settings) -> list[Check]:
    """Every check that the rows have what it needs for."""
    seeds = list(group_by_seed(rows).values())
    checks = []
    for name, measure, want, kind in (
        (
            "oracle's student over the unverified one",
            _accuracy_difference("oracle", "unverified"),
            settings["gap"],
            "derived",
        ),
        ("oracle's student over the generator", _accuracy_difference("oracle", "generator"), 0.0, "sign"),
        ("least gain from a verifier with less noise", _least_noise_gain, -NOISE_TOLERANCE, "derived"),
        ("best of 10 beams by an oracle over greedy, as a ratio", _best_to_greedy_ratio, MIN_BEST_TO_GREEDY, "derived"),
        ("least gain of labels from more beams", _least_beam_gain, 0.0, "sign"),
        ("rounds: the oracle's gain over the generator", _round_change("oracle", 1), 0.0, "sign"),
        ("rounds: the unverified loss below the generator", _round_change("unverified", -1), 0.0, "sign"),
        ("rounds: the gap at the end", _rounds_gap, MIN_ROUNDS_GAP, "derived"),
        ("rounds: the least widening of the gap", _least_widening, 0.0, "sign"),
    ):
        checks += _minimum_check(name, [measure(one) for one in seeds], float(want), kind)  # type: ignore[arg-type]
    own = [one for one in map(_likeliest_beam_gap, seeds) if one is not None]
    if own:
        checks.append(
            Check("likeliest beam against greedy", max(own), MAX_LIKELIEST_GAP, 0.0, "derived", relation="<=")
        )
    return checks


def _minimum_check(name: str, measured_values: Sequence[float | None], want: float, source: Any) -> list[Check]:
    known = [one for one in measured_values if one is not None]
    return [Check(name, min(known), want, 0.0, source, relation=">=")] if known else []


Measure = Callable[[Sequence[Row]], float | None]


def _accuracy_difference(first: str, second: str) -> Measure:
    def difference(rows: Sequence[Row]) -> float | None:
        found = model_accuracies(rows)
        return found[first] - found[second] if first in found and second in found else None

    return difference


def _least_noise_gain(rows: Sequence[Row]) -> float | None:
    """Students by falling noise, unverified (all wrong ones kept) to oracle (none): the least step."""
    found = {
        row["psi"]: row["accuracy"]
        for row in rows
        if row["what"] == "model" and row.get("psi") is not None and row["who"] != "control"
    }
    steps = [found[less] - found[more] for more, less in pairwise(sorted(found, reverse=True))]
    return min(steps) if len(steps) > 1 else None


def _best_to_greedy_ratio(rows: Sequence[Row]) -> float | None:
    best, greedy = label_accuracies(rows, "best_of_beams"), label_accuracies(rows, "greedy")
    return best[-1] / greedy[0] if best and greedy and greedy[0] else None


def _least_beam_gain(rows: Sequence[Row]) -> float | None:
    best = label_accuracies(rows, "best_of_beams")
    return min(more - less for less, more in pairwise(best)) if len(best) > 1 else None


def _likeliest_beam_gap(rows: Sequence[Row]) -> float | None:
    own, greedy = label_accuracies(rows, "likeliest_beam"), label_accuracies(rows, "greedy")
    return abs(own[0] - greedy[0]) if own and greedy else None


def _round_change(who: str, sign: int) -> Measure:
    def change(rows: Sequence[Row]) -> float | None:
        found = round_accuracies(rows, who)
        return sign * (found[-1] - found[0]) if found else None

    return change


def _gaps(rows: Sequence[Row]) -> list[float]:
    return [
        good - bad
        for good, bad in zip(round_accuracies(rows, "oracle"), round_accuracies(rows, "unverified"), strict=False)
    ]


def _rounds_gap(rows: Sequence[Row]) -> float | None:
    gaps = _gaps(rows)
    return gaps[-1] if gaps else None


def _least_widening(rows: Sequence[Row]) -> float | None:
    gaps = _gaps(rows)
    return min(later - earlier for earlier, later in pairwise(gaps)) if len(gaps) > 1 else None
