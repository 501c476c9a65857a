"""The training half of the demo: a small model is trained, and four students learn from selections of its answers.

Before the students are trained, a forecast estimates from labels how many of each student's training rows are right. It
orders the students whose intervals do not overlap, predicts no score, and is sealed, so that a later change is
detected. The same seed gives the same files on the same machine, and a stopped demo continues.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import winnow
from winnow.cli.console import print_lines
from winnow.cli.demo_training.tables import (
    EXAMPLE_COUNT,
    HELD_OUT,
    HELD_OUT_COUNT,
    JUDGE_NAME,
    LABEL_COUNT,
    LABELS,
    PROMPT_COUNT,
    STUDENT_DESCRIPTIONS,
    STUDENTS,
    VALIDATION,
    check_no_shared_pairs,
    select_training_rows,
    training_file,
    write_candidates,
    write_problems,
)
from winnow.errors import BrokenPromise
from winnow.science.tasks.demo.sum_problems import small_sum_problems
from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.word_problems import Problem
from winnow.storage.atomic_files import write_bytes
from winnow.storage.receipts import seal_json
from winnow.web.demo_page import DemoResult, ExampleAnswers, StudentForecast, StudentScore, render_page

if TYPE_CHECKING:
    from winnow.stages.train.stage import TrainResult

MAX_PROCESSES = 2
STEPS, BATCH, LEARNING_RATE, WARMUP = 350, 40, 4e-3, 40
GENERATOR_ACCURACY, EVAL_EVERY = 0.4, 10
"""The generator stops training at this share of right validation answers, tested every so many steps."""
EXAMPLES_SHOWN, EXAMPLES_TRIED = 6, 200
MODELS_SHOWN = ("generator", "unverified", "judged", "verified")
FORECAST_FILE = "forecast.json"


def run_demo_training(folder: Path, seed: int) -> dict[str, Any]:
    """Run the whole experiment and return its results."""
    print_lines(f"Training a small model on {EXAMPLE_COUNT:,} word problems, deliberately too briefly ...")
    problems = write_problems(folder, seed)
    generator = train_generator(folder, seed)
    print_lines(
        f"  right on {generator.accuracy:.1%} of {HELD_OUT_COUNT:,} new problems",
        f"  it now answers {PROMPT_COUNT:,} other problems",
    )
    answers = generate_answers(folder, "generator", [problem.prompt for problem in problems])
    write_candidates(folder, problems, answers, seed)
    forecasts = forecast_students(folder, select_training_rows(folder, seed))
    held_out_pairs = check_no_shared_pairs(folder)
    print_lines("", *_forecast_lines(forecasts), "", "Training four students ...")
    scores = train_students(folder, seed, lambda score: print_lines(f"  {score.name}: {score.accuracy:.1%}"))
    result = DemoResult(
        seed=seed,
        generator=generator,
        forecasts=forecasts,
        scores=scores,
        predicted_pairs=order_students(forecasts),
        held_out_pairs=held_out_pairs,
        examples=_example_answers(folder, small_sum_problems(EXAMPLES_TRIED, seed, "test")),
        seal=json.loads((folder / FORECAST_FILE).read_bytes())["seal"],
        example_count=EXAMPLE_COUNT,
        prompt_count=PROMPT_COUNT,
        label_count=LABEL_COUNT,
        descriptions=STUDENT_DESCRIPTIONS,
    )
    document = _outcome_document(result)
    write_bytes(folder / "outcome.json", (json.dumps(document, indent=1) + "\n").encode())
    write_bytes(folder / "page.html", render_page(result).encode())
    print_lines("", *_result_lines(result), "", f"The results as a page: {folder}/page.html")
    return document


def train_generator(folder: Path, seed: int) -> StudentScore:
    """Train the generator until it has a part of the validation problems right, and score it on the held-out ones."""
    from winnow.stages.train.stage import evaluate_model

    result = _train_model(
        folder,
        "generator",
        seed,
        held_out=folder / VALIDATION,
        steps=2 * STEPS,
        target_accuracy=GENERATOR_ACCURACY,
        eval_every=EVAL_EVERY,
        decay_fraction=0.0,
    )
    evaluation = evaluate_model(result.model, winnow.table(folder / HELD_OUT), winnow.verifier("number", marker="A:"))
    return StudentScore("generator", evaluation["right"], evaluation["n"])


def train_students(folder: Path, seed: int, report: Callable[[StudentScore], Any]) -> dict[str, StudentScore]:
    """Train all students and report each score when it is there; return the scores in the order of STUDENTS."""
    scores: dict[str, StudentScore] = {}
    with ProcessPoolExecutor(MAX_PROCESSES, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_train_student, folder, name, seed) for name in STUDENTS]):
            score = future.result()
            scores[score.name] = score
            report(score)
    return {name: scores[name] for name in STUDENTS}


def _train_student(folder: Path, name: str, seed: int) -> StudentScore:
    result = _train_model(folder, name, seed, held_out=folder / HELD_OUT, steps=STEPS)
    return StudentScore(name, result.evaluation["right"], result.evaluation["n"])


def _train_model(folder: Path, name: str, seed: int, **settings: Any) -> TrainResult:
    import torch

    torch.set_num_threads(1)
    return winnow.train(
        training_file(folder, name),
        shape=winnow.ModelConfig("decoder", "prose", width=64, heads=4, encoder_layers=0, decoder_layers=2, context=64),
        out=folder / "models" / name,
        verifier=winnow.verifier("number", marker="A:"),
        batch=BATCH,
        lr=LEARNING_RATE,
        warmup=WARMUP,
        seed=seed,
        **settings,
    )


def generate_answers(folder: Path, name: str, prompts: Sequence[str]) -> list[str]:
    """Return the answers of a trained model, decoded greedily."""
    from winnow.models.tiny import TinyModel

    return [texts[0].text for texts in TinyModel.load(folder / "models" / name).complete(prompts)]


def forecast_students(folder: Path, row_counts: dict[str, int]) -> list[StudentForecast]:
    """Forecast the share of right rows of every student from the labels, and write it sealed to a file.

    Args:
        folder: The folder of the demo, with its verdicts and labels.
        row_counts: The number of training rows of each student.

    Raises:
        BrokenPromise: If the folder holds another forecast than these labels give.
    """
    forecasts = list(_student_forecasts(folder, row_counts))
    content = {
        "format": "winnow-demo-forecast-1",
        "labels": LABELS,
        "said": [vars(forecast) for forecast in forecasts],
        "order": order_students(forecasts),
    }
    path, sealed = folder / FORECAST_FILE, seal_json(content)
    if path.exists() and path.read_bytes() != sealed:
        raise BrokenPromise(str(path), "is another forecast than these labels make", "Name another --out")
    write_bytes(path, sealed)
    return forecasts


def order_students(forecasts: Sequence[StudentForecast]) -> list[tuple[str, str]]:
    """Return the pairs of students whose intervals do not overlap, the better one first."""
    pairs = []
    for first, second in combinations(forecasts, 2):
        if first.low > second.high:
            pairs.append((first.student, second.student))
        elif second.low > first.high:
            pairs.append((second.student, first.student))
    return pairs


def _student_forecasts(folder: Path, row_counts: dict[str, int]) -> Iterator[StudentForecast]:
    cards = {
        student: winnow.measure(folder / "verdicts", labels=folder / LABELS, verdict=verdict).to_dict()
        for student, verdict in (("judged", JUDGE_NAME), ("verified", "number"))
    }
    wrong = cards["verified"]["p"]
    for student in STUDENTS:
        count = row_counts[student]
        if student in cards:
            right, served = cards[student]["precision"], cards[student]["prompts_served"]["value"]
        else:
            right = {"value": 1 - wrong["value"], "low": 1 - wrong["high"], "high": 1 - wrong["low"]}
            served = right["value"] * count / row_counts["unverified"]
        yield StudentForecast(student, count, right["value"], right["low"], right["high"], served)


def _forecast_lines(forecasts: Sequence[StudentForecast]) -> Iterable[str]:
    yield f"What {LABEL_COUNT} labels say about the training rows of each student, before any is trained:"
    yield f"  {'student':<12}{'rows':>7}   {'right among its rows':<26}{'learns from'}"
    for forecast in forecasts:
        share = f"{forecast.right:.1%} ({forecast.low:.1%} to {forecast.high:.1%})"
        yield f"  {forecast.student:<12}{forecast.rows:>7,}   {share:<26}{STUDENT_DESCRIPTIONS[forecast.student]}"
    yield "  forecast order: " + ", ".join(f"{better} > {worse}" for better, worse in order_students(forecasts))


def _result_lines(result: DemoResult) -> Iterable[str]:
    confirmed = result.confirmed_pairs
    yield f"The forecast order held for {len(confirmed)} of the {len(result.predicted_pairs)} pairs it named."
    yield f"  {'student':<12}{'rows right (forecast)':>23}{'score':>9}{'change from generator':>24}"
    for forecast in sorted(result.forecasts, key=lambda each: -result.scores[each.student].accuracy):
        score = result.scores[forecast.student].accuracy
        change = 100 * (score - result.generator.accuracy)
        yield f"  {forecast.student:<12}{forecast.right:>23.1%}{score:>9.1%}{change:>+17.1f} points"
    for better, worse in result.predicted_pairs:
        if (better, worse) not in confirmed:
            yield f"  not as forecast: {better} > {worse}"


def _example_answers(folder: Path, problems: Sequence[Problem]) -> list[ExampleAnswers]:
    """Return the answers to the first held-out problems on which the models differ."""
    prompts = [problem.prompt for problem in problems]
    answers = {name: generate_answers(folder, name, prompts) for name in MODELS_SHOWN}
    right = {name: right_answer(prompts, texts) for name, texts in answers.items()}
    return [
        (problem.prompt, problem.answer, {name: (answers[name][i], right[name][i] is True) for name in MODELS_SHOWN})
        for i, problem in enumerate(problems)
        if len({texts[i] for texts in answers.values()}) > 1
    ][:EXAMPLES_SHOWN]


def _outcome_document(result: DemoResult) -> dict[str, Any]:
    return {
        "seed": result.seed,
        "forecast": result.seal,
        "generator": result.generator.accuracy,
        "students": {
            forecast.student: {
                "rows": forecast.rows,
                "foreseen": forecast.right,
                "scored": result.scores[forecast.student].accuracy,
            }
            for forecast in result.forecasts
        },
        "pairs_foretold": len(result.predicted_pairs),
        "pairs_held": len(result.confirmed_pairs),
        "n": result.generator.n,
    }
