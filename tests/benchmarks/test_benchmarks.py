"""The bench runs to its end and its answers agree; nothing is promised here about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


def ended(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_quick_table_is_finished_and_every_answer_agrees() -> None:
    done = ended(str(BENCH / "run.py"), "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    head, *lines = (line.split("  ") for line in done.stdout.splitlines())
    assert [cell for cell in head if cell][-2:] == ["same", "reached"]
    assert len(lines) == 20
    assert all([cell.strip() for cell in line if cell.strip()][-2] == "yes" for line in lines)


@pytest.mark.slow
def test_a_selection_that_differs_is_told(tmp_path: Path) -> None:
    source, right, wrong = (str(tmp_path / f"{name}.parquet") for name in ("source", "right", "wrong"))
    assert ended(str(BENCH / "data.py"), "narrow", "4000", source).returncode == 0
    assert ended(str(BENCH / "works.py"), "best", "winnow", source, right).returncode == 0
    assert ended(str(BENCH / "works.py"), "top", "winnow", source, wrong).returncode == 0
    assert ended(str(BENCH / "agree.py"), "best", source, right, right).stdout == ""
    told = ended(str(BENCH / "agree.py"), "best", source, right, wrong).stdout
    assert "theirs: " in told and "scores not the best" in told
    assert "least score differs" in ended(str(BENCH / "agree.py"), "top", source, right, wrong).stdout


def test_the_solutions_of_gsm8k_become_one_row_each(tmp_path: Path) -> None:
    import gzip

    problem = {"question": "1+1?", "ground_truth": "A: 2"} | {
        model: {"is_correct": model == "b", "solution": f"A: {model}"} for model in ("a", "b")
    }
    source, out = tmp_path / "s.jsonl.gz", tmp_path / "rows.jsonl"
    source.write_bytes(gzip.compress(json.dumps(problem).encode()))
    assert ended(str(BENCH / "real" / "gsm8k.py"), str(source), str(out)).returncode == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["model"], row["is_correct"], row["solution"]) for row in rows] == [
        ("a", False, "A: a"),
        ("b", True, "A: b"),
    ]
    assert len({row["candidate_id"] for row in rows}) == 2
    assert {row["prompt_id"] for row in rows} == {"gsm8k-0"}


def test_the_answers_to_the_game_of_24_become_one_row_each_and_are_checked_exactly(tmp_path: Path) -> None:
    import gzip

    answers = ["Answer: (10 - 4) * (5 - 1) = 24", "Answer: 10 + 5 + 4 + 4 + 1 = 24", "Answer: 10 - 4 ** 5 * 1", "none"]
    log = {"idx": 7, "puzzle": "1 4 5 10", "samples": answers, "correct_rechecked": [1, 0, 0, 0]}
    source, out = tmp_path / "log.jsonl.gz", tmp_path / "rows.jsonl"
    source.write_bytes(gzip.compress(json.dumps(log).encode()))
    assert ended(str(BENCH / "real" / "game24.py"), str(source), str(out)).returncode == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    asked = "import json, game24_checker as g; rows = json.loads(input()); "
    asked += "print(g.right(['?'] * len(rows), [r['sample'] for r in rows], puzzle=[r['puzzle'] for r in rows]))"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        cwd=BENCH / "real",
    )
    assert done.stdout.strip() == str([row["correct_rechecked"] for row in rows])


@pytest.mark.slow
def test_what_measure_costs_is_told_and_a_small_table_holds_the_promise() -> None:
    done = ended(str(BENCH / "measure_memory.py"), "--rows", "200000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        "judged",
        "judged scattered",
    ]
