"""One task at one seed: a generator, its answers, forecasts of every student from a few labels, then the students.

Promises: the forecast of every student is written (`forecasts.json` in the unit's folder) before the first student is
trained, and is never written again. Labels are drawn at random: rows of the greedy answers, whole prompts of the
sampled ones. A rule chooses by the verifier, a forecast is made from labels.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import winnow
from winnow.studies.forecasts.predictors import line, predicted
from winnow.studies.frame.check import Row
from winnow.studies.frame.kept import write
from winnow.studies.frame.study import Unit
from winnow.studies.students import rules
from winnow.studies.students.candidates import decoded
from winnow.studies.students.learner import Lesson, School, accuracy, as_rows
from winnow.tasks.eigenvalues import Eigenvalues
from winnow.tasks.numbers.modular import Modular
from winnow.tasks.numbers.worded import WordProblems
from winnow.tasks.task import Example, Task

Rule = Callable[["Desk"], list[Row]]
Labels = dict[tuple[str, int], bool]
MOST_DRAWS = 20  # for each prompt of the pool; where most prompts were drawn before, there are too few
FROM_SAMPLES = ("samples_judged", "best_judged", "best", "best_filtered")


def way_of(who: str) -> str:
    """Which candidates a rule chooses from."""
    return "samples" if who in FROM_SAMPLES else "greedy"


def task_of(unit: Unit) -> Task:
    """The task of a part."""
    if unit.part == "eigenvalues":
        return Eigenvalues(n=2, digits=2, shapes=False, grouped=True)
    return (
        Modular(unit["modulus"])
        if unit.part == "modular"
        else WordProblems(unit["kinds"], unit["wordings"], unit["below"])
    )


@dataclass(frozen=True)
class Desk:
    """What the students of a unit share."""

    unit: Unit

    def own(self, name: str) -> Any:
        """A setting of this task."""
        return self.unit[f"{self.unit.part}_{name}"]

    @cached_property
    def task(self) -> Task:
        return task_of(self.unit)

    @cached_property
    def lesson(self) -> list[Example]:
        """What the generator learns from."""
        return self.task.examples(self.own("rows"), self.unit.seed)

    @cached_property
    def pool(self) -> list[Example]:
        """Different prompts that the generator never learned from."""
        count, learned = self.own("pool"), {one.prompt for one in self.lesson}
        found: dict[str, Example] = {}
        first = len(self.lesson)
        while len(found) < count:
            if first > MOST_DRAWS * count:
                problem = f"is {count}, but {self.task.name} has not so many different prompts"
                raise winnow.UsageError(f"--set {self.unit.part}_pool", problem, "Ask for fewer")
            for one in self.task.examples(count, self.unit.seed, first=first):
                if one.prompt not in learned:
                    found.setdefault(one.prompt, one)
            first += count
        return list(found.values())[:count]

    @cached_property
    def test(self) -> list[Example]:
        return self.task.examples(self.unit["test"], self.unit.seed, "test")

    @cached_property
    def school(self) -> School:
        of_part = {"spread": self.own("spread")}
        if self.unit.part == "word-problems":
            of_part |= {"kind": "decoder", "encoder_layers": 0, "decoder_layers": self.unit["word-problems_layers"]}
        return School(self.unit.folder, dict(self.unit.settings) | of_part)

    def lesson_of(self, steps: int, batch: int) -> Lesson:
        return Lesson(steps, batch, self.own("lr"), self.unit.seed, self.own("warmup"))

    @cached_property
    def generator(self) -> Any:
        lesson = self.lesson_of(self.own("steps"), self.own("batch"))
        return self.school.taught("generator", as_rows(self.lesson), lesson)

    def decoded(self, way: str, how: Any) -> list[Row]:
        file = self.unit.folder / f"{way}.jsonl"
        prompts = [one.prompt for one in self.pool]
        rows = decoded(file, self.generator, prompts, (way, how, self.unit.seed), self.judged)
        draws = random.Random(f"judge {self.unit.seed} {way}")
        chances = {True: self.unit["judge_phi"], False: self.unit["judge_psi"]}
        return [{**row, "judge": draws.random() < chances[row["right"]]} for row in rows]

    def judged(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        return {"right": self.task.right(prompts, texts)}

    @cached_property
    def greedy(self) -> list[Row]:
        return self.decoded("greedy", None)

    @cached_property
    def sampled(self) -> list[Row]:
        return self.decoded("samples", winnow.Sampling(self.unit["samples"]))

    def of(self, who: str) -> list[Row]:
        """The candidates that a rule chooses from."""
        return self.sampled if way_of(who) == "samples" else self.greedy


RULES: dict[str, Rule] = {
    "unverified": lambda desk: rules.unverified(desk.greedy),
    "control": lambda desk: rules.control(desk.greedy, desk.unit.seed),
    "judged": lambda desk: rules.kept_by(desk.greedy, "judge", desk.unit.seed),
    "verified": lambda desk: rules.kept_by(desk.greedy, "right", desk.unit.seed),
    "samples_judged": lambda desk: rules.kept_by(desk.sampled, "judge", desk.unit.seed),
    "best_judged": lambda desk: rules.best_by(desk.sampled, "judge", desk.unit.seed),
    "best": lambda desk: rules.best_by_oracle(desk.sampled, desk.unit.seed),
    "best_filtered": lambda desk: rules.best_by_oracle(desk.sampled, desk.unit.seed, filtered=True),
}
"""One greedy answer a prompt, unless the name says samples or best; `best` is of all samples, by an oracle."""


def forecast_and_outcome(unit: Unit) -> list[Row]:
    """A row per student: what was forecast, and what it scored."""
    desk = Desk(unit)
    own = accuracy(desk.task, desk.generator, desk.test)
    chosen = {who: RULES[who](desk) for who in unit["students"]}
    before = forecasts(desk, chosen, own)
    lesson = desk.lesson_of(desk.own("student_steps"), desk.own("student_batch"))
    found = []
    for who, rows in chosen.items():
        student = desk.school.taught(who, rows, lesson)
        found.append(
            {
                "task": unit.part,
                "who": who,
                "rows": len(rows),
                "generator": own,
                **{name: before[who][name] for name in before[who] if name != "card"},
                "outcome": accuracy(desk.task, student, desk.test),
            }
        )
    return found


def forecasts(desk: Desk, chosen: dict[str, list[Row]], own: float) -> dict[str, Any]:
    """The forecast of each student, made from labels alone and kept before any student is trained."""
    file = desk.unit.folder / "forecasts.json"
    if not file.exists():
        labels = {"greedy": by_rows(desk), "samples": by_prompts(desk)}
        w = card_of(desk.sampled, desk.sampled, labels["samples"], answer="text")["w_estimate"]["value"]
        made = {who: forecast(desk.of(who), rows, labels[way_of(who)], w) for who, rows in chosen.items()}
        for said in made.values():
            said["line"] = line(said, own)
        write(file, json.dumps(made, indent=1) + "\n")
    return dict(json.loads(file.read_text("utf-8")))


def by_rows(desk: Desk) -> Labels:
    """Labels of greedy answers drawn at random: (prompt, index) to whether it is right."""
    drawn = random.Random(f"labels {desk.unit.seed}").sample(desk.greedy, min(desk.unit["labels"], len(desk.greedy)))
    return {name_of(row): row["right"] for row in drawn}


def by_prompts(desk: Desk) -> Labels:
    """Labels of all samples of prompts drawn at random."""
    names = sorted({row["prompt_id"] for row in desk.sampled})
    count = min(desk.unit["labels"] // desk.unit["samples"], len(names))
    drawn = {*random.Random(f"labels {desk.unit.seed}").sample(names, count)}
    return {name_of(row): row["right"] for row in desk.sampled if row["prompt_id"] in drawn}


def forecast(candidates: Sequence[Row], chosen: Sequence[Row], labels: Labels, w: float | None) -> dict[str, Any]:
    """The card of a rule and the predictors."""
    kept = names_of(chosen)
    labeled = [
        {**row, "kept": name_of(row) in kept, "correct": labels[name_of(row)]}
        for row in candidates
        if name_of(row) in labels
    ]
    card = card_of(candidates, chosen, labels, w=w)
    return {**predicted(card, labeled), "card": card}


def card_of(candidates: Sequence[Row], chosen: Sequence[Row], labels: Labels, **options: Any) -> dict[str, Any]:
    """winnow's card of a rule, taken as a verifier of the candidates it chooses from."""
    kept = names_of(chosen)
    table = [
        {
            "prompt_id": row["prompt_id"],
            "text": row["text"],
            "rule.verdict": "pass" if name_of(row) in kept else "fail",
            "correct": labels.get(name_of(row)),
        }
        for row in candidates
    ]
    measured = winnow.measure(table, prompt="prompt_id", text="text", verdict="rule", label="correct", **options)
    return measured.plain()


def name_of(row: Row) -> tuple[str, int]:
    """Which candidate a row is."""
    return row["prompt_id"], row["index"]


def names_of(rows: Sequence[Row]) -> set[tuple[str, int]]:
    """Which candidates rows are."""
    return {name_of(row) for row in rows}
