"""train: fit a small model to the rows of a table, from scratch or from a model trained before.

Promises: the same call again finds its result done, or goes on from the last checkpoint to the same bytes, on the same
machine. Every row is learned from as often as the passes say, weighted by `winnow_weight` where the table has it; a row
that cannot be learned is refused. The held-out table is never learned from; it only stops training where that is asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.data.errors import UsageError, shown
from winnow.data.readers.files import sha256_of
from winnow.data.stores.atomic import clear_abandoned, make_folder, refused
from winnow.data.stores.opening import source_receipt
from winnow.data.stores.receipts import NAME, Work
from winnow.data.table import Table
from winnow.models.tiny import Shape, Tiny
from winnow.models.tiny.tiny import WEIGHTS
from winnow.models.tiny.vocabulary import UNKNOWN, learned
from winnow.stages.results import Spoken
from winnow.stages.train import checkpoint, stored
from winnow.stages.train.evaluation import evaluated
from winnow.stages.train.examples import Examples, examples, sha256_of_rows
from winnow.stages.train.fit import Fitting, Seen, mean_loss
from winnow.stages.train.settings import Settings
from winnow.stages.verify import config_of
from winnow.verifiers.verdicts import Verifier

VERSION = 1
Tell = Callable[[Seen], None]


@dataclass(frozen=True)
class Request:
    """What to train, how, and how to see what came of it."""

    model: Shape | Path
    """A shape, to start from scratch, or the folder of a trained model."""
    settings: Settings
    out: Path | None = None
    held_out: Table | None = None
    verifier: Verifier | None = None


@dataclass(frozen=True, repr=False)
class Trained(Spoken):
    """A trained model, what its loss was on the way, and what it is worth on the held-out table."""

    model: Tiny
    history: list[dict[str, float]]
    evaluation: dict[str, Any]
    summary: dict[str, Any]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.summary, "history": self.history, "evaluation": self.evaluation}

    def words(self) -> str:
        """What a person reads."""
        said = self.summary
        line = f"trained {said['parameters']:,} parameters on {said['rows']:,} rows of {said['table']}"
        last = self.history[-1]
        parts = [f"step {last['step']:,}", f"loss {last['loss']:.4f}"]
        if (loss := self.evaluation.get("loss")) is not None:
            left, taken = self.evaluation["loss_left_out"], self.evaluation["loss_rows"]
            cannot = f" ({left:,} of {left + taken:,} rows left out, which it could never write)" if left else ""
            parts.append(f"held-out loss {loss:.4f}{cannot}")
        if "accuracy" in self.evaluation:
            parts.append(f"{self.evaluation['accuracy']:.1%} of {self.evaluation['n']:,} held-out answers right")
        return f"{line}\n  {' · '.join(parts)}"


def train(table: Table, request: Request, tell: Tell | None = None) -> Trained:
    """The model of this table, made, finished or found."""
    given = examples(table)
    held = examples_held(request)
    folder = request.out
    if folder is None:
        fitting = _fitting(request, given, held)
        fitting.run(lambda: None, tell or (lambda _: None))
        return _trained(table, request, fitting, given)
    work = work_of(table, request, given)
    if stored.finished(folder, work) is not None:
        return _found(table, folder, given)
    make_folder(folder)
    for name in (checkpoint.NAME, *stored.FILES, NAME):
        clear_abandoned(folder / name)
    fitting = _fitting(request, given, held)
    checkpoint.go_on(folder, work.identity(), fitting)
    began, first = time.perf_counter(), fitting.position.step
    fitting.run(lambda: checkpoint.keep(folder, work.identity(), fitting), tell or (lambda _: None))
    trained = _trained(table, request, fitting, given)
    said = {stored.HISTORY: trained.history, stored.EVALUATION: trained.evaluation}
    stored.finish(folder, work, trained.model, said, (len(given), given.weights.count(0.0)))
    _log(folder, first, fitting.position.step, time.perf_counter() - began)
    return trained


def _fitting(request: Request, given: Examples, held: Examples | None) -> Fitting:
    fitting = Fitting(started(request, given), given, request.settings, held)
    table, verifier = request.held_out, request.verifier
    if request.settings.enough is not None:
        if table is None or verifier is None:
            problem = "ends training by the answers to a held-out table, and none with a verifier is named"
            raise UsageError("enough", problem, "Name both: held_out and verifier")
        fitting.accuracy = lambda: float(evaluated(fitting.model, table, verifier)["accuracy"])
    return fitting


def examples_held(request: Request) -> Examples | None:
    """The held-out rows whose loss can be told: those of a table that has completions."""
    held = request.held_out
    if held is None or not held.has("text"):
        if request.settings.patience is not None:
            problem = "stops training by the loss of a held-out table, and none with completions is named"
            raise UsageError("patience", problem, "Name one as held_out")
        return None
    return examples(held)


def started(request: Request, given: Examples) -> Tiny:
    """The model before its first step."""
    if isinstance(request.model, Shape):
        vocabulary = learned(request.model, given.prompts, given.texts)
        longest = 1 + max(len(vocabulary.split(text)) for text in given.texts)
        return Tiny(request.model, vocabulary, longest, request.settings.seed)
    model = Tiny.load(request.model)
    for text in given.texts:
        if UNKNOWN in model.vocabulary.plain(text):
            problem = f"the completion {shown(text)} has a piece that the model of {request.model} cannot write"
            raise UsageError("model", problem, "Train from scratch with a shape, or leave such rows out")
    model.longest = max(model.longest, 1 + max(len(model.vocabulary.split(text)) for text in given.texts))
    return model


def work_of(table: Table, request: Request, given: Examples) -> Work:
    """The whole of what is done: its identity."""
    settings = {name: value for name, value in asdict(request.settings).items() if name != "keep_every"}
    verifier = request.verifier
    config = {
        "model": _start(request.model),
        "settings": settings,
        "rows": given.sha256(),
        "held_out": None if request.held_out is None else sha256_of_rows(request.held_out),
        "verifier": None if verifier is None else config_of([verifier]),
    }
    return Work("train", VERSION, config, source_receipt(table, request.out or Path()))


def _start(model: Shape | Path) -> dict[str, Any]:
    if isinstance(model, Shape):
        return {"shape": asdict(model)}
    if (model / NAME).is_file():
        return {"base": stored.checked(model).work.identity()}
    if not (model / WEIGHTS).is_file():
        raise UsageError("model", f"{shown(str(model))} holds no model", "Name a folder that training wrote")
    return {"base": sha256_of(model / WEIGHTS)}


def _trained(table: Table, request: Request, fitting: Fitting, given: Examples) -> Trained:
    evaluation: dict[str, Any] = {}
    if fitting.held_out is not None:
        evaluation["loss"] = mean_loss(fitting.model, fitting.held_out)
        evaluation |= {"loss_rows": len(fitting.held_out), "loss_left_out": fitting.left_out}
    if request.held_out is not None and request.verifier is not None:
        evaluation |= evaluated(fitting.model, request.held_out, request.verifier)
    out = None if request.out is None else str(request.out)
    summary = {**_summary(table, fitting.model, given), "out": out, "already_done": False}
    return Trained(fitting.model, fitting.position.history, evaluation, summary)


def _found(table: Table, folder: Path, given: Examples) -> Trained:
    model = Tiny.load(folder)
    summary = {**_summary(table, model, given), "out": str(folder), "already_done": True}
    return Trained(model, stored.read(folder, stored.HISTORY), stored.read(folder, stored.EVALUATION), summary)


def _summary(table: Table, model: Tiny, given: Examples) -> dict[str, Any]:
    return {"table": table.name, "rows": len(given), "parameters": model.parameters()}


def _log(folder: Path, first: int, last: int, seconds: float) -> None:
    """How long it took stands beside the result and is no part of it."""
    line = {"stage": "train", "from_step": first, "to_step": last, "seconds": round(seconds, 3)}
    with refused(folder), (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
