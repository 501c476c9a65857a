"""The training half of the demo, from the examples over a generator and its students to the page.

The forecast is written and sealed before the first student is trained, and read again afterwards. The same seed gives
the same files on the same machine; a stopped demo continues when the command is given again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from winnow.cli.console import print_lines
from winnow.cli.demo_training.forecast import forecast_students, order_students, read_seal
from winnow.cli.demo_training.students import StudentSpec, generate_answers, train_generator, train_students
from winnow.cli.demo_training.tables import (
    EXAMPLE_COUNT,
    HELD_OUT_COUNT,
    LABEL_COUNT,
    PROMPT_COUNT,
    STUDENT_DESCRIPTIONS,
    STUDENTS,
    DemoTables,
)
from winnow.science.tasks.demo.sum_problems import small_sum_problems
from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.word_problems import Problem
from winnow.statistics.outcomes import measure_share
from winnow.storage.atomic_files import write_bytes
from winnow.web.demo_page import DemoPageData, StudentForecast, StudentScore, render_page

EXAMPLES_SHOWN, EXAMPLES_TRIED = 6, 200
STUDENTS_SHOWN = ("unverified", "judged", "verified")


def run_demo_training(out: Path, seed: int) -> dict[str, Any]:
    """Run the whole experiment and return its results."""
    tables = DemoTables(out)
    print_lines(f"Training a small model on {EXAMPLE_COUNT:,} word problems, deliberately too briefly ...")
    prompts = tables.write_problems(seed)
    spec = StudentSpec("generator", tables.examples, tables.held_out, out / "models" / "generator", seed)
    generator = train_generator(spec, tables.validation)
    print_lines(
        f"  right on {generator.accuracy:.1%} of {HELD_OUT_COUNT:,} new problems",
        f"  it now answers {PROMPT_COUNT:,} other problems",
    )
    tables.write_candidates(
        prompts, generate_answers(out / "models" / "generator", [problem.prompt for problem in prompts]), seed
    )
    sizes = {"unverified": PROMPT_COUNT} | {
        name: len(chosen) for name, chosen in tables.select_training_rows(seed).items()
    }
    held_out_pairs = tables.check_no_shared_pairs()
    forecasts = forecast_students(tables, sizes, out)
    print_lines("", *_forecast_lines(forecasts), "", "Training four students ...")
    scores = train_students(tables, STUDENTS, seed, lambda score: print_lines(f"  {score.name}: {score.accuracy:.1%}"))
    # The outcome is compared with the forecast that was sealed before it.
    seal, predicted_pairs = read_seal(out), order_students(forecasts)
    result = _outcome_document(seed, generator, forecasts, scores, predicted_pairs, seal)
    write_bytes(out / "outcome.json", (json.dumps(result, indent=1) + "\n").encode())
    intervals = {name: measure_share(score.accuracy, score.n) for name, score in scores.items()}
    examples = _example_answers(out, small_sum_problems(EXAMPLES_TRIED, seed, "test"))
    page = DemoPageData(
        seed,
        generator,
        forecasts,
        scores,
        predicted_pairs,
        held_out_pairs,
        examples,
        intervals,
        seal,
        EXAMPLE_COUNT,
        PROMPT_COUNT,
        LABEL_COUNT,
        STUDENT_DESCRIPTIONS,
    )
    write_bytes(out / "page.html", render_page(page).encode())
    print_lines(
        "", *_result_lines(forecasts, generator, scores, predicted_pairs), "", f"The results as a page: {out}/page.html"
    )
    return result


def _forecast_lines(forecasts: Sequence[StudentForecast]) -> Iterable[str]:
    yield f"What {LABEL_COUNT} labels say about the training rows of each student, before any is trained:"
    yield f"  {'student':<12}{'rows':>7}   {'right among its rows':<26}{'learns from'}"
    for forecast in forecasts:
        share = f"{forecast.right:.1%} ({forecast.low:.1%} to {forecast.high:.1%})"
        yield f"  {forecast.student:<12}{forecast.rows:>7,}   {share:<26}{STUDENT_DESCRIPTIONS[forecast.student]}"
    yield "  forecast order: " + ", ".join(f"{better} > {worse}" for better, worse in order_students(forecasts))


def _confirmed_pairs(
    predicted_pairs: Sequence[tuple[str, str]], scores: dict[str, StudentScore]
) -> list[tuple[str, str]]:
    """The pairs whose scores have the order of the forecast."""
    return [(better, worse) for better, worse in predicted_pairs if scores[better].accuracy > scores[worse].accuracy]


def _result_lines(
    forecasts: Sequence[StudentForecast],
    generator: StudentScore,
    scores: dict[str, StudentScore],
    predicted_pairs: Sequence[tuple[str, str]],
) -> Iterable[str]:
    confirmed = _confirmed_pairs(predicted_pairs, scores)
    yield f"The forecast order held for {len(confirmed)} of the {len(predicted_pairs)} pairs it named."
    yield f"  {'student':<12}{'rows right (forecast)':>23}{'score':>9}{'change from generator':>24}"
    for forecast in sorted(forecasts, key=lambda each: -scores[each.student].accuracy):
        score = scores[forecast.student].accuracy
        change = 100 * (score - generator.accuracy)
        yield f"  {forecast.student:<12}{forecast.right:>23.1%}{score:>9.1%}{change:>+17.1f} points"
    for better, worse in predicted_pairs:
        if (better, worse) not in confirmed:
            yield f"  not as forecast: {better} > {worse}"


def _example_answers(out: Path, problems: Sequence[Problem]) -> list[tuple[str, int, dict[str, tuple[str, bool]]]]:
    """The answers of the models to the first held-out problems on which they differ."""
    prompts = [problem.prompt for problem in problems]
    answers_by_model = {
        name: generate_answers(out / "models" / name, prompts) for name in ("generator", *STUDENTS_SHOWN)
    }
    right = {name: right_answer(prompts, texts) for name, texts in answers_by_model.items()}
    return [
        (
            problem.prompt,
            problem.answer,
            {name: (answers_by_model[name][index], right[name][index] is True) for name in answers_by_model},
        )
        for index, problem in enumerate(problems)
        if len({texts[index] for texts in answers_by_model.values()}) > 1
    ][:EXAMPLES_SHOWN]


def _outcome_document(
    seed: int,
    generator: StudentScore,
    forecasts: Sequence[StudentForecast],
    scores: dict[str, StudentScore],
    predicted_pairs: Sequence[tuple[str, str]],
    seal: str,
) -> dict[str, Any]:
    """The results as a JSON document."""
    confirmed = _confirmed_pairs(predicted_pairs, scores)
    return {
        "seed": seed,
        "forecast": seal,
        "generator": generator.accuracy,
        "students": {
            forecast.student: {
                "rows": forecast.rows,
                "foreseen": forecast.right,
                "scored": scores[forecast.student].accuracy,
            }
            for forecast in forecasts
        },
        "pairs_foretold": len(predicted_pairs),
        "pairs_held": len(confirmed),
        "n": generator.n,
    }
