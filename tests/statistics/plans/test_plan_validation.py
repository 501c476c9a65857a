"""The validation of the plan runs, and its quick results agree with the claims."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.mark.slow
def test_quick_validation_keeps_the_error_rate_and_saves_labels(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "validation/plan.py"), "--quick", "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    figures = json.loads((tmp_path / "proofs/plan.json").read_text(encoding="utf-8"))
    for row in figures["misled"]:
        assert row["misled"] <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / row["projects"]), row
    clustered = [row for row in figures["misled"] if row["prompts"] != "one label each"]
    projects = sum(row["projects"] for row in clustered)
    pooled = sum(row["misled"] * row["projects"] for row in clustered) / projects
    assert pooled <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / projects)
    assert figures["ratio"] < 1
