"""The script that combines five metrics of FRANK runs on a simulated file of the same form."""

from __future__ import annotations

import gzip
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REAL = Path(__file__).parents[2] / "validation" / "real"
SEPARATION = (2.5, 2.0, 2.0, 0.5, 0.5)
"""How far each simulated metric separates right from wrong, in standard deviations."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the script."""
    monkeypatch.syspath_prepend(str(REAL))
    return runpy.run_path(str(REAL / "frank_combine.py"))


def test_combined_independent_metrics_agree_with_labels_more_often_than_each_alone(
    tmp_path: Path, script: dict[str, Any]
) -> None:
    """Sixty simulated articles with ten summaries each, whose metrics err independently."""
    rng = np.random.default_rng(0)
    with gzip.open(tmp_path / script["FILE"], "wt", encoding="utf-8") as lines:
        for number in range(60):
            candidates = []
            for model in range(10):
                right = bool(rng.random() < 0.5)
                metrics = {n: float(rng.normal(s * right)) for n, s in zip(script["METRICS"], SEPARATION, strict=True)}
                human = {"Factuality": 1.0 if right else 0.5}
                candidates.append({"model": f"m{model}", "summary": "s", "human": human, "metrics": metrics})
            lines.write(json.dumps({"hash": f"h{number}", "candidates": candidates}) + "\n")
    command = [sys.executable, str(REAL / "frank_combine.py"), str(tmp_path), "--results", str(tmp_path / "r")]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    results = json.loads((tmp_path / "r" / "frank_combine.json").read_text("utf-8"))
    assert (results["rows"], results["articles"]) == (600, 60)
    assert results["shares"]["combined without labels"] > max(
        results["shares"][f"{n} alone"] for n in script["METRICS"]
    )
    assert results["right"]["low"] <= results["right"]["labels"] <= results["right"]["high"]
    assert str(tmp_path) not in json.dumps(results)
