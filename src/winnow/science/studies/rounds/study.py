"""The study `rounds`: models that are trained on their own output, round after round."""

from __future__ import annotations

from winnow.science.studies.framework.study import Scale, Study, Value
from winnow.science.studies.rounds import editing_checks, loop_checks, regression_checks
from winnow.science.studies.rounds.claims import CITE, CLAIMS

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
        "replace": regression_checks.replace_checks,
        "accumulate": regression_checks.accumulate_checks,
        "subsample": regression_checks.subsample_checks,
        "blocks": editing_checks.block_editing_checks,
        "repeated": editing_checks.repeated_editing_checks,
        "gaussian closed": regression_checks.gaussian_closed_form_checks,
        "gaussian drawn": regression_checks.gaussian_simulation_checks,
        "weak labels": loop_checks.weak_label_checks,
        "symbols": loop_checks.symbol_checks,
        "center": loop_checks.center_checks,
        "real share": loop_checks.real_share_checks,
        "budgets": loop_checks.budget_checks,
    },
    cite=CITE,
)
