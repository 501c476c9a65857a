"""The study `gaussian`: p*, the proportional limit, where the step is and where it is not."""

from __future__ import annotations

from winnow.science.studies.framework.study import Claim, Scale, Study, Value
from winnow.science.studies.gaussian import checks
from winnow.science.studies.papers import CITE_FENG, FENG

FIRDOUSSI = "arXiv 2410.08942"

CLAIMS = (
    Claim(
        "p* = phi / (phi + psi): no or random selection has 1/2, an oracle 1, one that keeps q of the wrong 1/(1+q)",
        "reproduced",
        FENG,
        checks=("p* at q=0", "p* at q=0.1", "p* at q=0.25", "p* at q=0.5", "p* at q=0.65", "p* at q=1"),
    ),
    Claim(
        "with infinitely many rows the student is the Bayes classifier below p* and its opposite above",
        "holds only if",
        FENG,
        "label errors are flips independent of x; labels of a linear generator lead to no step and, chosen by"
        " agreement, to the bisector of generator and verifier",
        (
            "flips, p=0.6: accuracy", "flips, p=0.76: accuracy", "flips, p=0.84: accuracy", "flips, p=0.95: accuracy",
            "linear labels, p=0.6: accuracy, far from 1", "linear labels, perfect verifier: error",
        ),
    ),
    Claim(
        "with an oracle (p* = 1) and infinitely many rows the student is the Bayes classifier",
        "holds only if",
        FENG,
        "flips; with labels of a linear generator and an oracle, logistic loss drifts back to the generator",
        ("logistic, n=1000: accuracy", "logistic, n=150000: accuracy", "logistic falls back as n grows"),
    ),
    Claim(
        "with a weak linear verifier there is a best number of rows, near 10,000, and more is worse",
        "not reproduced",
        FENG,
        "ridge shows no such number in the exact limit; with logistic loss and next to no penalty 10,000 and 100,000"
        " kept rows differ by less than a few runs can detect (part weak; scale paper takes enough)",
        ("ridge, weak verifier: accuracy never falls in n",),
    ),
    Claim(
        "p* decides whether verified data help",
        "holds only if",
        FENG,
        "there are two classes; for open answers right wins a prompt up to p*_w = phi / (phi + w psi), and data can"
        " become seven times cleaner beyond p*",
        (
            "open answers between p* and p*_w: commonest kept right", "game of 24: margin p* - p",
            "game of 24: times cleaner",
        ),
    ),
    Claim("the threshold of pruned mixtures is eps* = 1 / (1 + rho / phi)", "reproduced", FIRDOUSSI, checks=("eps*",)),
    Claim(
        "the number behind the paper's plots of Gaussian data",
        "not published here",
        FENG,
        "the paper shows curves; what is compared are its formulas",
    ),
)  # fmt: skip

QUICK: dict[str, Value] = {"draws": 100_000, "rounds": 150, "steps": 12, "drifts": 3, "weak": 0, "answers": 2_000}
SMALL = QUICK | {"draws": 1_000_000, "rounds": 1_000, "steps": 100, "drifts": 20, "weak": 8}
PAPER = QUICK | {"draws": 10_000_000, "rounds": 10_000, "steps": 1_000, "drifts": 200, "weak": 300}

STUDY = Study(
    name="gaussian",
    about="one round of selection on Gaussian data: p*, the exact limit, both noise models, both losses",
    claims=CLAIMS,
    scales={"quick": Scale(QUICK, 0.005), "small": Scale(SMALL, 0.2), "paper": Scale(PAPER, 3.0)},
    parts={
        "closed": checks.closed_form_checks,
        "orthants": checks.orthant_checks,
        "limits": checks.limit_checks,
        "finite": checks.finite_size_checks,
        "open": checks.open_answer_checks,
        "step": checks.step_checks,
        "drift": checks.drift_checks,
        "weak": checks.weak_verifier_rows,
    },
    cite=CITE_FENG,
    summary_lines=checks.weak_verifier_summary,
)
