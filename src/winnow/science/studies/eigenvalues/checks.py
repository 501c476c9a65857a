"""The checks of the eigenvalue study: what small scales show for every seed.

Each check takes the worst value over the seeds. What one round at a small scale does not show reliably (an unverified
student below its generator, the place of the crossing) is in report.py and is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from winnow.science.studies.framework.check import Check, Row, Source, group_rows, rows_where
from winnow.science.studies.framework.study import Settings

MIN_BEST_TO_GREEDY = 1.5
NOISE_TOLERANCE = 0.02
MAX_LIKELIEST_GAP = 0.03
MIN_ROUNDS_GAP = 0.10


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


def noise_curve(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return p* and accuracy of the students of noisy verifiers of one seed, from unverified to oracle."""
    return sorted(
        (row["p_star"], row["accuracy"])
        for row in rows_where(rows, what="model")
        if row.get("p_star") is not None and row["who"] != "control"
    )


def check_rows(rows: Sequence[Row], settings: Settings) -> list[Check]:
    """Return every check whose rows are there, with its worst value over the seeds."""
    checks: dict[str, list[Check]] = {}
    for seed_rows in group_rows(rows, "seed").values():
        for check in _check_seed(seed_rows, float(settings["gap"])):  # type: ignore[arg-type]
            checks.setdefault(check.name, []).append(check)
    return [
        (max if of_seeds[0].relation == "<=" else min)(of_seeds, key=lambda check: check.got)
        for of_seeds in checks.values()
    ]


def _check_seed(rows: Sequence[Row], gap: float) -> Iterator[Check]:
    accuracies = model_accuracies(rows)
    if {"oracle", "unverified"} <= accuracies.keys():
        lead = accuracies["oracle"] - accuracies["unverified"]
        yield _minimum("oracle's student over the unverified one", lead, gap, "derived")
    if {"oracle", "generator"} <= accuracies.keys():
        lead = accuracies["oracle"] - accuracies["generator"]
        yield _minimum("oracle's student over the generator", lead, 0.0, "sign")
    from_noisy_to_clean = [accuracy for _, accuracy in noise_curve(rows)]
    if len(from_noisy_to_clean) > 2:
        least_gain = _least_step(from_noisy_to_clean)
        yield _minimum("least gain from a verifier with less noise", least_gain, -NOISE_TOLERANCE, "derived")
    greedy, likeliest, best = (label_accuracies(rows, who) for who in ("greedy", "likeliest_beam", "best_of_beams"))
    if best and greedy and greedy[0]:
        name = "best of 10 beams by an oracle over greedy, as a ratio"
        yield _minimum(name, best[-1] / greedy[0], MIN_BEST_TO_GREEDY, "derived")
    if len(best) > 1:
        yield _minimum("least gain of labels from more beams", _least_step(best), 0.0, "sign")
    oracle, unverified = round_accuracies(rows, "oracle"), round_accuracies(rows, "unverified")
    if oracle:
        yield _minimum("rounds: the oracle's gain over the generator", oracle[-1] - oracle[0], 0.0, "sign")
    if unverified:
        loss = unverified[0] - unverified[-1]
        yield _minimum("rounds: the unverified loss below the generator", loss, 0.0, "sign")
    gaps = [verified - raw for verified, raw in zip(oracle, unverified, strict=False)]
    if gaps:
        yield _minimum("rounds: the gap at the end", gaps[-1], MIN_ROUNDS_GAP, "derived")
    if len(gaps) > 1:
        yield _minimum("rounds: the least widening of the gap", _least_step(gaps), 0.0, "sign")
    if likeliest and greedy:
        difference = abs(likeliest[0] - greedy[0])
        yield Check("likeliest beam against greedy", difference, MAX_LIKELIEST_GAP, 0.0, "derived", relation="<=")


def _minimum(name: str, got: float, want: float, source: Source) -> Check:
    return Check(name, got, want, 0.0, source, relation=">=")


def _least_step(values: Sequence[float]) -> float:
    return min(later - earlier for earlier, later in pairwise(values))
