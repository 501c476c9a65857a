"""The study `gaussian`: p*, the proportional limit, where the step is and where it is not."""

from __future__ import annotations

from winnow.science.studies.framework.study import Scale, Study, Value
from winnow.science.studies.gaussian import loss_checks, simulation_checks
from winnow.science.studies.gaussian.claims import CLAIMS
from winnow.science.studies.gaussian.closed_form import closed_form_checks
from winnow.science.studies.papers import CITE_FENG

QUICK: dict[str, Value] = {"draws": 100_000, "rounds": 150, "steps": 12, "drifts": 3, "weak": 0, "answers": 2_000}
SMALL = QUICK | {"draws": 1_000_000, "rounds": 1_000, "steps": 100, "drifts": 20, "weak": 8}
PAPER = QUICK | {"draws": 10_000_000, "rounds": 10_000, "steps": 1_000, "drifts": 200, "weak": 300}

STUDY = Study(
    name="gaussian",
    about="one round of selection on Gaussian data: p*, the exact limit, both noise models, both losses",
    claims=CLAIMS,
    scales={"quick": Scale(QUICK, 0.005), "small": Scale(SMALL, 0.2), "paper": Scale(PAPER, 3.0)},
    parts={
        "closed": closed_form_checks,
        "orthants": simulation_checks.orthant_checks,
        "limits": simulation_checks.limit_checks,
        "finite": simulation_checks.finite_size_checks,
        "open": simulation_checks.open_answer_checks,
        "step": loss_checks.step_checks,
        "drift": loss_checks.drift_checks,
        "weak": loss_checks.weak_verifier_rows,
    },
    cite=CITE_FENG,
    summary_lines=loss_checks.weak_verifier_summary,
)
