"""What the rows of the eigenvalue study are held against: only what small scales are known to show for any seed.

Each check is the worst over the seeds, so it holds for every one of them. What one round at a small scale does not show
for certain (an unverified student below its generator, the place of the crossing) is told in words and not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from winnow.studies.frame.check import Check, Row
from winnow.studies.frame.study import Settings

BEST_OVER_GREEDY = 1.5
NOISE_FALL = 0.02
OWN_CHOICE = 0.03
ROUNDS_GAP = 0.10


def by_seed(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """The rows of each seed."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["seed"], []).append(row)
    return found


def accuracies(rows: Sequence[Row], part: str = "students", **where: Any) -> dict[str, float]:
    """Model to accuracy, of one seed."""
    return {
        row["who"]: row["accuracy"]
        for row in rows
        if row["part"] == part and row["what"] == "model" and all(row.get(k) == v for k, v in where.items())
    }


def labels(rows: Sequence[Row], who: str) -> list[float]:
    """Accuracies of labels chosen so, the fewest candidates first, of one seed."""
    found = [row for row in rows if row["what"] == "labels" and row["who"] == who]
    return [row["accuracy"] for row in sorted(found, key=lambda row: row["of"] or 0)]


def chain(rows: Sequence[Row], who: str) -> list[float]:
    """Accuracies round after round, of one seed."""
    found = [row for row in rows if row["part"] == "rounds" and row["what"] == "model" and row["who"] == who]
    return [row["accuracy"] for row in sorted(found, key=lambda row: row["round"])]


def judge(rows: Sequence[Row], settings: Settings) -> list[Check]:
    """Every check that the rows have what it needs for."""
    seeds = list(by_seed(rows).values())
    found = []
    for name, measure, want, kind in (
        ("oracle's student over the unverified one", _over("oracle", "unverified"), settings["gap"], "derived"),
        ("oracle's student over the generator", _over("oracle", "generator"), 0.0, "sign"),
        ("least gain from a verifier with less noise", _less_noise, -NOISE_FALL, "derived"),
        ("best of 10 beams by an oracle over greedy, as a ratio", _best_over_greedy, BEST_OVER_GREEDY, "derived"),
        ("least gain of labels from more beams", _more_beams, 0.0, "sign"),
        ("rounds: the oracle's gain over the generator", _rounds("oracle", 1), 0.0, "sign"),
        ("rounds: the unverified loss below the generator", _rounds("unverified", -1), 0.0, "sign"),
        ("rounds: the gap at the end", _rounds_gap, ROUNDS_GAP, "derived"),
        ("rounds: the least widening of the gap", _widening, 0.0, "sign"),
    ):
        found += _least(name, [measure(one) for one in seeds], float(want), kind)  # type: ignore[arg-type]
    own = [one for one in map(_own_choice, seeds) if one is not None]
    if own:
        found.append(Check("likeliest beam against greedy", max(own), OWN_CHOICE, 0.0, "derived", relation="<="))
    return found


def _least(name: str, got: Sequence[float | None], want: float, source: Any) -> list[Check]:
    known = [one for one in got if one is not None]
    return [Check(name, min(known), want, 0.0, source, relation=">=")] if known else []


Measure = Callable[[Sequence[Row]], float | None]


def _over(one: str, other: str) -> Measure:
    def difference(rows: Sequence[Row]) -> float | None:
        found = accuracies(rows)
        return found[one] - found[other] if one in found and other in found else None

    return difference


def _less_noise(rows: Sequence[Row]) -> float | None:
    """Students by falling noise, unverified (all wrong ones kept) to oracle (none): the least step."""
    found = {
        row["psi"]: row["accuracy"]
        for row in rows
        if row["what"] == "model" and row.get("psi") is not None and row["who"] != "control"
    }
    steps = [found[less] - found[more] for more, less in pairwise(sorted(found, reverse=True))]
    return min(steps) if len(steps) > 1 else None


def _best_over_greedy(rows: Sequence[Row]) -> float | None:
    best, greedy = labels(rows, "best_of_beams"), labels(rows, "greedy")
    return best[-1] / greedy[0] if best and greedy and greedy[0] else None


def _more_beams(rows: Sequence[Row]) -> float | None:
    best = labels(rows, "best_of_beams")
    return min(more - less for less, more in pairwise(best)) if len(best) > 1 else None


def _own_choice(rows: Sequence[Row]) -> float | None:
    own, greedy = labels(rows, "likeliest_beam"), labels(rows, "greedy")
    return abs(own[0] - greedy[0]) if own and greedy else None


def _rounds(who: str, sign: int) -> Measure:
    def change(rows: Sequence[Row]) -> float | None:
        found = chain(rows, who)
        return sign * (found[-1] - found[0]) if found else None

    return change


def _gaps(rows: Sequence[Row]) -> list[float]:
    return [good - bad for good, bad in zip(chain(rows, "oracle"), chain(rows, "unverified"), strict=False)]


def _rounds_gap(rows: Sequence[Row]) -> float | None:
    gaps = _gaps(rows)
    return gaps[-1] if gaps else None


def _widening(rows: Sequence[Row]) -> float | None:
    gaps = _gaps(rows)
    return min(later - earlier for earlier, later in pairwise(gaps)) if len(gaps) > 1 else None
