"""Bad functions in the command and the Python API: the run succeeds, and its output stays clean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import winnow
from winnow.verifiers.function_verifier import IsolatedVerifier

ROWS = [{"prompt": f"q{row}", "text": text} for row, text in enumerate(["yes", "bad", "no", "yes"])]


@pytest.fixture
def table(folder: Path) -> Path:
    path = folder / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def run_verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`winnow verify t.jsonl ARGUMENTS` in the current folder."""
    command = [sys.executable, "-m", "winnow.cli.main", "verify", "t.jsonl", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_the_command_succeeds_and_only_the_bad_row_is_an_error(table: Path) -> None:
    reasons = {
        "segfaults": "killed its worker (signal 11)",
        "hangs": "took longer than 1 s",
        "eats_memory": "ran out of memory (limit 0.3 GB)",
    }
    settings = ["--set", "hangs.seconds=1", "--set", "eats_memory.memory_gb=0.3"]
    verifiers = ",".join(f"bad_checks:{name}" for name in reasons)
    completed = run_verify("--with", verifiers, *settings, "--out", "v.jsonl", "--json")
    assert completed.returncode == 0, completed.stderr
    tallies = json.loads(completed.stdout)["verifiers"]
    assert [(tally["pass"], tally["fail"], tally["error"]) for tally in tallies] == [(2, 1, 1)] * 3
    rows = [json.loads(line) for line in Path("v.jsonl").read_text().splitlines()]
    for name, reason in reasons.items():
        assert [row[f"{name}.verdict"] for row in rows] == ["pass", "error", "fail", "pass"]
        assert rows[1][f"{name}.reason"] == reason
    assert not list(Path().glob("core*"))


def test_what_a_function_prints_goes_to_standard_error_and_not_into_the_document(table: Path) -> None:
    completed = run_verify("--with", "bad_checks:prints,bad_checks:prints_then_dies", "--out", "v.jsonl", "--json")
    assert json.loads(completed.stdout)["rows"] == 4
    for text in ("a word of the function", "a word of the shell", "a word to file 1", "the last word"):
        assert text in completed.stderr


def test_the_python_api_leaves_no_worker_behind(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[IsolatedVerifier] = []
    close = IsolatedVerifier.close

    def record_close(verifier: IsolatedVerifier) -> None:
        closed.append(verifier)
        close(verifier)

    monkeypatch.setattr(IsolatedVerifier, "close", record_close)
    assert [row["fine.verdict"] for row in winnow.verify(table, "bad_checks:fine")] == ["pass", "fail", "fail", "pass"]
    assert len(closed) == 1
    kept_verifier = winnow.verifier("bad_checks:fine")
    winnow.verify(table, kept_verifier)
    assert len(closed) == 1


def test_a_path_and_the_function_itself_give_the_same_verdicts(table: Path) -> None:
    sys.path.insert(0, str(table.parent))
    try:
        import bad_checks  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(table.parent))
        sys.modules.pop("bad_checks", None)
    by_path = winnow.verify(table, "bad_checks:raises").to_list()
    assert by_path == winnow.verify(table, bad_checks.raises).to_list()


def test_a_call_holds_the_same_rows_every_time(folder: Path) -> None:
    rows = [{"prompt": "q", "text": str(row)} for row in range(5000)]
    scores = [[row["sizes.score"] for row in winnow.verify(rows, "bad_checks:sizes")] for _ in range(2)]
    assert scores[0] == scores[1]
    assert set(scores[0]) == {512.0, 5000 % 4096 % 512}
