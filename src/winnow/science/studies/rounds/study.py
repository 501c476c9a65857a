"""The study `rounds`: models that are trained on their own output, round after round."""

from __future__ import annotations

from winnow.science.studies.framework.study import Claim, Scale, Study, Value
from winnow.science.studies.papers import ZHU
from winnow.science.studies.rounds import checks

GERSTGRASSER, KAZDAN = "arXiv 2404.01413", "arXiv 2410.16713"

CITE = """
@inproceedings{zhu2025synthesize,
  title = {How to Synthesize Text Data without Model Collapse?},
  author = {Zhu, Xuekai and others},
  booktitle = {International Conference on Machine Learning},
  year = {2025},
  eprint = {2412.14689},
  archivePrefix = {arXiv}
}

@misc{gerstgrasser2024inevitable,
  title = {Is Model Collapse Inevitable? Breaking the Curse of Recursion by Accumulating Real and Synthetic Data},
  author = {Gerstgrasser, Matthias and others},
  year = {2024},
  eprint = {2404.01413},
  archivePrefix = {arXiv}
}

@misc{kazdan2024collapse,
  title = {Collapse or Thrive? Perils and Promises of Synthetic Data in a Self-Generating World},
  author = {Kazdan, Joshua and others},
  year = {2024},
  eprint = {2410.16713},
  archivePrefix = {arXiv}
}

@article{shumailov2024collapse,
  title = {AI models collapse when trained on recursively generated data},
  author = {Shumailov, Ilia and others},
  journal = {Nature},
  year = {2024}
}

@misc{suresh2024rate, author = {Suresh and others}, year = {2024}, eprint = {2412.17646}, archivePrefix = {arXiv}}

@misc{amin2025escaping,
  title = {Escaping Collapse: The Strength of Weak Data for Large Language Model Training},
  author = {Amin, Kareem and others},
  year = {2025},
  eprint = {2502.08924},
  archivePrefix = {arXiv}
}

@misc{fu2025loops, author = {Fu and others}, year = {2025}, eprint = {2502.18865}, archivePrefix = {arXiv}}

@misc{yi2025verification, author = {Yi and others}, year = {2025}, eprint = {2510.16657}, archivePrefix = {arXiv}}

@misc{yuan2025merging, author = {Yuan and others}, year = {2025}, eprint = {2503.02103}, archivePrefix = {arXiv}}

@misc{spendwisely2025, title = {Spend Wisely}, year = {2025}, eprint = {2501.18962}, archivePrefix = {arXiv}}
"""

CLAIMS = (
    Claim(
        "replacing all data every round: the error is n b",
        "reproduced",
        ZHU,
        checks=("replace, round 10", "replace, round 100, in b"),
    ),
    Claim(
        "the published curve of replace ends at 99.6 s2 d/T after 100 rounds (digitized, one run, good to a tenth)",
        "not reproduced",
        GERSTGRASSER,
        "the formula and we find 112, more than a tenth away; rounds 1 and 10 agree",
        ("replace, round 100: share of the formula above the digitized 99.6", "replace, round 10, in s2 d/T"),
    ),
    Claim(
        "accumulating: the error stays below pi^2/6 b",
        "reproduced",
        GERSTGRASSER,
        checks=("accumulate, round 10, in b", "accumulate, round 200, in b", "accumulate, round 100, in s2 d/T"),
    ),
    Claim(
        "accumulating and drawing T rows: worse than accumulating, but a plateau",
        "reproduced",
        KAZDAN,
        checks=("subsample, one X, without replacement: rounds 40-60, in b", "subsample, round 10, in s2 d/T"),
    ),
    Claim(
        "token editing keeps the error below 2 b",
        "holds only if",
        ZHU,
        "all rows are edited in one go, or few rows in all; rows edited in many small sets exceed it, and with new rows"
        " every round the error grows without limit",
        (
            "edit, all rows once, in b", "edit, 20 blocks: above the claimed 2 b by",
            "edit, new 0.1 every round: rounds 20-40 over 0-20",
        ),
    ),
    Claim(
        "edits that shrink by a factor a round stay below an explicit bound",
        "reproduced",
        ZHU,
        condition="disjoint blocks that halve; the bound is about twice what is found",
        checks=("edit, blocks that halve: at most the explicit bound, in b",),
    ),
    Claim(
        "a Gaussian refitted to its own samples narrows: replace to nothing, accumulate to a limit",
        "reproduced",
        KAZDAN,
        checks=(
            "Gaussian replace, n=10, round 20", "Gaussian replace, n=100, round 100", "Gaussian accumulate limit, n=10",
            "Gaussian subsample limit, n=10",
        ),
    ),
    Claim(
        "tails vanish first: the deviation contracts by E sqrt(chi2)/sqrt(n-1) a round",
        "reproduced",
        "Shumailov et al., Nature 2024",
        checks=("contraction of the unbiased deviation, n=10", "contraction of the unbiased deviation, n=10, drawn"),
    ),
    Claim(
        "symbols die out like a branching process",
        "reproduced",
        "arXiv 2412.17646",
        checks=("symbols alive after round 10, over the formula",),
    ),
    Claim(
        "verified retraining converges to the verifier's center; selectivity sets the speed, bias the limit",
        "reproduced",
        "arXiv 2510.16657",
        "in the smallest model that shows it (docs/explanation/methods.md)",
        (
            "center, tau=0.7: distance after round 8, over the formula", "center, no bias: error left of the start's",
            "center, mild bias: gain", "center, strong bias: decline",
        ),
    ),
    Claim(
        "a constant share of real data keeps a loop stable",
        "reproduced",
        "arXiv 2502.18865",
        checks=(
            "real share 0.1, sharpened: largest excess over the bound",
            "real share: distance without it over with .3",
        ),
    ),
    Claim(
        "weak labels spent on failing prompts beat weak labels spent on all",
        "reproduced",
        "arXiv 2502.08924",
        "with an ideal learner",
        ("weak labels, focused, round 40, drawn", "weak labels: focusing is better"),
    ),
    Claim(
        "growing budgets of kept samples beat constant ones",
        "holds only if",
        "arXiv 2501.18962",
        "what is derived here is a loop that contracts linearly; the paper's theorem is not restated",
        ("budgets: constant over growing",),
    ),
    Claim(
        "merging the weights of every round with the first ones keeps both",
        "holds only if",
        "arXiv 2503.02103",
        "shown for linear regression alone: averaging with the first fit bounds the error; no language model is run",
        ("replace averaged with the first fit (a=.5), round 20, in b",),
    ),
)  # fmt: skip

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
        "replace": checks.replace_checks,
        "accumulate": checks.accumulate_checks,
        "subsample": checks.subsample_checks,
        "blocks": checks.block_editing_checks,
        "repeated": checks.repeated_editing_checks,
        "gaussian closed": checks.gaussian_closed_form_checks,
        "gaussian drawn": checks.gaussian_simulation_checks,
        "weak labels": checks.weak_label_checks,
        "symbols": checks.symbol_checks,
        "center": checks.center_checks,
        "real share": checks.real_share_checks,
        "budgets": checks.budget_checks,
    },
    cite=CITE,
)
