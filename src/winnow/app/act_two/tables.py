"""What act 2 is made of, in files: examples, held-out problems, candidates, verdicts and what each student learns from.

Promises: no pair of numbers of a held-out problem stands in an example, a prompt or a training file; it is looked at in
the files, not only in how they are made. Everything is the same for the same seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.data.errors import BrokenPromise
from winnow.data.stores.atomic import make_folder, write_bytes
from winnow.stages import front
from winnow.stages.results import Rows
from winnow.tasks.demo.sums import small_sums
from winnow.tasks.draws import stream, without_replacement
from winnow.tasks.judges import right_answer
from winnow.tasks.templates import parse
from winnow.tasks.word_problems import Problem

EXAMPLES, PROMPTS, HELD_OUT, LABELED, CHECKED = 1_000, 4_000, 1_000, 500, 200
JUDGE, JUDGED = "winnow.tasks.demo.sums:careless_judge", "careless_judge"
STUDENTS = ("unverified", "control", "judged", "verified")
MEANS = {
    "unverified": "everything the generator wrote",
    "control": "as many rows as verified, drawn at random",
    "judged": "what the careless judge passes",
    "verified": "what checking the answer passes",
}


@dataclass(frozen=True)
class Tables:
    """The files of act 2."""

    folder: Path

    @property
    def examples(self) -> Path:
        return self.folder / "examples.jsonl"

    @property
    def checked(self) -> Path:
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

    def trained_on(self, student: str) -> Path:
        """What a student learns from."""
        return self.candidates if student == "unverified" else self.folder / f"{student}.jsonl"

    def written_first(self, seed: int) -> list[Problem]:
        """Examples and held-out problems are written; returns the problems whose answers are not given away."""
        make_folder(self.folder)
        given = small_sums(EXAMPLES + CHECKED + PROMPTS, seed)
        rows(self.examples, ({"prompt": one.prompt, "text": f"A: {one.answer}"} for one in given[:EXAMPLES]))
        checked = given[EXAMPLES : EXAMPLES + CHECKED]
        rows(self.checked, ({"prompt": one.prompt, "text": f"A: {one.answer}"} for one in checked))
        held = small_sums(HELD_OUT, seed, "test")
        rows(self.held_out, ({"prompt": one.prompt, "text": f"A: {one.answer}"} for one in held))
        return given[EXAMPLES + CHECKED :]

    def written_by_generator(self, prompts: Sequence[Problem], answers: Sequence[str], seed: int) -> None:
        """One candidate a prompt, and the truth about some of them."""
        pairs = list(zip(prompts, answers, strict=True))
        rows(
            self.candidates,
            (
                {"candidate_id": f"{one.id}#0", "prompt_id": one.id, "prompt": one.prompt, "text": text}
                | {"reference": str(one.answer)}
                for one, text in pairs
            ),
        )
        drawn = without_replacement(stream("demo students", seed), LABELED, len(pairs))
        truth = right_answer([pairs[place][0].prompt for place in drawn], [pairs[place][1] for place in drawn])
        marks = [f"{pairs[place][0].id}#0,{int(right is True)}\n" for place, right in zip(drawn, truth, strict=True)]
        write_bytes(self.labels, "".join(["candidate_id,correct\n", *marks]).encode())

    def selected(self, seed: int) -> dict[str, Rows]:
        """What each student learns from, chosen by winnow."""
        checked = front.verify(
            self.candidates, JUDGE, front.verifier("number", marker="A:"), out=self.folder / "verdicts"
        )
        judged = front.select(checked, passed=True, verdict=JUDGED, out=self.trained_on("judged"), seed=seed)
        verified = front.select(checked, passed=True, verdict="number", out=self.trained_on("verified"), seed=seed)
        control = front.select(
            self.candidates, passed=False, max_rows=len(verified), out=self.trained_on("control"), seed=seed
        )
        return {"control": control, "judged": judged, "verified": verified}

    def refuse_shared_pairs(self) -> int:
        """Refuse a pair of numbers that is both held out and learned from; how many pairs are held out."""
        held = _pairs(self.held_out)
        for path in (self.examples, self.checked, self.candidates, *(self.trained_on(one) for one in STUDENTS)):
            if shared := held & _pairs(path):
                problem = f"{sorted(min(shared, key=sorted))} is a pair of numbers of the held-out problems"
                raise BrokenPromise(str(path), problem, "This is a fault in winnow: please report it")
        return len(held)


def rows(path: Path, content: Iterable[dict[str, Any]]) -> None:
    """A file of JSON Lines."""
    write_bytes(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content).encode())


def _pairs(path: Path) -> set[frozenset[int]]:
    """The pairs of numbers in the prompts of a file."""
    pairs = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        found = parse(json.loads(line)["prompt"])
        assert found is not None, "every prompt is a word problem of ours"
        pairs.add(frozenset(found[1]))
    return pairs
