"""The validation of coverage runs, and the coverage that it finds is the nominal one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parents[3]
RATES = "phi psi p p_star margin precision uplift".split()


@pytest.mark.slow
def test_quick_validation_finds_coverage_of_95_percent(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "validation/coverage.py"), "--quick", "--out", str(tmp_path)]
    before = (PROJECT / "docs/explanation/validation-coverage.md").read_bytes()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures = json.loads((tmp_path / "proofs/coverage.json").read_text(encoding="utf-8"))
    settings, tables = figures["settings"], figures["tables"]
    assert len(settings) >= 14 and all(list(one["coverage"]) == RATES for one in settings)
    error = np.sqrt(0.95 * 0.05 / tables)
    assert min(min(one["coverage"].values()) for one in settings) >= 0.95 - 5 * error
    pooled = np.mean([list(one["coverage"].values()) for one in settings])
    assert pooled >= 0.95 - 4 * error / np.sqrt(len(settings))
    assert "DOES NOT" not in done.stdout or tables < 1_000
    assert (PROJECT / "docs/explanation/validation-coverage.md").read_bytes() == before
