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
from winnow.studies.frame.check import Row
from winnow.studies.frame.study import Unit
from winnow.studies.students import rules
from winnow.studies.students.candidates import best_right, decoded
from winnow.studies.students.learner import Lesson, School, as_rows, greedy
from winnow.tasks.eigenvalues import Eigenvalues
from winnow.tasks.task import Example

POOL, ROUNDS = 10**8, 2 * 10**8  # where the pool's and the rounds' examples begin
NS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class Bench:
    """What all of a unit share."""

    unit: Unit

    @cached_property
    def task(self) -> Eigenvalues:
        names = ("n", "digits", "encoding", "tolerance", "shapes", "grouped")
        return Eigenvalues(**{name: self.unit[name] for name in names})

    @cached_property
    def test(self) -> list[Example]:
        return self.task.examples(self.unit["test"], self.unit.seed, "test")

    @cached_property
    def pool(self) -> list[Example]:
        return self.task.examples(self.unit["pool"], self.unit.seed, first=POOL)

    @property
    def school(self) -> School:
        return School(self.unit.folder, self.unit.settings)

    @cached_property
    def generator(self) -> Any:
        unit = self.unit
        made = self.task.examples(unit["generator_rows"], unit.seed)
        lesson = Lesson(unit["generator_steps"], unit["generator_batch"], unit["lr"], unit.seed)
        return self.school.taught("generator", as_rows(made), lesson)

    def student(self, name: str, rows: Sequence[Row], steps: int) -> Any:
        """A student from scratch; each has a start of its own, the same whatever else is run."""
        return self.school.taught(name, rows, Lesson(steps, self.unit["batch"], self.unit["lr"], self.unit.seed))

    def judged(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        """The distance of each answer, from which every tolerance is read, and whether it is right at the unit's."""
        distances = self.task.distances(prompts, texts).tolist()
        return {
            "distance": [one if one < float("inf") else None for one in distances],
            "right": self.task.right(prompts, texts),
        }

    def decoded(self, way: str, how: Any, prompts: Sequence[str]) -> list[Row]:
        file = self.unit.folder / f"{way}.jsonl"
        return decoded(file, self.generator, prompts, (way, how, self.unit.seed), self.judged)

    @cached_property
    def greedy(self) -> list[Row]:
        return self.decoded("greedy", None, [one.prompt for one in self.pool])

    @cached_property
    def beams(self) -> list[Row]:
        how = winnow.Beams(self.unit["beams"], self.unit["beams"])
        return self.decoded("beams", how, [one.prompt for one in self.pool[: self.unit["beam_prompts"]]])

    @cached_property
    def samples(self) -> list[Row]:
        how = winnow.Sampling(self.unit["samples"])
        return self.decoded("samples", how, [one.prompt for one in self.pool[: self.unit["beam_prompts"]]])

    def score(self, who: str, model: Any, **also: Any) -> Row:
        """The row of a model: its accuracy at every tolerance, from one decoding of the test."""
        prompts = [one.prompt for one in self.test]
        texts = greedy(model, prompts)
        row: Row = {"what": "model", "who": who, **also}
        row["accuracy"] = self.task.right(prompts, texts).count(True) / len(prompts)
        for tolerance in self.unit["tolerances"]:
            other = replace(self.task, tolerance=tolerance)
            row[f"accuracy_{100 * tolerance:g}%"] = other.right(prompts, texts).count(True) / len(prompts)
        return row


def students(unit: Unit) -> list[Row]:
    """Generator and students of one seed, and what the labels they learned from were worth."""
    bench, start = Bench(unit), process_time()
    found = [bench.score("generator", bench.generator, rows=unit["generator_rows"], round=0)]
    found += label_rows(bench)
    raw = sum(row["right"] for row in bench.greedy) / len(bench.greedy)
    found.append(seconds("generator and candidates", start))
    for who in unit["students"]:
        start = process_time()
        rows = taught_on(bench, who)
        about = {"rows": len(rows), **worth(who, rows, raw)}
        found.append(bench.score(who, bench.student(who, rows, unit["steps"]), **about))
        found.append(seconds(who, start))
    return found


def taught_on(bench: Bench, who: str) -> list[Row]:
    """The rows a student learns from."""
    seed = bench.unit.seed
    if who.startswith("noisy_"):
        return rules.noisy(bench.greedy, float(who.removeprefix("noisy_")), seed)
    made: dict[str, Callable[[], list[Row]]] = {
        "unverified": lambda: rules.unverified(bench.greedy),
        "control": lambda: rules.control(bench.greedy, seed),
        "oracle": lambda: rules.noisy(bench.greedy, 0.0, seed),
        "greedy_of_beams": lambda: bench.greedy[: bench.unit["beam_prompts"]],
        "likeliest_beam": lambda: rules.likeliest(bench.beams, seed),
        "best_of_beams": lambda: rules.best_by_oracle(bench.beams, seed),
        "best_of_beams_filtered": lambda: rules.best_by_oracle(bench.beams, seed, filtered=True),
        "truth": lambda: [{**row, "right": True} for row in as_rows(bench.pool)],
    }
    if who not in made:
        raise winnow.UsageError("--set students", f"'{who}' is no student", f"Known: {', '.join(made)}, noisy_Q")
    return made[who]()


def worth(who: str, rows: Sequence[Row], raw: float) -> Row:
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


def label_rows(bench: Bench) -> list[Row]:
    """How often labels are right: greedy ones, the likeliest beam, and the best of n beams or samples by an oracle."""
    if not bench.unit["beam_prompts"]:
        return []
    same = bench.greedy[: bench.unit["beam_prompts"]]
    found = [
        _label("greedy", None, same),
        _label("likeliest_beam", None, rules.likeliest(bench.beams, bench.unit.seed)),
    ]
    for way, rows in (("beams", bench.beams), ("samples", bench.samples if bench.unit["samples"] else [])):
        most = max((row["index"] for row in rows), default=-1) + 1
        found += [
            {"what": "labels", "who": f"best_of_{way}", "of": n, "accuracy": best_right(rows, n)}
            for n in NS
            if n <= most
        ]
    return found


def _label(who: str, of: int | None, rows: Sequence[Row]) -> Row:
    return {"what": "labels", "who": who, "of": of, "accuracy": sum(row["right"] for row in rows) / len(rows)}


def rounds(unit: Unit) -> list[Row]:
    """Round after round on fresh prompts: each model answers, what is kept teaches the next, from scratch."""
    bench, found = Bench(unit), []
    for who in ("oracle", "unverified") if unit["rounds"] else ():
        model = bench.generator
        found.append(bench.score(who, model, round=0))
        for number in range(1, unit["rounds"] + 1):
            start, name = process_time(), f"{who}_round_{number}"
            made = bench.task.examples(unit["round_pool"], unit.seed, first=ROUNDS + number * unit["round_pool"])
            way = (name, None, unit.seed)
            rows = decoded(unit.folder / f"{name}.jsonl", model, [one.prompt for one in made], way, bench.judged)
            kept = rules.noisy(rows, 0.0, unit.seed) if who == "oracle" else rows
            model = bench.student(name, kept, unit["round_steps"])
            found += [bench.score(who, model, round=number, rows=len(kept)), seconds(name, start)]
    return found


def seconds(what: str, start: float) -> Row:
    """How long something took, in CPU seconds."""
    return {"what": "seconds", "who": what, "seconds": round(process_time() - start, 1)}
