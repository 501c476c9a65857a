"""The generator and its students: small models of one shape, all trained alike, two processes at most.

Promises: a student follows from its rows and the seed; what was trained stands in its folder and is found there
the next time. All are asked the same held-out problems, greedily, and judged by the number after "A:".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import winnow
from winnow.cli.demo_training.tables import DemoTables
from winnow.verifiers.verdicts import Verifier
from winnow.web.demo_page import StudentScore

if TYPE_CHECKING:
    from winnow.models.tiny import TinyModel
    from winnow.stages.train.stage import TrainResult

MAX_PROCESSES = 2
STEPS, BATCH, LEARNING_RATE, WARMUP = 350, 40, 4e-3, 40
GENERATOR_ACCURACY, EVAL_EVERY = 0.4, 10
"""The generator stops learning once it has this share of some problems right, looking every so many steps."""


@dataclass(frozen=True)
class StudentSpec:
    """A model to train: its name, its rows, its folder."""

    name: str
    rows: Path
    held_out: Path
    out: Path
    seed: int


def train_student(spec: StudentSpec) -> StudentScore:
    """Train a student, or find it trained."""
    result = _train_model(spec, spec.held_out, steps=STEPS)
    return StudentScore(spec.name, result.evaluation["right"], result.evaluation["n"])


def train_generator(spec: StudentSpec, validation: Path) -> StudentScore:
    """Train a generator only until it has a part of these problems right, and ask it the held-out ones."""
    result = _train_model(
        spec, validation, steps=2 * STEPS, target_accuracy=GENERATOR_ACCURACY, eval_every=EVAL_EVERY, decay_fraction=0.0
    )
    evaluation = score_model(result.model, spec.held_out)
    return StudentScore(spec.name, evaluation["right"], evaluation["n"])


def score_model(model: TinyModel, held_out: Path) -> dict[str, Any]:
    """How many of these problems a model has right."""
    from winnow.stages.train.evaluation import evaluate_model

    return evaluate_model(model, winnow.table(held_out), _answer_verifier())


def _answer_verifier() -> Verifier:
    return winnow.verifier("number", marker="A:")


def _train_model(spec: StudentSpec, held_out: Path, **settings: Any) -> TrainResult:
    import torch

    torch.set_num_threads(1)
    return winnow.train(
        spec.rows,
        shape=winnow.ModelConfig("decoder", "prose", width=64, heads=4, encoder_layers=0, decoder_layers=2, context=64),
        out=spec.out,
        held_out=held_out,
        verifier=_answer_verifier(),
        batch=BATCH,
        lr=LEARNING_RATE,
        warmup=WARMUP,
        seed=spec.seed,
        **settings,
    )


def generate_answers(generator: Path, prompts: Sequence[str]) -> list[str]:
    """What the generator writes, greedily."""
    from winnow.models.tiny import TinyModel

    return [texts[0].text for texts in TinyModel.load(generator).complete(prompts)]


def train_students(
    tables: DemoTables, students: Sequence[str], seed: int, report: Callable[[StudentScore], Any]
) -> dict[str, StudentScore]:
    """Every student in the order given, whichever ends first; told of as it is done."""
    specs = [
        StudentSpec(name, tables.training_file(name), tables.held_out, tables.folder / "models" / name, seed)
        for name in students
    ]
    scores: dict[str, StudentScore] = {}
    with ProcessPoolExecutor(MAX_PROCESSES, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(train_student, spec) for spec in specs]):
            score = future.result()
            scores[score.name] = score
            report(score)
    return {name: scores[name] for name in students}
