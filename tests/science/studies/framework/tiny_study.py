"""A study small enough to run in a moment: the mean of some uniform draws, once right and once claimed wrongly."""

from __future__ import annotations

import os

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row
from winnow.science.studies.framework.study import Claim, Scale, Study, StudyUnit, Value


def _check_mean(unit: StudyUnit, want: float) -> list[Row]:
    with (unit.folder.parent.parent / "done.txt").open("a") as file:
        file.write(f"{unit.part} {unit.seed} {unit['runs']} {os.environ.get('OMP_NUM_THREADS')}\n")
    draws = np.random.default_rng([unit.seed, unit["runs"]]).random(unit["runs"])
    error = float(draws.std() / np.sqrt(len(draws)))
    return [check_row(f"{unit.part} mean", float(draws.mean()), Goal(want, unit["tolerance"], "derived"), error)]


def right(unit: StudyUnit) -> list[Row]:
    """Claims rightly that the mean is a half."""
    return _check_mean(unit, 0.5)


def wrong(unit: StudyUnit) -> list[Row]:
    """Claims wrongly that the mean is a third."""
    return _check_mean(unit, 1 / 3)


def dies(unit: StudyUnit) -> list[Row]:
    """Ends its process without an exception."""
    os._exit(7)


SETTINGS: dict[str, Value] = {"runs": 4000, "tolerance": 0.05, "kind": "uniform", "sizes": (1, 2), "loud": False}
STUDY = Study(
    "tiny",
    "uniform draws",
    (Claim("the mean is a half", "reproduced", "nobody", checks=("right mean",)),),
    {"quick": Scale(SETTINGS, 0.0001, (0, 1)), "small": Scale({**SETTINGS, "runs": 9000}, 0.01)},
    {"right": right},
    "@misc{tiny}",
)
BOTH = Study("both", "one right, one wrong", (), STUDY.scales, {"right": right, "wrong": wrong}, "@misc{both}")
DYING = Study("dying", "a process dies", (), STUDY.scales, {"right": right, "dies": dies}, "@misc{dying}")
