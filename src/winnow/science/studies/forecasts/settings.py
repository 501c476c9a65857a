"""The settings of the study `forecast` at two scales.

`judge_phi` and `judge_psi` are the probabilities with which the judge passes right and wrong answers. Settings that
start with the name of a task belong to it: rows, steps and initial weights of the generator, the prompts answered for
students, and their training. The sizes were tuned on outcomes of seeds 0 and 1 until models learned enough to tell data
apart, so the default seeds at small are others, run once afterwards.
"""

from __future__ import annotations

from winnow.science.studies.framework.study import Scale, Value

STUDENTS = ("unverified", "control", "judged", "verified", "samples_judged", "best_judged", "best")


def _task_settings(task: str, **settings: Value) -> dict[str, Value]:
    return {f"{task}_{name}": value for name, value in settings.items()}


SMALL: dict[str, Value] = {
    "kind": "encoder-decoder",
    "width": 64,
    "heads": 4,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "word-problems_layers": 2,
    "context": 64,
    "samples": 8,
    "labels": 500,
    "judge_phi": 0.9,
    "judge_psi": 0.3,
    "students": STUDENTS,
    "test": 2_500,
    **_task_settings("eigenvalues", rows=1_400, steps=300, batch=128, lr=5e-3, warmup=100, init_std=0.05),
    **_task_settings("eigenvalues", pool=6_000, student_steps=300, student_batch=192),
    **_task_settings("word-problems", rows=600, steps=250, batch=40, lr=4e-3, warmup=40, init_std=0.125),
    **_task_settings("word-problems", pool=4_000, student_steps=250, student_batch=40),
    **_task_settings("modular", rows=800, steps=200, batch=128, lr=5e-3, warmup=100, init_std=0.125),
    **_task_settings("modular", pool=4_000, student_steps=250, student_batch=128),
    "modulus": 97,
    "kinds": ("add",),
    "wordings": ("buys",),
    "below": 100,
    "clear": 0.02,
}

QUICK: dict[str, Value] = SMALL | {
    "samples": 4,
    "labels": 200,
    "students": ("unverified", "verified", "best"),
    "test": 500,
    **_task_settings("eigenvalues", pool=1_500, student_steps=150),
    **_task_settings("word-problems", pool=1_500, student_steps=150),
    **_task_settings("modular", pool=1_500, student_steps=150),
}

SCALES = {
    "quick": Scale(QUICK, hours=90 / 3_600, seeds=(0,), hardware="one core"),
    "small": Scale(SMALL, hours=0.12, seeds=(2, 3), hardware="one core"),
}
