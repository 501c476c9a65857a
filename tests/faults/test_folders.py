"""Runs that meet in a folder, dead runs, closed folders and full disks."""

from __future__ import annotations

import pytest

from faults.folders import AT_ONCE, runs_and_folders


@pytest.mark.slow
def test_one_of_eight_runs_is_at_work_and_the_machines_refusals_end_in_words() -> None:
    found = runs_and_folders(2)
    assert found.broken == []
    assert (found.figures["at work"], found.figures["refused"]) == (1, AT_ONCE - 1)
    assert found.figures["processes left by a killed run"] == 0
    assert found.figures["full disks"] == 2
