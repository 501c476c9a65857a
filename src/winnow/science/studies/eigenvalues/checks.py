"""The checks of the eigenvalue study: what small scales show for every seed.

Each check takes the worst value over the seeds. What one round at a small scale does not show reliably (an unverified
student below its generator, the place of the crossing) is in report.py and is not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from winnow.science.studies.framework.check import Check, Row, Source, group_rows, rows_where
from winnow.science.studies.framework.study import Settings

MIN_BEST_TO_GREEDY = 1.5
NOISE_TOLERANCE = 0.02
MAX_LIKELIEST_GAP = 0.03
MIN_ROUNDS_GAP = 0.10

Measure = Callable[[Sequence[Row]], float | None]
"""A number of one seed; None where its rows are missing."""


def model_accuracies(rows: Sequence[Row]) -> dict[str, float]:
    """Return the accuracy of each student of one seed, and of the generator."""
    return {row["who"]: row["accuracy"] for row in rows_where(rows, part="students", what="model")}


def label_accuracies(rows: Sequence[Row], who: str) -> list[float]:
    """Return the accuracies of labels of one seed, the fewest candidates first."""
    labels = rows_where(rows, what="labels", who=who)
    return [row["accuracy"] for row in sorted(labels, key=lambda row: row["of"] or 0)]


def round_accuracies(rows: Sequence[Row], who: str) -> list[float]:
    """Return the accuracies of one seed, round after round."""
    models = rows_where(rows, part="rounds", what="model", who=who)
    return [row["accuracy"] for row in sorted(models, key=lambda row: row["round"])]


def check_rows(rows: Sequence[Row], settings: Settings) -> list[Check]:
    """Return every check whose rows are there."""
    seeds = group_rows(rows, "seed").values()
    oracle_lead, gap = _accuracy_difference("oracle", "unverified"), float(settings["gap"])  # type: ignore[arg-type]
    minimums: tuple[tuple[str, Measure, float, Source], ...] = (
        ("oracle's student over the unverified one", oracle_lead, gap, "derived"),
        ("oracle's student over the generator", _accuracy_difference("oracle", "generator"), 0.0, "sign"),
        ("least gain from a verifier with less noise", _least_noise_gain, -NOISE_TOLERANCE, "derived"),
        ("best of 10 beams by an oracle over greedy, as a ratio", _best_to_greedy_ratio, MIN_BEST_TO_GREEDY, "derived"),
        ("least gain of labels from more beams", _least_beam_gain, 0.0, "sign"),
        ("rounds: the oracle's gain over the generator", _round_change("oracle", 1), 0.0, "sign"),
        ("rounds: the unverified loss below the generator", _round_change("unverified", -1), 0.0, "sign"),
        ("rounds: the gap at the end", _rounds_gap, MIN_ROUNDS_GAP, "derived"),
        ("rounds: the least widening of the gap", _least_widening, 0.0, "sign"),
    )
    checks = []
    for name, measure, want, source in minimums:
        if values := _known_values(measure, seeds):
            checks.append(Check(name, min(values), want, 0.0, source, relation=">="))
    if gaps := _known_values(_likeliest_beam_gap, seeds):
        name = "likeliest beam against greedy"
        checks.append(Check(name, max(gaps), MAX_LIKELIEST_GAP, 0.0, "derived", relation="<="))
    return checks


def _known_values(measure: Measure, seeds: Iterable[Sequence[Row]]) -> list[float]:
    return [value for value in map(measure, seeds) if value is not None]


def _accuracy_difference(first: str, second: str) -> Measure:
    def difference(rows: Sequence[Row]) -> float | None:
        accuracies = model_accuracies(rows)
        return accuracies[first] - accuracies[second] if {first, second} <= accuracies.keys() else None

    return difference


def _least_noise_gain(rows: Sequence[Row]) -> float | None:
    """The smallest step between students of verifiers with less and less noise, from unverified to oracle."""
    by_noise = {
        row["psi"]: row["accuracy"]
        for row in rows_where(rows, what="model")
        if row.get("psi") is not None and row["who"] != "control"
    }
    steps = [by_noise[less] - by_noise[more] for more, less in pairwise(sorted(by_noise, reverse=True))]
    return min(steps) if len(steps) > 1 else None


def _best_to_greedy_ratio(rows: Sequence[Row]) -> float | None:
    best, greedy = label_accuracies(rows, "best_of_beams"), label_accuracies(rows, "greedy")
    return best[-1] / greedy[0] if best and greedy and greedy[0] else None


def _least_beam_gain(rows: Sequence[Row]) -> float | None:
    return _least_step(label_accuracies(rows, "best_of_beams"))


def _likeliest_beam_gap(rows: Sequence[Row]) -> float | None:
    likeliest, greedy = label_accuracies(rows, "likeliest_beam"), label_accuracies(rows, "greedy")
    return abs(likeliest[0] - greedy[0]) if likeliest and greedy else None


def _round_change(who: str, sign: int) -> Measure:
    def change(rows: Sequence[Row]) -> float | None:
        accuracies = round_accuracies(rows, who)
        return sign * (accuracies[-1] - accuracies[0]) if accuracies else None

    return change


def _gaps(rows: Sequence[Row]) -> list[float]:
    pairs = zip(round_accuracies(rows, "oracle"), round_accuracies(rows, "unverified"), strict=False)
    return [oracle - unverified for oracle, unverified in pairs]


def _rounds_gap(rows: Sequence[Row]) -> float | None:
    gaps = _gaps(rows)
    return gaps[-1] if gaps else None


def _least_widening(rows: Sequence[Row]) -> float | None:
    return _least_step(_gaps(rows))


def _least_step(values: Sequence[float]) -> float | None:
    return min(later - earlier for earlier, later in pairwise(values)) if len(values) > 1 else None
