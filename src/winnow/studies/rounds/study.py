"""The study `rounds`: what happens to models that are trained on their own output, round after round."""

from __future__ import annotations

from winnow.studies.frame.study import Scale, Study, Value
from winnow.studies.rounds.claims import CITE, CLAIMS
from winnow.studies.rounds.editing import blocks, repeated
from winnow.studies.rounds.loops import budget_loop, center_loop, real_share_loop, symbol_loop, weak_label_loop
from winnow.studies.rounds.regression import accumulate, gaussian_closed, gaussian_drawn, replace, subsample

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
        "replace": replace,
        "accumulate": accumulate,
        "subsample": subsample,
        "blocks": blocks,
        "repeated": repeated,
        "gaussian closed": gaussian_closed,
        "gaussian drawn": gaussian_drawn,
        "weak labels": weak_label_loop,
        "symbols": symbol_loop,
        "center": center_loop,
        "real share": real_share_loop,
        "budgets": budget_loop,
    },
    cite=CITE,
)
