"""Runs that meet in a folder, dead runs, closed folders and full disks."""

from __future__ import annotations

import pytest

from fault_injection.folder_faults import CONCURRENT_RUNS, inject_folder_faults


@pytest.mark.slow
def test_one_of_eight_runs_is_at_work_and_the_machines_refusals_end_in_words() -> None:
    found = inject_folder_faults(2)
    assert found.broken == []
    assert (found.figures["at work"], found.figures["refused"]) == (1, CONCURRENT_RUNS - 1)
    assert found.figures["processes left by a killed run"] == 0
    assert found.figures["full disks"] == 2
