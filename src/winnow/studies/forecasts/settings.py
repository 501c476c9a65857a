"""The settings of forecast against outcome: three tasks, a generator of each on little data, students of its answers.

`judge_phi` and `judge_psi` make a verifier that is often wrong: it keeps right answers and wrong ones with these
chances. Rows, steps and rates of a generator stand under its task's name; they were set on seed 100, by the accuracy of
the generator alone, and seed 100 is in no table.
"""

from __future__ import annotations

from winnow.studies.frame.study import Scale, Value

STUDENTS = ("unverified", "control", "judged", "verified", "samples_judged", "best_judged", "best")

SMALL: dict[str, Value] = {
    "kind": "encoder-decoder",
    "width": 64,
    "heads": 4,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "word-problems_layers": 2,
    "context": 64,
    "pool": 4_000,
    "samples": 8,
    "labels": 500,
    "judge_phi": 0.9,
    "judge_psi": 0.3,
    "students": STUDENTS,
    "steps": 250,
    "batch": 128,
    "lr": 5e-3,
    "test": 2_500,
    "eigenvalues_rows": 1_400,
    "eigenvalues_steps": 300,
    "eigenvalues_spread": 0.05,
    "word-problems_rows": 1_100,
    "word-problems_steps": 250,
    "word-problems_spread": 0.125,
    "modular_rows": 800,
    "modular_steps": 200,
    "modular_spread": 0.125,
    "modulus": 97,
    "kinds": ("add",),
    "wordings": ("buys",),
    "clear": 0.02,
}

QUICK: dict[str, Value] = SMALL | {
    "pool": 1_500,
    "samples": 4,
    "labels": 200,
    "students": ("unverified", "verified", "best"),
    "steps": 150,
    "test": 500,
    "modular_steps": 150,
}

SCALES = {
    "quick": Scale(QUICK, hours=90 / 3_600, seeds=(0,), on="one core"),
    "small": Scale(SMALL, hours=0.12, seeds=(0, 1), on="one core"),
}
