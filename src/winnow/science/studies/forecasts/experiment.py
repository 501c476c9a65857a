"""One task at one seed: a generator, its answers, a forecast for every student from a few labels, then the students.

The forecasts are stored (`forecasts.json` in the folder of the unit) before the first student is trained, and never
rewritten. Labels are drawn at random: rows of the greedy answers, whole prompts of the sampled ones. Rules use the
verifier, forecasts use labels only.
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
from winnow.science.studies.framework.study import Settings, StudyUnit, write_whole_file
from winnow.science.studies.students import selection_rules
from winnow.science.studies.students.unit_context import UnitContext, example_rows
from winnow.science.tasks.eigenvalues import Eigenvalues
from winnow.science.tasks.numbers.digit_word_problems import WordProblems
from winnow.science.tasks.numbers.modular import Modular
from winnow.science.tasks.task import Example, Task

Labels = dict[tuple[str, int], bool]
"""Whether a candidate is right, by prompt id and index."""
MAX_DRAWS = 20  # per prompt of the pool, before the task is said to have too few different prompts
SAMPLE_RULES = ("samples_judged", "best_judged", "best", "best_filtered")


def build_task(unit: StudyUnit) -> Task:
    """Return the task of a part."""
    if unit.part == "eigenvalues":
        return Eigenvalues(n=2, digits=2, shapes=False, grouped=True)
    if unit.part == "modular":
        return Modular(unit["modulus"])
    return WordProblems(unit["kinds"], unit["wordings"], unit["below"])


@dataclass(frozen=True)
class ForecastContext(UnitContext):
    """The task, the generator and the candidates of a unit."""

    def task_setting(self, name: str) -> Any:
        """Return a setting of this task."""
        return self.unit[f"{self.unit.part}_{name}"]

    @cached_property
    def task(self) -> Task:
        return build_task(self.unit)

    @cached_property
    def generator_examples(self) -> list[Example]:
        return self.task.examples(self.task_setting("rows"), self.unit.seed)

    @cached_property
    def pool(self) -> list[Example]:
        """Different prompts that the generator has not learned from."""
        count, learned = self.task_setting("pool"), {example.prompt for example in self.generator_examples}
        pool: dict[str, Example] = {}
        first = len(self.generator_examples)
        while len(pool) < count:
            if first > MAX_DRAWS * count:
                problem = f"is {count}, but {self.task.name} does not have so many different prompts"
                raise winnow.UsageError(f"--set {self.unit.part}_pool", problem, "Ask for fewer")
            for example in self.task.examples(count, self.unit.seed, first=first):
                if example.prompt not in learned:
                    pool.setdefault(example.prompt, example)
            first += count
        return list(pool.values())[:count]

    @property
    def model_settings(self) -> Settings:
        settings = dict(self.unit.settings) | {name: self.task_setting(name) for name in ("init_std", "lr", "warmup")}
        if self.unit.part == "word-problems":
            settings |= {"kind": "decoder", "encoder_layers": 0, "decoder_layers": self.unit["word-problems_layers"]}
        return settings

    @cached_property
    def generator(self) -> Any:
        rows = example_rows(self.generator_examples)
        return self.train_or_load("generator", rows, self.task_setting("steps"), self.task_setting("batch"))

    def test_accuracy(self, model: Any) -> float:
        """Return the share of greedy answers to the test that are right."""
        return self.task.verify(*self.greedy_test_answers(model)).count(True) / max(1, len(self.test))

    def _judged_candidates(self, way: str, decoding: Any) -> list[Row]:
        """The candidates with the verdict of a judge that is often wrong."""
        rows = self.decode(way, decoding, self.pool)
        draws = random.Random(f"judge {self.unit.seed} {way}")
        chances = {True: self.unit["judge_phi"], False: self.unit["judge_psi"]}
        return [{**row, "judge": draws.random() < chances[row["right"]]} for row in rows]

    @cached_property
    def greedy(self) -> list[Row]:
        return self._judged_candidates("greedy", None)

    @cached_property
    def samples(self) -> list[Row]:
        return self._judged_candidates("samples", winnow.Sampling(self.unit["samples"]))


RULES: dict[str, Callable[[ForecastContext], list[Row]]] = {
    "unverified": lambda context: context.greedy,
    "control": lambda context: selection_rules.select_control(context.greedy, context.unit.seed),
    "judged": lambda context: selection_rules.select_passed(context.greedy, "judge", context.unit.seed),
    "verified": lambda context: selection_rules.select_passed(context.greedy, "right", context.unit.seed),
    "samples_judged": lambda context: selection_rules.select_passed(context.samples, "judge", context.unit.seed),
    "best_judged": lambda context: selection_rules.select_best(context.samples, "judge", context.unit.seed),
    "best": lambda context: selection_rules.select_best_by_oracle(context.samples, context.unit.seed),
    "best_filtered": lambda context: selection_rules.select_best_by_oracle(context.samples, context.unit.seed, True),
}
"""Rules of SAMPLE_RULES select from all samples, the others from one greedy answer per prompt."""


def forecast_and_outcome(unit: StudyUnit) -> list[Row]:
    """Return one row per student: what was forecast, and what it scored."""
    context = ForecastContext(unit)
    generator_accuracy = context.test_accuracy(context.generator)
    selected = {who: RULES[who](context) for who in unit["students"]}
    forecasts = load_or_make_forecasts(context, selected, generator_accuracy)
    steps, batch = context.task_setting("student_steps"), context.task_setting("student_batch")
    result_rows = []
    for who, rows in selected.items():
        student = context.train_or_load(who, rows, steps, batch)
        result_rows.append(
            {
                "task": unit.part,
                "who": who,
                "rows": len(rows),
                "generator": generator_accuracy,
                **{name: value for name, value in forecasts[who].items() if name != "card"},
                "outcome": context.test_accuracy(student),
            }
        )
    return result_rows


def load_or_make_forecasts(
    context: ForecastContext, selected: dict[str, list[Row]], generator_accuracy: float
) -> dict[str, Any]:
    """Return the forecast of each student, made from labels alone and stored before any student is trained."""
    file = context.unit.folder / "forecasts.json"
    if not file.exists():
        row_labels, prompt_labels = draw_labels(context)
        w = rule_card(context.samples, context.samples, prompt_labels, answer="text")["w_estimate"]["value"]
        forecasts = {}
        for who, rows in selected.items():
            is_sampled = who in SAMPLE_RULES
            candidates, labels = (context.samples, prompt_labels) if is_sampled else (context.greedy, row_labels)
            forecasts[who] = forecast_student(candidates, rows, labels, w)
            forecasts[who]["line"] = fitted_line(forecasts[who], generator_accuracy)
        write_whole_file(file, json.dumps(forecasts, indent=1) + "\n")
    return dict(json.loads(file.read_text("utf-8")))


def draw_labels(context: ForecastContext) -> tuple[Labels, Labels]:
    """Return the labels of greedy answers drawn at random, and of all samples of prompts drawn at random."""
    count, purpose = context.unit["labels"], f"labels {context.unit.seed}"
    sampled_rows = random.Random(purpose).sample(context.greedy, min(count, len(context.greedy)))
    names = sorted({row["prompt_id"] for row in context.samples})
    prompt_count = min(count // context.unit["samples"], len(names))
    sampled_prompts = {*random.Random(purpose).sample(names, prompt_count)}
    rows_of_prompts = [row for row in context.samples if row["prompt_id"] in sampled_prompts]
    row_labels, prompt_labels = (
        {candidate_key(row): row["right"] for row in rows} for rows in (sampled_rows, rows_of_prompts)
    )
    return row_labels, prompt_labels


def forecast_student(
    candidates: Sequence[Row], selected: Sequence[Row], labels: Labels, w: float | None
) -> dict[str, Any]:
    """Return the predictors of a student, and the card of its rule."""
    selected_keys = {candidate_key(row) for row in selected}
    labeled = [
        {**row, "kept": candidate_key(row) in selected_keys, "correct": labels[candidate_key(row)]}
        for row in candidates
        if candidate_key(row) in labels
    ]
    card = rule_card(candidates, selected, labels, w=w)
    return {**compute_predictors(card, labeled), "card": card}


def rule_card(candidates: Sequence[Row], selected: Sequence[Row], labels: Labels, **options: Any) -> dict[str, Any]:
    """Measure a rule as if it were a verifier of the candidates it selects from."""
    selected_keys = {candidate_key(row) for row in selected}
    table = [
        {
            "prompt_id": row["prompt_id"],
            "text": row["text"],
            "rule.verdict": "pass" if candidate_key(row) in selected_keys else "fail",
            "correct": labels.get(candidate_key(row)),
        }
        for row in candidates
    ]
    result = winnow.measure(table, prompt="prompt_id", text="text", verdict="rule", label="correct", **options)
    return result.to_dict()


def candidate_key(row: Row) -> tuple[str, int]:
    """Return the prompt id and the index of a candidate."""
    return row["prompt_id"], row["index"]
