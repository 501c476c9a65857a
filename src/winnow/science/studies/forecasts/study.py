"""The study `forecast`: its settings, its tables, printed whatever they show, and two reliable signs that are checked.

`judge_phi` and `judge_psi` are the probabilities with which the judge passes right and wrong answers. Settings that
start with the name of a task belong to it: rows, steps and initial weights of the generator, the prompts answered for
students, and their training. The sizes were tuned on outcomes of seeds 0 and 1 until models learned enough to tell data
apart, so the default seeds at small are others, run once afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from winnow.science.studies.forecasts.experiment import forecast_and_outcome
from winnow.science.studies.forecasts.predictors import group_by_task_and_seed, outcome_deviations, rank_predictors
from winnow.science.studies.framework.check import Check, Row
from winnow.science.studies.framework.study import Claim, Scale, Settings, Study, Value
from winnow.science.studies.papers import FENG

STUDENTS = ("unverified", "control", "judged", "verified", "samples_judged", "best_judged", "best")


def _task_settings(task: str, **settings: Value) -> dict[str, Value]:
    return {f"{task}_{name}": value for name, value in settings.items()}


SMALL: dict[str, Value] = {
    "kind": "encoder-decoder",
    "width": 64,
    "heads": 4,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "word-problems_layers": 2,
    "context": 64,
    "samples": 8,
    "labels": 500,
    "judge_phi": 0.9,
    "judge_psi": 0.3,
    "students": STUDENTS,
    "test": 2_500,
    **_task_settings("eigenvalues", rows=1_400, steps=300, batch=128, lr=5e-3, warmup=100, init_std=0.05),
    **_task_settings("eigenvalues", pool=6_000, student_steps=300, student_batch=192),
    **_task_settings("word-problems", rows=600, steps=250, batch=40, lr=4e-3, warmup=40, init_std=0.125),
    **_task_settings("word-problems", pool=4_000, student_steps=250, student_batch=40),
    **_task_settings("modular", rows=800, steps=200, batch=128, lr=5e-3, warmup=100, init_std=0.125),
    **_task_settings("modular", pool=4_000, student_steps=250, student_batch=128),
    "modulus": 97,
    "kinds": ("add",),
    "wordings": ("buys",),
    "below": 100,
    "clear": 0.02,
}

QUICK: dict[str, Value] = SMALL | {
    "samples": 4,
    "labels": 200,
    "students": ("unverified", "verified", "best"),
    "test": 500,
    **_task_settings("eigenvalues", pool=1_500, student_steps=150),
    **_task_settings("word-problems", pool=1_500, student_steps=150),
    **_task_settings("modular", pool=1_500, student_steps=150),
}

SCALES = {
    "quick": Scale(QUICK, hours=90 / 3_600, seeds=(0,), hardware="one core"),
    "small": Scale(SMALL, hours=0.12, seeds=(2, 3), hardware="one core"),
}

PREDICTORS_CHOSEN_ON = "eigenvalues"
"""The task whose prototypes suggested the predictors."""


def check_rows(rows: Sequence[Row], settings: Settings) -> list[Check]:
    """Return the smallest lead of students of verified answers over tasks and seeds."""
    checks = []
    for baseline in ("unverified", "control"):
        outcomes = [{row["who"]: row["outcome"] for row in group} for group in group_by_task_and_seed(rows)]
        leads = [
            by_name["verified"] - by_name[baseline] for by_name in outcomes if {"verified", baseline} <= {*by_name}
        ]
        if leads:
            checks.append(Check(f"verified over {baseline}", min(leads), 0.0, 0.0, "sign", relation=">="))
    return checks


def summary_lines(rows: Sequence[Row]) -> list[str]:
    """Return forecast and outcome of each student, then rank metrics of all tasks and of the unseen ones."""
    clear = rows[0]["clear"] if rows else 0.0
    lines = [f"{'task, seed':<18}{'student':<16}{'precision':>10}{'served':>8}{'p*':>6}{'p*_w':>6}{'outcome':>9}"]
    for row in rows:
        where = f"{row['task']}, {row['seed']}"
        cells = "".join(f"{_percent(row[name]):>{size}}" for name, size in (("precision", 10), ("served", 8)))
        stars = "".join(f"{'-' if row[name] is None else f'{row[name]:.2f}':>6}" for name in ("p_star", "p_star_w"))
        lines.append(f"{where:<18}{row['who']:<16}{cells}{stars}{_percent(row['outcome']):>9}")
    unseen = [row for row in rows if row["task"] != PREDICTORS_CHOSEN_ON]
    for title, some in (("all tasks", rows), (f"without {PREDICTORS_CHOSEN_ON}", unseen)):
        lines += ["", *summary_tables(title, some, clear)]
    return [*lines, ""]


def summary_tables(title: str, rows: Sequence[Row], clear: float) -> list[str]:
    """Return the rank metrics and errors of some students."""
    if not rows:
        return []
    lines = [f"{title}: {len(rows)} students, {len(group_by_task_and_seed(rows))} tasks and seeds"]
    for ranking in rank_predictors(rows, clear):
        correlation = "-" if ranking.spearman is None else f"{ranking.spearman:+.2f}"
        out = f", {ranking.left_out} left out" if ranking.left_out else ""
        lines.append(
            f"  {ranking.predictor:<17} rank correlation {correlation}, "
            f"pairs right {_percent(ranking.share)}% of {ranking.pairs}{out}"
        )
    for deviation in outcome_deviations(rows):
        error, difference = 100 * deviation.error, 100 * deviation.difference
        lines.append(f"  {deviation.number:<17} off by {error:.1f} points, outcomes {difference:+.1f}")
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


CLAIMS = (
    Claim(
        "the larger p*, the better the student",
        "holds only if",
        FENG,
        "it is read as an order that holds for most pairs of students, not as a threshold (students.md)",
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
    check_rows=check_rows,
    summary_lines=summary_lines,
    libraries=("numpy", "torch"),
)
