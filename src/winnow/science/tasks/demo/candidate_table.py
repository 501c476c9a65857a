"""The candidate table of the demo: word problems, scripted answers and the scores of a judge that likes long answers.

The same arguments give the same rows, and a table of more problems begins with the rows of the smaller one. Rows do not
contain the truth; `demo_labels` does. Nothing is written to files here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from winnow.errors import UsageError, format_value
from winnow.science.tasks.judges import long_answer_judge, right_answer
from winnow.science.tasks.scripted_answerer import scripted_answers
from winnow.science.tasks.seeded_random import random_stream, sample_positions
from winnow.science.tasks.word_problems import generate_problems

PROBLEM_COUNT, PER_PROBLEM = 200, 8
MODEL = "scripted-answerer"


def demo_candidates(
    problem_count: int = PROBLEM_COUNT, per_problem: int = PER_PROBLEM, seed: int = 0
) -> list[dict[str, str | int | float]]:
    """Return one row per candidate, with reference and judge score; candidates of a prompt stand together, in order."""
    rows: list[dict[str, str | int | float]] = []
    for problem in generate_problems(problem_count, seed):
        texts = [answer.text for answer in scripted_answers(problem, per_problem, seed)]
        scores = long_answer_judge([problem.prompt] * len(texts), texts)
        for index, (text, score) in enumerate(zip(texts, scores, strict=True)):
            rows.append(
                {
                    "candidate_id": f"{problem.id}#{index}",
                    "prompt_id": problem.id,
                    "index": index,
                    "prompt": problem.prompt,
                    "text": text,
                    "reference": str(problem.answer),
                    "model": MODEL,
                    "judge": round(score, 3),
                }
            )
    return rows


def demo_labels(rows: Sequence[Mapping[str, object]], count: int, seed: int) -> list[dict[str, str | int]]:
    """Return true labels, 1 or 0, for `count` rows drawn at random, in the order of the table."""
    if not 0 <= count <= len(rows):
        problem = f"is {count}, but must lie between 0 and {len(rows)}, the number of rows"
        raise UsageError("count", problem, "Ask for fewer labels or make more candidates")
    sampled_rows = [
        rows[position] for position in sample_positions(random_stream("demo labels", seed), count, len(rows))
    ]
    truth = right_answer([str(row["prompt"]) for row in sampled_rows], [str(row["text"]) for row in sampled_rows])
    if None in truth:
        unknown = format_value(sampled_rows[truth.index(None)]["prompt"])
        raise UsageError("rows", f"the prompt {unknown} is not a word problem", "Pass rows made by demo_candidates()")
    return [
        {"candidate_id": str(row["candidate_id"]), "correct": int(right is True)}
        for row, right in zip(sampled_rows, truth, strict=True)
    ]
