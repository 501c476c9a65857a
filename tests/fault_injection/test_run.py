"""The report names areas and broken promises, a broken promise ends with exit code 1, the page has the figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fault_injection import journal_and_verifiers, run
from fault_injection.run import AREAS, BEGIN_MARK, END_MARK, PLACEHOLDER, FaultArea, format_table
from fault_injection.workloads import AreaResult

PROJECT = Path(__file__).resolve().parents[2]


def test_one_area_can_be_run_by_name_and_writes_nothing() -> None:
    before = {path: path.stat().st_mtime_ns for path in (PROJECT / "docs").rglob("*.md")}
    command = [sys.executable, str(PROJECT / "fault_injection" / "run.py"), "--short", "--only", "damage"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0].startswith("damage: damaged stores")
    assert result.stdout.splitlines()[-1] == "every promise held"
    assert {path: path.stat().st_mtime_ns for path in (PROJECT / "docs").rglob("*.md")} == before


def test_a_broken_promise_is_named_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def inject(count: int | None, seed: int) -> AreaResult:
        return AreaResult("damage", {"damaged stores that opened": 1}, ["candidates with a flipped bit was opened"])

    monkeypatch.setitem(AREAS, "damage", FaultArea(inject, "damaged stores", 1, 1))
    monkeypatch.setattr(sys, "argv", ["run.py", "--only", "damage"])
    assert run.main() == 1
    assert "BROKEN candidates with a flipped bit was opened" in capsys.readouterr().out


def test_a_failed_test_is_a_broken_promise(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_holds(): pass\n\n\ndef test_fails(): assert False\n")
    assert journal_and_verifiers.run_tests(str(tmp_path / "test_it.py")) == (["test_holds"], ["test_fails"])
    assert journal_and_verifiers.run_tests(str(tmp_path / "none"))[1] != []


def test_the_page_contains_the_recorded_figures() -> None:
    page = (PROJECT / "docs" / "explanation" / "promises.md").read_text(encoding="utf-8")
    table, results = page.split(BEGIN_MARK)[1].split(END_MARK)[0].strip(), PROJECT / "results" / "faults.json"
    if not results.exists():
        assert table == PLACEHOLDER
        return
    figures = json.loads(results.read_text(encoding="utf-8"))
    assert table == format_table(figures).strip()
    assert figures["broken"] == []
    assert set(figures["areas"]) == set(AREAS)
    assert figures["areas"]["points"]["figures"]["faults injected"] >= 400
    assert figures["areas"]["kills"]["figures"]["kills"] >= 1000
    journal = figures["areas"]["journal"]["figures"]
    assert journal["truncations, each appended to and read again"] == journal["bytes of the log"] + 1
    assert figures["areas"]["damage"]["figures"]["stores damaged"] >= 1100
