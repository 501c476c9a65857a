"""The claims about one round of selection, their status here, and the checks behind each."""

from __future__ import annotations

from winnow.science.studies.framework.study import Claim
from winnow.science.studies.papers import FENG

FIRDOUSSI = "arXiv 2410.08942"

CLAIMS = (
    Claim(
        "p* = phi / (phi + psi): no or random selection has 1/2, an oracle 1, a verifier that lets q through 1/(1+q)",
        "reproduced",
        FENG,
        checks=("p* at q=0", "p* at q=0.1", "p* at q=0.25", "p* at q=0.5", "p* at q=0.65", "p* at q=1"),
    ),
    Claim(
        "with rows without end the student is Bayes' below p* and its opposite above",
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
        "with an oracle (p* = 1) and rows without end the student is Bayes'",
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
        " kept rows differ by less than a few runs can tell (part weak; scale paper takes enough)",
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
