"""The studies of theory: a run gives the committed numbers, checks hold, and every claim says what results show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from winnow.science.studies.framework.check import MIN_STANDARD_ERRORS, Check
from winnow.science.studies.framework.runner import StudyRequest, load_study, run_study
from winnow.science.studies.framework.study import Value
from winnow.science.studies.registry import STUDIES

RESULTS = Path(__file__).parents[3] / "results" / "studies"
THEORY = ("gaussian", "rounds")
FAST_PARTS = {
    "gaussian": ("closed", "orthants", "open"),
    "rounds": ("blocks", "gaussian closed", "weak labels", "symbols", "center", "real share", "budgets"),
}
FEWER_RUNS: dict[str, dict[str, Value]] = {
    "gaussian": {"draws": 20_000, "rounds": 30, "steps": 3, "drifts": 2},
    "rounds": {"fits": 500, "subsamples": 60, "designs": 40, "gaussians": 100_000, "loops": 100},
}
STANDARD_ERRORS = 4.5


def committed(name: str, scale: str = "quick") -> dict[str, Any]:
    """The results of a study as they are committed."""
    results: dict[str, Any] = json.loads((RESULTS / f"{name}-{scale}.json").read_text("utf-8"))
    return results


def run_quick(name: str, out: Path, **request: Any) -> list[Check]:
    """The checks of a study at quick for the committed seeds."""
    seeds = tuple(committed(name)["seeds"])
    return run_study(
        STUDIES[name], StudyRequest("quick", seeds, out=out, workers=0, **request), lambda line: None
    ).checks


@pytest.mark.parametrize("name", THEORY)
def test_a_run_at_quick_gives_the_committed_numbers(name: str, tmp_path: Path) -> None:
    numbers = {check["name"]: check["got"] for check in committed(name)["checks"]}
    checks = run_quick(name, tmp_path, parts=FAST_PARTS[name])
    assert {check.name: check.got for check in checks} == pytest.approx({c.name: numbers[c.name] for c in checks})
    assert len(checks) >= 15


@pytest.mark.slow
@pytest.mark.parametrize("name", THEORY)
def test_every_check_holds_within_its_standard_error_for_fewer_runs(name: str, tmp_path: Path) -> None:
    checks = run_quick(name, tmp_path, changes=FEWER_RUNS[name])
    assert [check.name for check in checks] == [check["name"] for check in committed(name)["checks"]]
    for check in checks:
        tolerance = max(check.tolerance, STANDARD_ERRORS * (check.standard_error or 0.0))
        assert replace(check, tolerance=tolerance).is_ok, check.summary()


@pytest.mark.parametrize("name", THEORY)
@pytest.mark.parametrize("scale", ["quick", "small"])
def test_committed_results_hold_are_sized_and_have_a_source_and_versions(name: str, scale: str) -> None:
    results = committed(name, scale)
    for check in results["checks"]:
        assert check["ok"], check
        assert check["source"] in ("paper", "code", "derived", "sign")
        if check["relation"] == "=" and check["standard_error"] is not None:
            assert check["tolerance"] >= MIN_STANDARD_ERRORS * check["standard_error"]
    assert {"winnow", "python", "numpy", "scipy"} <= results["environment"].keys()
    assert not {"seconds", "figures"} & results.keys()


@pytest.mark.parametrize("name", THEORY)
def test_every_claim_that_is_decided_has_checks_that_were_run(name: str) -> None:
    run_at = {scale: {check["name"] for check in committed(name, scale)["checks"]} for scale in ("quick", "small")}
    for claim in load_study(STUDIES[name]).claims:
        decided = claim.stands in ("reproduced", "holds only if", "not reproduced")
        assert bool(claim.checks) == decided, claim.words
        assert set(claim.checks) <= run_at["quick"] | run_at["small"], claim.words
        assert claim.condition or claim.stands == "reproduced", claim.words
