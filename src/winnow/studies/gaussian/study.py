"""The study `gaussian`: p*, the proportional limit, where the step is and where it is not."""

from __future__ import annotations

from winnow.studies.frame.study import Scale, Study, Value
from winnow.studies.gaussian.against import finite, limits, open_answers, orthants
from winnow.studies.gaussian.claims import CLAIMS
from winnow.studies.gaussian.closed import closed
from winnow.studies.gaussian.losses import drift, step, told, weak
from winnow.studies.papers import CITE_FENG

QUICK: dict[str, Value] = {"draws": 100_000, "rounds": 150, "steps": 12, "drifts": 3, "weak": 0, "answers": 2_000}
SMALL = QUICK | {"draws": 1_000_000, "rounds": 1_000, "steps": 100, "drifts": 20, "weak": 8}
PAPER = QUICK | {"draws": 10_000_000, "rounds": 10_000, "steps": 1_000, "drifts": 200, "weak": 300}

STUDY = Study(
    name="gaussian",
    about="one round of selection on Gaussian data: p*, the exact limit, both noise models, both losses",
    claims=CLAIMS,
    scales={"quick": Scale(QUICK, 0.005), "small": Scale(SMALL, 0.2), "paper": Scale(PAPER, 3.0)},
    parts={
        "closed": closed,
        "orthants": orthants,
        "limits": limits,
        "finite": finite,
        "open": open_answers,
        "step": step,
        "drift": drift,
        "weak": weak,
    },
    cite=CITE_FENG,
    words=told,
)
