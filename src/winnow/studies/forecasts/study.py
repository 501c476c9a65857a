"""Forecast against outcome as a study: its tables are printed whatever they show, and two safe signs are checked."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.studies.forecasts.parts import forecast_and_outcome
from winnow.studies.forecasts.ranked import groups, offs, ranks
from winnow.studies.forecasts.settings import SCALES
from winnow.studies.frame.check import Check, Row
from winnow.studies.frame.study import Claim, Settings, Study
from winnow.studies.papers import FENG

CHOSEN_ON = "eigenvalues"
"""The task on whose prototypes predictors were noticed; the others chose nothing."""


def judge(rows: Sequence[Row], settings: Settings) -> list[Check]:
    """The least lead of students of verified answers, over tasks and seeds."""
    found = []
    for other in ("unverified", "control"):
        leads = [_lead(of, other) for of in groups(rows)]
        known = [one for one in leads if one is not None]
        if known:
            found.append(Check(f"verified over {other}", min(known), 0.0, 0.0, "sign", relation=">="))
    return found


def _lead(rows: Sequence[Row], other: str) -> float | None:
    outcome = {row["who"]: row["outcome"] for row in rows}
    return outcome["verified"] - outcome[other] if {"verified", other} <= outcome.keys() else None


def words(rows: Sequence[Row]) -> list[str]:
    """Each student's forecast and outcome, then ranks and errors: all tasks, and those that chose nothing."""
    clear = rows[0]["clear"] if rows else 0.0
    lines = [f"{'task, seed':<18}{'student':<16}{'precision':>10}{'served':>8}{'p*':>6}{'p*_w':>6}{'outcome':>9}"]
    for row in rows:
        where = f"{row['task']}, {row['seed']}"
        told = "".join(f"{_percent(row[name]):>{size}}" for name, size in (("precision", 10), ("served", 8)))
        stars = "".join(f"{'-' if row[name] is None else f'{row[name]:.2f}':>6}" for name in ("p_star", "p_star_w"))
        lines.append(f"{where:<18}{row['who']:<16}{told}{stars}{_percent(row['outcome']):>9}")
    unseen = [row for row in rows if row["task"] != CHOSEN_ON]
    for title, some in (("all tasks", rows), (f"without {CHOSEN_ON}", unseen)):
        lines += ["", *tables(title, some, clear)]
    return [*lines, ""]


def tables(title: str, rows: Sequence[Row], clear: float) -> list[str]:
    """Ranks and errors of some students."""
    if not rows:
        return []
    lines = [f"{title}: {len(rows)} students, {len(groups(rows))} tasks and seeds"]
    for one in ranks(rows, clear):
        correlation = "-" if one.spearman is None else f"{one.spearman:+.2f}"
        out = f", {one.left_out} left out" if one.left_out else ""
        lines.append(
            f"  {one.predictor:<17} rank correlation {correlation}, "
            f"pairs right {_percent(one.share)}% of {one.pairs}{out}"
        )
    for off in offs(rows):
        lines.append(f"  {off.number:<17} off by {100 * off.error:.1f} points, outcomes {100 * off.difference:+.1f}")
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


CLAIMS = (
    Claim(
        "the larger p*, the better the student",
        "holds only if",
        FENG,
        "it is read as an order that holds for most pairs of students, not as a threshold (docs/students.md)",
    ),
)

CITE = "@misc{winnow, title = {winnow: forecast against outcome}, note = {winnow reproduce forecast}}"

STUDY = Study(
    name="forecast",
    about="what 500 labels said of training data beforehand, and what small students of it then scored",
    claims=CLAIMS,
    scales=SCALES,
    parts=dict.fromkeys(("eigenvalues", "word-problems", "modular"), forecast_and_outcome),
    cite=CITE,
    judge=judge,
    words=words,
    libraries=("numpy", "torch"),
)
