"""The work of one seed of the eigenvalue study: a generator, its stored answers, and students of selected answers.

Models and answers are stored as they are made, so a stopped unit continues with the student that was being trained.
Generator, pool, rounds and test use different prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import process_time
from typing import Any

import winnow
from winnow.science.studies.framework.check import Row, group_rows
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.studies.students import selection_rules
from winnow.science.studies.students.unit_context import UnitContext, example_rows
from winnow.science.tasks.eigenvalues import Eigenvalues
from winnow.science.tasks.task import Example

POOL_START, ROUNDS_START = 10**8, 2 * 10**8  # indices of the first examples of the pool and of the rounds
CANDIDATE_COUNTS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class EigenvalueContext(UnitContext):
    """The task, the generator and the candidates of a unit."""

    @cached_property
    def task(self) -> Eigenvalues:
        names = ("n", "digits", "encoding", "tolerance", "shapes", "grouped")
        return Eigenvalues(**{name: self.unit[name] for name in names})

    @cached_property
    def pool(self) -> list[Example]:
        return self.task.examples(self.unit["pool"], self.unit.seed, first=POOL_START)

    @cached_property
    def generator(self) -> Any:
        examples = self.task.examples(self.unit["generator_rows"], self.unit.seed)
        steps, batch = self.unit["generator_steps"], self.unit["generator_batch"]
        return self.train_or_load("generator", example_rows(examples), steps, batch)

    def score_answers(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        """Return the distance of each answer, and whether it is right at the tolerance of the unit."""
        distances = self.task.distances(prompts, texts).tolist()
        finite = [distance if distance < float("inf") else None for distance in distances]
        return {"distance": finite, **super().score_answers(prompts, texts)}

    @cached_property
    def greedy(self) -> list[Row]:
        return self.decode("greedy", None, self.pool)

    @cached_property
    def beams(self) -> list[Row]:
        decoding = winnow.Beams(self.unit["beams"], self.unit["beams"])
        return self.decode("beams", decoding, self.pool[: self.unit["beam_prompts"]])

    @cached_property
    def samples(self) -> list[Row]:
        return self.decode("samples", winnow.Sampling(self.unit["samples"]), self.pool[: self.unit["beam_prompts"]])

    def score_row(self, who: str, model: Any, **columns: Any) -> Row:
        """Return the row of a model: its accuracy at every tolerance, from one decoding of the test prompts."""
        prompts, texts = self.greedy_test_answers(model)
        row: Row = {"what": "model", "who": who, **columns}
        row["accuracy"] = self.task.verify(prompts, texts).count(True) / len(prompts)
        for tolerance in self.unit["tolerances"]:
            task_at_tolerance = replace(self.task, tolerance=tolerance)
            row[f"accuracy_{100 * tolerance:g}%"] = task_at_tolerance.verify(prompts, texts).count(True) / len(prompts)
        return row


def run_students(unit: StudyUnit) -> list[Row]:
    """Return the accuracies of the generator and the students of one seed, and of the labels they learned from."""
    context, start = EigenvalueContext(unit), process_time()
    result_rows = [context.score_row("generator", context.generator, rows=unit["generator_rows"], round=0)]
    result_rows += label_accuracy_rows(context)
    share_right = sum(row["right"] for row in context.greedy) / len(context.greedy)
    result_rows.append(seconds_row("generator and candidates", start))
    for who in unit["students"]:
        start = process_time()
        rows = training_rows(context, who)
        quality = {"rows": len(rows), **row_quality(who, rows, share_right)}
        student = context.train_or_load(who, rows, unit["steps"], unit["batch"])
        result_rows.append(context.score_row(who, student, **quality))
        result_rows.append(seconds_row(who, start))
    return result_rows


def training_rows(context: EigenvalueContext, who: str) -> list[Row]:
    """Return the rows that a student learns from."""
    seed = context.unit.seed
    if who.startswith("noisy_"):
        return selection_rules.select_noisy(context.greedy, float(who.removeprefix("noisy_")), seed)
    row_makers: dict[str, Callable[[], list[Row]]] = {
        "unverified": lambda: context.greedy,
        "control": lambda: selection_rules.select_control(context.greedy, seed),
        "oracle": lambda: selection_rules.select_noisy(context.greedy, 0.0, seed),
        "greedy_of_beams": lambda: context.greedy[: context.unit["beam_prompts"]],
        "likeliest_beam": lambda: selection_rules.select_likeliest(context.beams, seed),
        "best_of_beams": lambda: selection_rules.select_best_by_oracle(context.beams, seed),
        "best_of_beams_filtered": lambda: selection_rules.select_best_by_oracle(context.beams, seed, filtered=True),
        "truth": lambda: [{**row, "right": True} for row in example_rows(context.pool)],
    }
    if who not in row_makers:
        problem = f"'{who}' is not the name of a student"
        raise winnow.UsageError("--set students", problem, f"Known: {', '.join(row_makers)}, noisy_Q")
    return row_makers[who]()


def row_quality(who: str, rows: Sequence[Row], share_right: float) -> Row:
    """Return the share right among training rows and before selection; for a verifier of greedy answers psi and p*."""
    psi = {"unverified": 1.0, "control": 1.0, "oracle": 0.0}.get(who)
    if who.startswith("noisy_"):
        psi = float(who.removeprefix("noisy_"))
    return {
        "right_among_rows": sum(bool(row["right"]) for row in rows) / max(1, len(rows)),
        "wrong_before": 1 - share_right,
        "psi": psi,
        "p_star": None if psi is None else 1 / (1 + psi),
    }


def label_accuracy_rows(context: EigenvalueContext) -> list[Row]:
    """Return the share of right labels: greedy, the likeliest beam, the best of n beams or samples by an oracle."""
    beam_prompts = context.unit["beam_prompts"]
    if not beam_prompts:
        return []
    likeliest = selection_rules.select_likeliest(context.beams, context.unit.seed)
    result_rows = [
        {"what": "labels", "who": who, "of": None, "accuracy": sum(row["right"] for row in rows) / len(rows)}
        for who, rows in (("greedy", context.greedy[:beam_prompts]), ("likeliest_beam", likeliest))
    ]
    for way, rows in (("beams", context.beams), ("samples", context.samples if context.unit["samples"] else [])):
        most = max((row["index"] for row in rows), default=-1) + 1
        result_rows += [
            {"what": "labels", "who": f"best_of_{way}", "of": n, "accuracy": best_of_accuracy(rows, n)}
            for n in CANDIDATE_COUNTS
            if n <= most
        ]
    return result_rows


def best_of_accuracy(rows: Sequence[Row], n: int) -> float:
    """Return the share of prompts with a right answer among their first n candidates."""
    prompts = group_rows(rows, "prompt_id").values()
    return sum(any(row["index"] < n and row["right"] for row in group) for group in prompts) / max(1, len(prompts))


def run_rounds(unit: StudyUnit) -> list[Row]:
    """Return accuracies over rounds on fresh prompts: each model answers, and the selected answers train the next."""
    context, result_rows = EigenvalueContext(unit), []
    for who in ("oracle", "unverified") if unit["rounds"] else ():
        model = context.generator
        result_rows.append(context.score_row(who, model, round=0))
        for number in range(1, unit["rounds"] + 1):
            start, name = process_time(), f"{who}_round_{number}"
            first = ROUNDS_START + number * unit["round_pool"]
            examples = context.task.examples(unit["round_pool"], unit.seed, first=first)
            rows = context.decode(name, None, examples, model)
            selected = selection_rules.select_noisy(rows, 0.0, unit.seed) if who == "oracle" else rows
            model = context.train_or_load(name, selected, unit["round_steps"], unit["batch"])
            result_rows += [context.score_row(who, model, round=number, rows=len(selected)), seconds_row(name, start)]
    return result_rows


def seconds_row(what: str, start: float) -> Row:
    """Return a row with the CPU seconds since `start`."""
    return {"what": "seconds", "who": what, "seconds": round(process_time() - start, 1)}
