"""The files of the demo's training half: examples, held-out problems, candidates, verdicts and training files.

No pair of numbers of a held-out problem occurs in an example, a prompt or a training file, and the written files are
checked for that. The same seed gives the same files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import winnow
from winnow.errors import BrokenPromise
from winnow.science.tasks.demo.sum_problems import small_sum_problems
from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.seeded_random import random_stream, sample_positions
from winnow.science.tasks.templates import parse_prompt
from winnow.science.tasks.word_problems import Problem
from winnow.storage.atomic_files import make_folder, write_bytes

EXAMPLE_COUNT, PROMPT_COUNT, HELD_OUT_COUNT, LABEL_COUNT, VALIDATION_COUNT = 1_000, 4_000, 1_000, 500, 200
EXAMPLES, HELD_OUT, CANDIDATES, LABELS = "examples.jsonl", "held-out.jsonl", "candidates.jsonl", "labels.csv"
VALIDATION = "checked.jsonl"
"""Problems that show when the generator has learned enough; none of them is held out."""
JUDGE_VERIFIER, JUDGE_NAME = "winnow.science.tasks.demo.sum_problems:careless_judge", "careless_judge"
STUDENTS = ("unverified", "control", "judged", "verified")
STUDENT_DESCRIPTIONS = {
    "unverified": "all answers of the generator",
    "control": "as many rows as verified, drawn at random",
    "judged": "answers that the careless judge passes",
    "verified": "answers that pass the check of the number",
}


def training_file(folder: Path, name: str) -> Path:
    """Return the file that a student, or the generator, learns from."""
    return folder / {"generator": EXAMPLES, "unverified": CANDIDATES}.get(name, f"{name}.jsonl")


def write_problems(folder: Path, seed: int) -> list[Problem]:
    """Write the problems with an answer: examples, validation and held-out problems.

    Returns:
        The problems that the generator is to answer.
    """
    make_folder(folder)
    problems = small_sum_problems(EXAMPLE_COUNT + VALIDATION_COUNT + PROMPT_COUNT, seed)
    for name, solved in (
        (EXAMPLES, problems[:EXAMPLE_COUNT]),
        (VALIDATION, problems[EXAMPLE_COUNT : EXAMPLE_COUNT + VALIDATION_COUNT]),
        (HELD_OUT, small_sum_problems(HELD_OUT_COUNT, seed, "test")),
    ):
        rows = ({"prompt": problem.prompt, "text": f"A: {problem.answer}"} for problem in solved)
        write_rows(folder / name, rows)
    return problems[EXAMPLE_COUNT + VALIDATION_COUNT :]


def write_candidates(folder: Path, problems: Sequence[Problem], answers: Sequence[str], seed: int) -> None:
    """Write one candidate per problem, and a file of labels that says which of a random sample are right."""
    rows = [
        {
            "candidate_id": f"{problem.id}#0",
            "prompt_id": problem.id,
            "prompt": problem.prompt,
            "text": text,
            "reference": str(problem.answer),
        }
        for problem, text in zip(problems, answers, strict=True)
    ]
    write_rows(folder / CANDIDATES, rows)
    sample = [rows[i] for i in sample_positions(random_stream("demo students", seed), LABEL_COUNT, len(rows))]
    truth = right_answer([row["prompt"] for row in sample], [row["text"] for row in sample])
    lines = [f"{row['candidate_id']},{int(right is True)}\n" for row, right in zip(sample, truth, strict=True)]
    write_bytes(folder / LABELS, "".join(["candidate_id,correct\n", *lines]).encode())


def select_training_rows(folder: Path, seed: int) -> dict[str, int]:
    """Select the training rows of each student with winnow, and return how many there are."""
    number = winnow.verifier("number", marker="A:")
    checked = winnow.verify(folder / CANDIDATES, JUDGE_VERIFIER, number, out=folder / "verdicts")
    counts = {"unverified": len(checked)}
    for name, verdict in (("judged", JUDGE_NAME), ("verified", "number")):
        rows = winnow.select(checked, passed=True, verdict=verdict, out=training_file(folder, name), seed=seed)
        counts[name] = len(rows)
    out, row_count = training_file(folder, "control"), counts["verified"]
    control = winnow.select(folder / CANDIDATES, passed=False, max_rows=row_count, out=out, seed=seed)
    return {**counts, "control": len(control)}


def check_no_shared_pairs(folder: Path) -> int:
    """Return how many pairs of numbers are held out; refuse one that is in a training file, too."""
    held_out_pairs = _number_pairs(folder / HELD_OUT)
    for path in (folder / VALIDATION, *(training_file(folder, name) for name in ("generator", *STUDENTS))):
        if shared := held_out_pairs & _number_pairs(path):
            problem = f"{sorted(min(shared, key=sorted))} is a pair of numbers of the held-out problems"
            raise BrokenPromise(str(path), problem, "This is a fault in winnow: please report it")
    return len(held_out_pairs)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a file of JSON Lines."""
    write_bytes(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def _number_pairs(path: Path) -> set[frozenset[int]]:
    pairs = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        parsed = parse_prompt(json.loads(line)["prompt"])
        assert parsed is not None, "every prompt of the demo is a word problem of winnow"
        pairs.add(frozenset(parsed[1]))
    return pairs
