"""The studies of theory: every check holds at quick for the committed seeds, and every claim says what results show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.science.studies.framework.check import MIN_STANDARD_ERRORS
from winnow.science.studies.framework.runner import StudyRequest, load_study, run_study
from winnow.science.studies.registry import STUDIES

RESULTS = Path(__file__).parents[3] / "results" / "studies"
THEORY = ("gaussian", "rounds")
BEHIND_A_LONGER_RUN = ("small", "paper")


def committed(name: str, scale: str = "quick") -> dict[str, Any]:
    """The results of a study as they are committed."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}-{scale}.json").read_text("utf-8"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", THEORY)
def test_every_check_holds_at_quick_for_the_committed_seeds(name: str, tmp_path: Path) -> None:
    seeds = tuple(committed(name)["seeds"])
    found = run_study(STUDIES[name], StudyRequest("quick", seeds, out=tmp_path, workers=1), lambda line: None)
    assert [check.summary() for check in found.checks if not check.is_ok] == []
    assert [check.name for check in found.checks] == [check["name"] for check in committed(name)["checks"]]
    assert len(found.checks) >= 30


@pytest.mark.parametrize("name", THEORY)
@pytest.mark.parametrize("scale", ["quick", "small"])
def test_committed_results_hold_are_sized_and_have_a_source_and_versions(name: str, scale: str) -> None:
    found = committed(name, scale)
    for check in found["checks"]:
        assert check["ok"], check
        assert check["source"] in ("paper", "code", "derived", "sign")
        if check["relation"] == "=" and check["standard_error"] is not None:
            assert check["tolerance"] >= MIN_STANDARD_ERRORS * check["standard_error"]
    assert {"winnow", "python", "numpy", "scipy"} <= found["environment"].keys()
    assert not {"seconds", "figures"} & found.keys()


@pytest.mark.parametrize("name", THEORY)
def test_every_claim_that_is_decided_has_checks_that_were_run(name: str) -> None:
    run_at = {scale: {check["name"] for check in committed(name, scale)["checks"]} for scale in ("quick", "small")}
    for claim in load_study(STUDIES[name]).claims:
        decided = claim.stands in ("reproduced", "holds only if", "not reproduced")
        assert bool(claim.checks) == decided, claim.words
        assert set(claim.checks) <= run_at["quick"] | run_at["small"], claim.words
        assert claim.condition or claim.stands == "reproduced", claim.words
