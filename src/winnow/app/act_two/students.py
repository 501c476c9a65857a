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

from winnow.app.act_two.tables import Tables
from winnow.stages import front
from winnow.verifiers.verdicts import Verifier

if TYPE_CHECKING:
    from winnow.models.tiny import Tiny
    from winnow.stages.train import Trained

PROCESSES = 2
STEPS, BATCH, LEARNING_RATE, WARMUP = 350, 40, 4e-3, 40
HALF, LOOK_EVERY = 0.4, 10
"""The generator stops learning once it has this share of some problems right, looking every so many steps."""


@dataclass(frozen=True)
class Learner:
    """A model to train: its name, its rows, its folder."""

    name: str
    rows: Path
    held_out: Path
    out: Path
    seed: int


@dataclass(frozen=True)
class Score:
    """How many of the held-out problems it has right."""

    name: str
    right: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.right / self.n


def trained(learner: Learner) -> Score:
    """Train a student, or find it trained."""
    done = _trained(learner, learner.held_out, steps=STEPS)
    return Score(learner.name, done.evaluation["right"], done.evaluation["n"])


def half_trained(learner: Learner, checked: Path) -> Score:
    """Train a generator only until it has a part of these problems right, and ask it the held-out ones."""
    done = _trained(learner, checked, steps=2 * STEPS, enough=HALF, look_every=LOOK_EVERY, fall=0.0)
    found = evaluated_on(done.model, learner.held_out)
    return Score(learner.name, found["right"], found["n"])


def evaluated_on(model: Tiny, held_out: Path) -> dict[str, Any]:
    """How many of these problems a model has right."""
    from winnow.stages.train.evaluation import evaluated

    return evaluated(model, front.table(held_out), _judge())


def _judge() -> Verifier:
    return front.verifier("number", marker="A:")


def _trained(learner: Learner, held_out: Path, **settings: Any) -> Trained:
    import torch

    from winnow.models.tiny import Shape
    from winnow.stages.training import train

    torch.set_num_threads(1)
    return train(
        learner.rows,
        model=Shape("decoder", "prose", width=64, heads=4, encoder_layers=0, decoder_layers=2, context=64),
        out=learner.out,
        held_out=held_out,
        verifier=_judge(),
        batch=BATCH,
        lr=LEARNING_RATE,
        warmup=WARMUP,
        seed=learner.seed,
        **settings,
    )


def answers(generator: Path, prompts: Sequence[str]) -> list[str]:
    """What the generator writes, greedily."""
    from winnow.models.tiny import Tiny

    return [written[0].text for written in Tiny.load(generator).complete(prompts)]


def all_trained(tables: Tables, students: Sequence[str], seed: int, tell: Callable[[Score], Any]) -> dict[str, Score]:
    """Every student in the order given, whichever ends first; told of as it is done."""
    learners = [
        Learner(name, tables.trained_on(name), tables.held_out, tables.folder / "models" / name, seed)
        for name in students
    ]
    scores: dict[str, Score] = {}
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(trained, learner) for learner in learners]):
            score = done.result()
            scores[score.name] = score
            tell(score)
    return {name: scores[name] for name in students}
