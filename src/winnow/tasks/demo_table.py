"""The demo's table: word problems, scripted answers and what the judge that likes long answers says of them.

Promises: rows are plain JSON values, candidates of a prompt stand together in order, and the same arguments give the
same rows; a table of more problems begins with the rows of the smaller one. The truth is in `labels` alone.
It writes no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from winnow.data.errors import UsageError, shown
from winnow.tasks.answerer import answers
from winnow.tasks.draws import stream, without_replacement
from winnow.tasks.judges import long_answer_judge, right_answer
from winnow.tasks.word_problems import problems

PROBLEM_COUNT, PER_PROBLEM = 200, 8
MODEL = "scripted-answerer"


def candidates(
    problem_count: int = PROBLEM_COUNT, per_problem: int = PER_PROBLEM, seed: int = 0
) -> list[dict[str, str | int | float]]:
    """One row per candidate, with the judge's score and the reference, as candidates.jsonl has them."""
    rows: list[dict[str, str | int | float]] = []
    for problem in problems(problem_count, seed):
        texts = [answer.text for answer in answers(problem, per_problem, seed)]
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


def labels(rows: Sequence[Mapping[str, object]], count: int, seed: int) -> list[dict[str, str | int]]:
    """The truth, 1 or 0, about `count` rows drawn at random, in the order of the table."""
    if not 0 <= count <= len(rows):
        problem = f"is {count}, but must lie between 0 and the {len(rows)} rows there are"
        raise UsageError("count", problem, "Ask for fewer labels or make more candidates")
    drawn = [rows[place] for place in without_replacement(stream("demo labels", seed), count, len(rows))]
    truth = right_answer([str(row["prompt"]) for row in drawn], [str(row["text"]) for row in drawn])
    if None in truth:
        unknown = shown(drawn[truth.index(None)]["prompt"])
        raise UsageError("rows", f"the prompt {unknown} is no word problem", "Pass rows made by candidates()")
    return [
        {"candidate_id": str(row["candidate_id"]), "correct": int(right is True)}
        for row, right in zip(drawn, truth, strict=True)
    ]
