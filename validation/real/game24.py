"""An exact checker and simulated judges on the game of 24: `python validation/real/game24.py FOLDER [--out TABLES]`.

FOLDER holds game24_n100_cot.jsonl.gz, a hundred logged answers to each of a hundred puzzles. An answer is right as the
log says; the checker computes in fractions and never sees that. A judge with given phi and psi passes each right answer
with probability phi and each wrong one with probability psi, by a hash of judge and answer.
Beside the cards: the share of puzzles whose commonest kept answer is right (the last line of an answer, letter by
letter; ties share; a puzzle of which nothing is kept counts as not right), as drawn here and expected over many draws.
w, for p*_w, is the share of each puzzle's commonest wrong answer among its wrong ones, puzzles weighted by those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import real_verifiers_page
import workspace
from workspace import ROOT, Figures, Row

from winnow.statistics.card_inputs import Booleans
from winnow.statistics.forecasts.candidates import commonest_answer_weights

FILE = "game24_n100_cot.jsonl.gz"
CHECKER = ROOT / "benchmarks" / "real" / "game24_checker.py"
JUDGES = {"judge_95_10": (0.95, 0.10), "judge_80_30": (0.8, 0.3), "judge_60_60": (0.6, 0.6)}
DRAWS = 1000


def make_rows(puzzle: Row) -> Iterator[Row]:
    """Yield one row per logged answer, with the verdicts of the simulated judges."""
    for number, (text, right) in enumerate(zip(puzzle["samples"], puzzle["correct_rechecked"], strict=True)):
        key = f"{puzzle['idx']}-{number}"
        yield {
            "candidate_id": key,
            "puzzle": puzzle["puzzle"],
            "answer": text,
            "correct": bool(right),
            **{f"{judge}.verdict": "pass" if judge_passes(judge, key, bool(right)) else "fail" for judge in JUDGES},
        }


def judge_passes(judge: str, answer: str, right: bool) -> bool:
    """Whether a simulated judge passes the answer."""
    phi, psi = JUDGES[judge]
    return workspace.hash_fraction(judge, answer) < (phi if right else psi)


class PuzzleTable:
    """The answers of all puzzles, to find whose commonest kept answer is right."""

    def __init__(self, rows: list[Row]) -> None:
        self.count = len({row["puzzle"] for row in rows})
        self.right: Booleans = np.array([row["correct"] for row in rows], dtype=np.bool_)
        self.prompt = _codes([row["puzzle"] for row in rows])
        self.final = _codes([row["answer"].strip().split("\n")[-1].lower() for row in rows])

    def share_solved(self, kept: Booleans) -> float:
        """Return the share of puzzles whose commonest kept answer is right."""
        return float(commonest_answer_weights(self.prompt, self.final, kept)[self.right].sum()) / self.count

    def expected_share_solved(self, phi: float, psi: float) -> tuple[float, float]:
        """Return the mean and the standard deviation of `share_solved` over many draws of such a judge."""
        draws = np.random.default_rng(0)
        chance = np.where(self.right, phi, psi)
        results = [self.share_solved(draws.random(len(chance)) < chance) for _ in range(DRAWS)]
        return float(np.mean(results)), float(np.std(results))

    def commonest_wrong_share(self) -> float:
        """Return w, the share of wrong answers that are the commonest wrong answer of their puzzle."""
        pairs = Counter(zip(self.prompt[~self.right].tolist(), self.final[~self.right].tolist(), strict=True))
        most: Counter[int] = Counter()
        for (puzzle, _), count in pairs.items():
            most[puzzle] = max(most[puzzle], count)
        return most.total() / max(pairs.total(), 1)


def _codes(values: list[Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def student_figures(puzzles: PuzzleTable, rows: list[Row]) -> list[Figures]:
    """Return the share right among kept answers and among the commonest ones, for each verifier."""
    right, results = puzzles.right, []
    raw = float(right.mean())
    for judge, (phi, psi) in {"raw": (1.0, 1.0), "exact": (1.0, 0.0), **JUDGES}.items():
        kept = right if judge == "exact" else np.ones(len(rows), dtype=np.bool_)
        if judge in JUDGES:
            kept = np.array([judge_passes(judge, row["candidate_id"], row["correct"]) for row in rows], dtype=np.bool_)
        mean, spread = puzzles.expected_share_solved(phi, psi)
        keep_rate = raw * phi + (1 - raw) * psi
        share = {"kept_right": float(right[kept].mean()), "kept_right_expected": raw * phi / keep_rate}
        solved = {"commonest": puzzles.share_solved(kept), "commonest_expected": mean, "commonest_spread": spread}
        results.append({"verifier": judge, "phi": phi, "psi": psi, "kept": int(kept.sum()), **share, **solved})
    return results


def main() -> None:
    """Write the table, run the checker and the commands, and record the results."""
    work = workspace.parse_workspace(__doc__)
    rows = [row for puzzle in work.read_rows(FILE) for row in make_rows(puzzle)]
    work.write_table("game24.jsonl", rows)
    work.copy_file(CHECKER)
    puzzles = PuzzleTable(rows)
    w = f"{puzzles.commonest_wrong_share():.3f}"
    columns = "--prompt puzzle --text answer".split()
    check = ("verify", "game24.jsonl", *columns, "--with", "game24_checker:right", "--out", "exact.jsonl")
    work.run_winnow(*check)
    names = ["right", *JUDGES]
    cards = workspace.measure_verifiers(
        work, "exact.jsonl", *columns, "--verdict", ",".join(names), "--label", "correct", "--w", w
    )
    figures = {"verify": workspace.format_command(check), "side_by_side": cards, "w": float(w), "draws": DRAWS}
    real_verifiers_page.write_figures(work, "game24", {**figures, "students": student_figures(puzzles, rows)})


if __name__ == "__main__":
    main()
