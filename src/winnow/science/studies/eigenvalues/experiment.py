"""The work of one seed: a generator on little data, its answers kept once, and students of what is chosen from them.

Promises: models and answers are kept in the unit's folder as they are made, so a unit that was stopped goes on with the
student it was at. Prompts of generator, pool, rounds and beams are different ones, and none of the test is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import process_time
from typing import Any

import winnow
from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.studies.students import selection_rules
from winnow.science.studies.students.candidates import best_of_accuracy, load_or_decode
from winnow.science.studies.students.small_model import ModelCache, TrainSpec, example_rows, greedy_answers
from winnow.science.tasks.eigenvalues import Eigenvalues
from winnow.science.tasks.task import Example

POOL_START, ROUNDS_START = 10**8, 2 * 10**8  # where the pool's and the rounds' examples begin
CANDIDATE_COUNTS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class EigenvalueContext:
    """What all of a unit share."""

    unit: StudyUnit

    @cached_property
    def task(self) -> Eigenvalues:
        names = ("n", "digits", "encoding", "tolerance", "shapes", "grouped")
        return Eigenvalues(**{name: self.unit[name] for name in names})

    @cached_property
    def test(self) -> list[Example]:
        return self.task.examples(self.unit["test"], self.unit.seed, "test")

    @cached_property
    def pool(self) -> list[Example]:
        return self.task.examples(self.unit["pool"], self.unit.seed, first=POOL_START)

    @property
    def model_cache(self) -> ModelCache:
        return ModelCache(self.unit.folder, self.unit.settings)

    @cached_property
    def generator(self) -> Any:
        unit = self.unit
        examples = self.task.examples(unit["generator_rows"], unit.seed)
        spec = TrainSpec(unit["generator_steps"], unit["generator_batch"], unit["lr"], unit.seed)
        return self.model_cache.train_or_load("generator", example_rows(examples), spec)

    def train_student(self, name: str, rows: Sequence[Row], steps: int) -> Any:
        """A student from scratch; each has a start of its own, the same whatever else is run."""
        return self.model_cache.train_or_load(
            name, rows, TrainSpec(steps, self.unit["batch"], self.unit["lr"], self.unit.seed)
        )

    def score_answers(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        """The distance of each answer, from which every tolerance is read, and whether it is right at the unit's."""
        distances = self.task.distances(prompts, texts).tolist()
        return {
            "distance": [distance if distance < float("inf") else None for distance in distances],
            "right": self.task.verify(prompts, texts),
        }

    def decode_candidates(self, way: str, decoding: Any, prompts: Sequence[str]) -> list[Row]:
        file = self.unit.folder / f"{way}.jsonl"
        return load_or_decode(file, self.generator, prompts, (way, decoding, self.unit.seed), self.score_answers)

    @cached_property
    def greedy(self) -> list[Row]:
        return self.decode_candidates("greedy", None, [one.prompt for one in self.pool])

    @cached_property
    def beams(self) -> list[Row]:
        decoding = winnow.Beams(self.unit["beams"], self.unit["beams"])
        return self.decode_candidates("beams", decoding, [one.prompt for one in self.pool[: self.unit["beam_prompts"]]])

    @cached_property
    def samples(self) -> list[Row]:
        decoding = winnow.Sampling(self.unit["samples"])
        return self.decode_candidates(
            "samples", decoding, [one.prompt for one in self.pool[: self.unit["beam_prompts"]]]
        )

    def score_row(self, who: str, model: Any, **also: Any) -> Row:
        """The row of a model: its accuracy at every tolerance, from one decoding of the test."""
        prompts = [one.prompt for one in self.test]
        texts = greedy_answers(model, prompts)
        row: Row = {"what": "model", "who": who, **also}
        row["accuracy"] = self.task.verify(prompts, texts).count(True) / len(prompts)
        for tolerance in self.unit["tolerances"]:
            task_at_tolerance = replace(self.task, tolerance=tolerance)
            row[f"accuracy_{100 * tolerance:g}%"] = task_at_tolerance.verify(prompts, texts).count(True) / len(prompts)
        return row


def run_students(unit: StudyUnit) -> list[Row]:
    """Generator and students of one seed, and what the labels they learned from were worth."""
    context, start = EigenvalueContext(unit), process_time()
    result_rows = [context.score_row("generator", context.generator, rows=unit["generator_rows"], round=0)]
    result_rows += label_accuracy_rows(context)
    raw = sum(row["right"] for row in context.greedy) / len(context.greedy)
    result_rows.append(seconds_row("generator and candidates", start))
    for who in unit["students"]:
        start = process_time()
        rows = training_rows(context, who)
        about = {"rows": len(rows), **row_quality(who, rows, raw)}
        result_rows.append(context.score_row(who, context.train_student(who, rows, unit["steps"]), **about))
        result_rows.append(seconds_row(who, start))
    return result_rows


def training_rows(context: EigenvalueContext, who: str) -> list[Row]:
    """The rows a student learns from."""
    seed = context.unit.seed
    if who.startswith("noisy_"):
        return selection_rules.select_noisy(context.greedy, float(who.removeprefix("noisy_")), seed)
    row_makers: dict[str, Callable[[], list[Row]]] = {
        "unverified": lambda: selection_rules.select_all(context.greedy),
        "control": lambda: selection_rules.select_control(context.greedy, seed),
        "oracle": lambda: selection_rules.select_noisy(context.greedy, 0.0, seed),
        "greedy_of_beams": lambda: context.greedy[: context.unit["beam_prompts"]],
        "likeliest_beam": lambda: selection_rules.select_likeliest(context.beams, seed),
        "best_of_beams": lambda: selection_rules.select_best_by_oracle(context.beams, seed),
        "best_of_beams_filtered": lambda: selection_rules.select_best_by_oracle(context.beams, seed, filtered=True),
        "truth": lambda: [{**row, "right": True} for row in example_rows(context.pool)],
    }
    if who not in row_makers:
        raise winnow.UsageError("--set students", f"'{who}' is no student", f"Known: {', '.join(row_makers)}, noisy_Q")
    return row_makers[who]()


def row_quality(who: str, rows: Sequence[Row], raw: float) -> Row:
    """Of the rows a student learns from: the share right; of a verifier of the greedy answers also psi and p*."""
    psi = {"unverified": 1.0, "control": 1.0, "oracle": 0.0}.get(who)
    if who.startswith("noisy_"):
        psi = float(who.removeprefix("noisy_"))
    right = sum(bool(row["right"]) for row in rows) / max(1, len(rows))
    return {
        "right_among_rows": right,
        "wrong_before": 1 - raw,
        "psi": psi,
        "p_star": None if psi is None else 1 / (1 + psi),
    }


def label_accuracy_rows(context: EigenvalueContext) -> list[Row]:
    """How often labels are right: greedy ones, the likeliest beam, and the best of n beams or samples by an oracle."""
    if not context.unit["beam_prompts"]:
        return []
    same = context.greedy[: context.unit["beam_prompts"]]
    result_rows = [
        _label_row("greedy", None, same),
        _label_row("likeliest_beam", None, selection_rules.select_likeliest(context.beams, context.unit.seed)),
    ]
    for way, rows in (("beams", context.beams), ("samples", context.samples if context.unit["samples"] else [])):
        most = max((row["index"] for row in rows), default=-1) + 1
        result_rows += [
            {"what": "labels", "who": f"best_of_{way}", "of": n, "accuracy": best_of_accuracy(rows, n)}
            for n in CANDIDATE_COUNTS
            if n <= most
        ]
    return result_rows


def _label_row(who: str, candidate_count: int | None, rows: Sequence[Row]) -> Row:
    return {
        "what": "labels",
        "who": who,
        "of": candidate_count,
        "accuracy": sum(row["right"] for row in rows) / len(rows),
    }


def run_rounds(unit: StudyUnit) -> list[Row]:
    """Round after round on fresh prompts: each model answers, what is kept teaches the next, from scratch."""
    context, result_rows = EigenvalueContext(unit), []
    for who in ("oracle", "unverified") if unit["rounds"] else ():
        model = context.generator
        result_rows.append(context.score_row(who, model, round=0))
        for number in range(1, unit["rounds"] + 1):
            start, name = process_time(), f"{who}_round_{number}"
            examples = context.task.examples(
                unit["round_pool"], unit.seed, first=ROUNDS_START + number * unit["round_pool"]
            )
            way = (name, None, unit.seed)
            rows = load_or_decode(
                unit.folder / f"{name}.jsonl", model, [one.prompt for one in examples], way, context.score_answers
            )
            selected = selection_rules.select_noisy(rows, 0.0, unit.seed) if who == "oracle" else rows
            model = context.train_student(name, selected, unit["round_steps"])
            result_rows += [context.score_row(who, model, round=number, rows=len(selected)), seconds_row(name, start)]
    return result_rows


def seconds_row(what: str, start: float) -> Row:
    """How long something took, in CPU seconds."""
    return {"what": "seconds", "who": what, "seconds": round(process_time() - start, 1)}
