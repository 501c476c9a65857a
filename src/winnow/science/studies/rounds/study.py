"""The study `rounds`: what happens to models that are trained on their own output, round after round."""

from __future__ import annotations

from winnow.science.studies.framework.study import Scale, Study, Value
from winnow.science.studies.rounds.claims import CITE, CLAIMS
from winnow.science.studies.rounds.editing_checks import block_editing_checks, repeated_editing_checks
from winnow.science.studies.rounds.loop_checks import (
    budget_checks,
    center_checks,
    real_share_checks,
    symbol_checks,
    weak_label_checks,
)
from winnow.science.studies.rounds.regression_checks import (
    accumulate_checks,
    gaussian_closed_form_checks,
    gaussian_simulation_checks,
    replace_checks,
    subsample_checks,
)

QUICK: dict[str, Value] = {
    "fits": 4_000,
    "subsamples": 300,
    "designs": 150,
    "gaussians": 1_000_000,
    "loops": 300,
    "far": 20_000,
}
SMALL = QUICK | {"fits": 60_000, "subsamples": 3_000, "designs": 1_500, "gaussians": 10_000_000, "loops": 2_000}
PAPER = QUICK | {"fits": 200_000, "subsamples": 30_000, "designs": 15_000, "gaussians": 20_000_000, "loops": 20_000}

STUDY = Study(
    name="rounds",
    about="many rounds on one's own output: regression, token editing, Gaussians, what keeps a loop stable",
    claims=CLAIMS,
    scales={"quick": Scale(QUICK, 0.005), "small": Scale(SMALL, 0.05), "paper": Scale(PAPER, 0.5)},
    parts={
        "replace": replace_checks,
        "accumulate": accumulate_checks,
        "subsample": subsample_checks,
        "blocks": block_editing_checks,
        "repeated": repeated_editing_checks,
        "gaussian closed": gaussian_closed_form_checks,
        "gaussian drawn": gaussian_simulation_checks,
        "weak labels": weak_label_checks,
        "symbols": symbol_checks,
        "center": center_checks,
        "real share": real_share_checks,
        "budgets": budget_checks,
    },
    cite=CITE,
)
