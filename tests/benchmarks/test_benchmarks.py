"""The benchmarks run to the end and all answers agree; nothing is asserted about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def run_script(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_quick_table_is_complete_and_all_answers_agree() -> None:
    result = run_script(str(BENCHMARKS / "run.py"), "--quick")
    assert result.returncode == 0, result.stdout + result.stderr
    head, *lines = (line.split("  ") for line in result.stdout.splitlines())
    assert [cell for cell in head if cell][-2:] == ["same", "reached"]
    assert len(lines) == 20
    assert all([cell.strip() for cell in line if cell.strip()][-2] == "yes" for line in lines)


@pytest.mark.slow
def test_differing_selections_are_reported(tmp_path: Path) -> None:
    source, right, wrong = (str(tmp_path / f"{name}.parquet") for name in ("source", "right", "wrong"))
    assert run_script(str(BENCHMARKS / "make_candidates.py"), "narrow", "4000", source).returncode == 0
    assert run_script(str(BENCHMARKS / "select_with_library.py"), "best", "winnow", source, right).returncode == 0
    assert run_script(str(BENCHMARKS / "select_with_library.py"), "top", "winnow", source, wrong).returncode == 0
    assert run_script(str(BENCHMARKS / "compare_selections.py"), "best", source, right, right).stdout == ""
    output = run_script(str(BENCHMARKS / "compare_selections.py"), "best", source, right, wrong).stdout
    assert "theirs: " in output and "scores not the best" in output
    assert (
        "lowest score differs"
        in run_script(str(BENCHMARKS / "compare_selections.py"), "top", source, right, wrong).stdout
    )


def test_every_solution_of_gsm8k_becomes_a_row(tmp_path: Path) -> None:
    import gzip

    problem = {"question": "1+1?", "ground_truth": "A: 2"} | {
        model: {"is_correct": model == "b", "solution": f"A: {model}"} for model in ("a", "b")
    }
    source, out = tmp_path / "s.jsonl.gz", tmp_path / "rows.jsonl"
    source.write_bytes(gzip.compress(json.dumps(problem).encode()))
    assert run_script(str(BENCHMARKS / "real" / "reshape_gsm8k.py"), str(source), str(out)).returncode == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["model"], row["is_correct"], row["solution"]) for row in rows] == [
        ("a", False, "A: a"),
        ("b", True, "A: b"),
    ]
    assert len({row["candidate_id"] for row in rows}) == 2
    assert {row["prompt_id"] for row in rows} == {"gsm8k-0"}


def test_every_answer_to_the_game_of_24_becomes_a_row_and_is_checked_exactly(tmp_path: Path) -> None:
    import gzip

    answers = ["Answer: (10 - 4) * (5 - 1) = 24", "Answer: 10 + 5 + 4 + 4 + 1 = 24", "Answer: 10 - 4 ** 5 * 1", "none"]
    log = {"idx": 7, "puzzle": "1 4 5 10", "samples": answers, "correct_rechecked": [1, 0, 0, 0]}
    source, out = tmp_path / "log.jsonl.gz", tmp_path / "rows.jsonl"
    source.write_bytes(gzip.compress(json.dumps(log).encode()))
    assert run_script(str(BENCHMARKS / "real" / "reshape_game24.py"), str(source), str(out)).returncode == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    program = "import json, game24_checker as g; rows = json.loads(input()); "
    program += "print(g.right(['?'] * len(rows), [r['sample'] for r in rows], puzzle=[r['puzzle'] for r in rows]))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        cwd=BENCHMARKS / "real",
    )
    assert result.stdout.strip() == str([row["correct_rechecked"] for row in rows])


@pytest.mark.slow
def test_the_memory_of_measure_stays_within_the_promise_on_a_small_table() -> None:
    result = run_script(str(BENCHMARKS / "measure_memory.py"), "--rows", "200000")
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line.split(":")[0] for line in result.stdout.splitlines() if not line.startswith(" ")] == [
        "judged",
        "judged scattered",
    ]
