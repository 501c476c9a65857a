"""The files of the demo's training half: examples, held-out problems, candidates, verdicts, training files.

No pair of numbers of a held-out problem occurs in an example, a prompt or a training file; the files themselves are
checked for it. The same seed gives the same files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import winnow
from winnow.errors import BrokenPromise
from winnow.science.tasks.demo.sum_problems import small_sum_problems
from winnow.science.tasks.judges import right_answer
from winnow.science.tasks.seeded_random import random_stream, sample_positions
from winnow.science.tasks.templates import parse_prompt
from winnow.science.tasks.word_problems import Problem
from winnow.stages.results import Rows
from winnow.storage.atomic_files import make_folder, write_bytes

EXAMPLE_COUNT, PROMPT_COUNT, HELD_OUT_COUNT, LABEL_COUNT, VALIDATION_COUNT = 1_000, 4_000, 1_000, 500, 200
JUDGE_VERIFIER, JUDGE_NAME = "winnow.science.tasks.demo.sum_problems:careless_judge", "careless_judge"
STUDENTS = ("unverified", "control", "judged", "verified")
STUDENT_DESCRIPTIONS = {
    "unverified": "all answers of the generator",
    "control": "as many rows as verified, drawn at random",
    "judged": "answers that the careless judge passes",
    "verified": "answers that pass the check of the number",
}


@dataclass(frozen=True)
class DemoTables:
    """The files in the folder of the demo."""

    folder: Path

    @property
    def examples(self) -> Path:
        return self.folder / "examples.jsonl"

    @property
    def validation(self) -> Path:
        """Problems that say when the generator has learned enough; none of them is held out."""
        return self.folder / "checked.jsonl"

    @property
    def held_out(self) -> Path:
        return self.folder / "held-out.jsonl"

    @property
    def candidates(self) -> Path:
        return self.folder / "candidates.jsonl"

    @property
    def labels(self) -> Path:
        return self.folder / "labels.csv"

    def training_file(self, student: str) -> Path:
        """What a student learns from."""
        return self.candidates if student == "unverified" else self.folder / f"{student}.jsonl"

    def write_problems(self, seed: int) -> list[Problem]:
        """Examples and held-out problems are written; returns the problems whose answers are not given away."""
        make_folder(self.folder)
        problems = small_sum_problems(EXAMPLE_COUNT + VALIDATION_COUNT + PROMPT_COUNT, seed)
        write_rows(
            self.examples, ({"prompt": one.prompt, "text": f"A: {one.answer}"} for one in problems[:EXAMPLE_COUNT])
        )
        validation_problems = problems[EXAMPLE_COUNT : EXAMPLE_COUNT + VALIDATION_COUNT]
        write_rows(self.validation, ({"prompt": one.prompt, "text": f"A: {one.answer}"} for one in validation_problems))
        held_out_problems = small_sum_problems(HELD_OUT_COUNT, seed, "test")
        write_rows(self.held_out, ({"prompt": one.prompt, "text": f"A: {one.answer}"} for one in held_out_problems))
        return problems[EXAMPLE_COUNT + VALIDATION_COUNT :]

    def write_candidates(self, prompts: Sequence[Problem], answers: Sequence[str], seed: int) -> None:
        """One candidate a prompt, and the truth about some of them."""
        pairs = list(zip(prompts, answers, strict=True))
        write_rows(
            self.candidates,
            (
                {"candidate_id": f"{one.id}#0", "prompt_id": one.id, "prompt": one.prompt, "text": text}
                | {"reference": str(one.answer)}
                for one, text in pairs
            ),
        )
        labeled_rows = sample_positions(random_stream("demo students", seed), LABEL_COUNT, len(pairs))
        truth = right_answer(
            [pairs[place][0].prompt for place in labeled_rows], [pairs[place][1] for place in labeled_rows]
        )
        label_lines = [
            f"{pairs[place][0].id}#0,{int(right is True)}\n" for place, right in zip(labeled_rows, truth, strict=True)
        ]
        write_bytes(self.labels, "".join(["candidate_id,correct\n", *label_lines]).encode())

    def select_training_rows(self, seed: int) -> dict[str, Rows]:
        """What each student learns from, chosen by winnow."""
        verified_rows = winnow.verify(
            self.candidates, JUDGE_VERIFIER, winnow.verifier("number", marker="A:"), out=self.folder / "verdicts"
        )
        judged = winnow.select(
            verified_rows, passed=True, verdict=JUDGE_NAME, out=self.training_file("judged"), seed=seed
        )
        verified = winnow.select(
            verified_rows, passed=True, verdict="number", out=self.training_file("verified"), seed=seed
        )
        control = winnow.select(
            self.candidates, passed=False, max_rows=len(verified), out=self.training_file("control"), seed=seed
        )
        return {"control": control, "judged": judged, "verified": verified}

    def check_no_shared_pairs(self) -> int:
        """Refuse a pair of numbers that is both held out and learned from; how many pairs are held out."""
        held_out_pairs = _number_pairs(self.held_out)
        for path in (
            self.examples,
            self.validation,
            self.candidates,
            *(self.training_file(student) for student in STUDENTS),
        ):
            if shared := held_out_pairs & _number_pairs(path):
                problem = f"{sorted(min(shared, key=sorted))} is a pair of numbers of the held-out problems"
                raise BrokenPromise(str(path), problem, "This is a fault in winnow: please report it")
        return len(held_out_pairs)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """A file of JSON Lines."""
    write_bytes(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def _number_pairs(path: Path) -> set[frozenset[int]]:
    """The pairs of numbers in the prompts of a file."""
    pairs = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        found = parse_prompt(json.loads(line)["prompt"])
        assert found is not None, "every prompt is a word problem of ours"
        pairs.add(frozenset(found[1]))
    return pairs
