"""The validation of combining runs, and its quick results agree with the claims."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.mark.slow
def test_quick_validation_recovers_rates_and_refuses_copies(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "validation/combine.py"), "--quick", "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    figures = json.loads((tmp_path / "proofs/combine.json").read_text(encoding="utf-8"))
    for row in figures["recovered"]:
        assert row["inside"] > 0.9, row
        assert row["worst"] > 0.9 - 4 * math.sqrt(0.9 * 0.1 / row["tables"]), row
    refused = {row["verifiers"]: row["refused"] for row in figures["dependent"]}
    assert refused["five copies of one"] == refused["two copies among five"] == 1
