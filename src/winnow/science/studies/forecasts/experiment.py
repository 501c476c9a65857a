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
from winnow.science.studies.forecasts.predictors import compute_predictors, fitted_line
from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.studies.framework.unit_store import write_whole_file
from winnow.science.studies.students import selection_rules
from winnow.science.studies.students.candidates import load_or_decode
from winnow.science.studies.students.small_model import ModelCache, TrainSpec, example_rows, greedy_accuracy
from winnow.science.tasks.eigenvalues import Eigenvalues
from winnow.science.tasks.numbers.digit_word_problems import WordProblems
from winnow.science.tasks.numbers.modular import Modular
from winnow.science.tasks.task import Example, Task

Rule = Callable[["ForecastUnitContext"], list[Row]]
Labels = dict[tuple[str, int], bool]
MAX_DRAWS = 20  # for each prompt of the pool; where most prompts were drawn before, there are too few
FROM_SAMPLES = ("samples_judged", "best_judged", "best", "best_filtered")


def decoding_of(who: str) -> str:
    """Which candidates a rule chooses from."""
    return "samples" if who in FROM_SAMPLES else "greedy"


def build_task(unit: StudyUnit) -> Task:
    """The task of a part."""
    if unit.part == "eigenvalues":
        return Eigenvalues(n=2, digits=2, shapes=False, grouped=True)
    return (
        Modular(unit["modulus"])
        if unit.part == "modular"
        else WordProblems(unit["kinds"], unit["wordings"], unit["below"])
    )


@dataclass(frozen=True)
class ForecastUnitContext:
    """What the students of a unit share."""

    unit: StudyUnit

    def task_setting(self, name: str) -> Any:
        """A setting of this task."""
        return self.unit[f"{self.unit.part}_{name}"]

    @cached_property
    def task(self) -> Task:
        return build_task(self.unit)

    @cached_property
    def generator_examples(self) -> list[Example]:
        """What the generator learns from."""
        return self.task.examples(self.task_setting("rows"), self.unit.seed)

    @cached_property
    def pool(self) -> list[Example]:
        """Different prompts that the generator never learned from."""
        count, learned = self.task_setting("pool"), {one.prompt for one in self.generator_examples}
        found: dict[str, Example] = {}
        first = len(self.generator_examples)
        while len(found) < count:
            if first > MAX_DRAWS * count:
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
    def model_cache(self) -> ModelCache:
        of_part = {"init_std": self.task_setting("init_std")}
        if self.unit.part == "word-problems":
            of_part |= {"kind": "decoder", "encoder_layers": 0, "decoder_layers": self.unit["word-problems_layers"]}
        return ModelCache(self.unit.folder, dict(self.unit.settings) | of_part)

    def train_spec(self, steps: int, batch: int) -> TrainSpec:
        return TrainSpec(steps, batch, self.task_setting("lr"), self.unit.seed, self.task_setting("warmup"))

    @cached_property
    def generator(self) -> Any:
        spec = self.train_spec(self.task_setting("steps"), self.task_setting("batch"))
        return self.model_cache.train_or_load("generator", example_rows(self.generator_examples), spec)

    def decode_candidates(self, way: str, decoding: Any) -> list[Row]:
        file = self.unit.folder / f"{way}.jsonl"
        prompts = [example.prompt for example in self.pool]
        rows = load_or_decode(file, self.generator, prompts, (way, decoding, self.unit.seed), self.score_answers)
        draws = random.Random(f"judge {self.unit.seed} {way}")
        chances = {True: self.unit["judge_phi"], False: self.unit["judge_psi"]}
        return [{**row, "judge": draws.random() < chances[row["right"]]} for row in rows]

    def score_answers(self, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[Any]]:
        return {"right": self.task.verify(prompts, texts)}

    @cached_property
    def greedy(self) -> list[Row]:
        return self.decode_candidates("greedy", None)

    @cached_property
    def samples(self) -> list[Row]:
        return self.decode_candidates("samples", winnow.Sampling(self.unit["samples"]))

    def candidates_for(self, who: str) -> list[Row]:
        """The candidates that a rule chooses from."""
        return self.samples if decoding_of(who) == "samples" else self.greedy


RULES: dict[str, Rule] = {
    "unverified": lambda desk: selection_rules.select_all(desk.greedy),
    "control": lambda desk: selection_rules.select_control(desk.greedy, desk.unit.seed),
    "judged": lambda desk: selection_rules.select_passed(desk.greedy, "judge", desk.unit.seed),
    "verified": lambda desk: selection_rules.select_passed(desk.greedy, "right", desk.unit.seed),
    "samples_judged": lambda desk: selection_rules.select_passed(desk.samples, "judge", desk.unit.seed),
    "best_judged": lambda desk: selection_rules.select_best(desk.samples, "judge", desk.unit.seed),
    "best": lambda desk: selection_rules.select_best_by_oracle(desk.samples, desk.unit.seed),
    "best_filtered": lambda desk: selection_rules.select_best_by_oracle(desk.samples, desk.unit.seed, filtered=True),
}
"""One greedy answer a prompt, unless the name says samples or best; `best` is of all samples, by an oracle."""


def forecast_and_outcome(unit: StudyUnit) -> list[Row]:
    """A row per student: what was forecast, and what it scored."""
    context = ForecastUnitContext(unit)
    generator_accuracy = greedy_accuracy(context.task, context.generator, context.test)
    chosen = {who: RULES[who](context) for who in unit["students"]}
    before = load_or_make_forecasts(context, chosen, generator_accuracy)
    spec = context.train_spec(context.task_setting("student_steps"), context.task_setting("student_batch"))
    result_rows = []
    for who, rows in chosen.items():
        student = context.model_cache.train_or_load(who, rows, spec)
        result_rows.append(
            {
                "task": unit.part,
                "who": who,
                "rows": len(rows),
                "generator": generator_accuracy,
                **{name: before[who][name] for name in before[who] if name != "card"},
                "outcome": greedy_accuracy(context.task, student, context.test),
            }
        )
    return result_rows


def load_or_make_forecasts(
    context: ForecastUnitContext, chosen: dict[str, list[Row]], generator_accuracy: float
) -> dict[str, Any]:
    """The forecast of each student, made from labels alone and kept before any student is trained."""
    file = context.unit.folder / "forecasts.json"
    if not file.exists():
        labels = {"greedy": label_random_rows(context), "samples": label_random_prompts(context)}
        w = rule_card(context.samples, context.samples, labels["samples"], answer="text")["w_estimate"]["value"]
        by_student = {
            who: forecast_student(context.candidates_for(who), rows, labels[decoding_of(who)], w)
            for who, rows in chosen.items()
        }
        for prediction in by_student.values():
            prediction["line"] = fitted_line(prediction, generator_accuracy)
        write_whole_file(file, json.dumps(by_student, indent=1) + "\n")
    return dict(json.loads(file.read_text("utf-8")))


def label_random_rows(context: ForecastUnitContext) -> Labels:
    """Labels of greedy answers drawn at random: (prompt, index) to whether it is right."""
    sampled_rows = random.Random(f"labels {context.unit.seed}").sample(
        context.greedy, min(context.unit["labels"], len(context.greedy))
    )
    return {candidate_key(row): row["right"] for row in sampled_rows}


def label_random_prompts(context: ForecastUnitContext) -> Labels:
    """Labels of all samples of prompts drawn at random."""
    names = sorted({row["prompt_id"] for row in context.samples})
    count = min(context.unit["labels"] // context.unit["samples"], len(names))
    sampled_prompts = {*random.Random(f"labels {context.unit.seed}").sample(names, count)}
    return {candidate_key(row): row["right"] for row in context.samples if row["prompt_id"] in sampled_prompts}


def forecast_student(
    candidates: Sequence[Row], chosen: Sequence[Row], labels: Labels, w: float | None
) -> dict[str, Any]:
    """The card of a rule and the predictors."""
    kept_keys = candidate_keys(chosen)
    labeled = [
        {**row, "kept": candidate_key(row) in kept_keys, "correct": labels[candidate_key(row)]}
        for row in candidates
        if candidate_key(row) in labels
    ]
    card = rule_card(candidates, chosen, labels, w=w)
    return {**compute_predictors(card, labeled), "card": card}


def rule_card(candidates: Sequence[Row], chosen: Sequence[Row], labels: Labels, **options: Any) -> dict[str, Any]:
    """winnow's card of a rule, taken as a verifier of the candidates it chooses from."""
    kept_keys = candidate_keys(chosen)
    table = [
        {
            "prompt_id": row["prompt_id"],
            "text": row["text"],
            "rule.verdict": "pass" if candidate_key(row) in kept_keys else "fail",
            "correct": labels.get(candidate_key(row)),
        }
        for row in candidates
    ]
    result = winnow.measure(table, prompt="prompt_id", text="text", verdict="rule", label="correct", **options)
    return result.to_dict()


def candidate_key(row: Row) -> tuple[str, int]:
    """Which candidate a row is."""
    return row["prompt_id"], row["index"]


def candidate_keys(rows: Sequence[Row]) -> set[tuple[str, int]]:
    """Which candidates rows are."""
    return {candidate_key(row) for row in rows}
