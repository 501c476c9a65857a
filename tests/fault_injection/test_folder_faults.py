"""Concurrent runs, killed runs, read-only folders and full disks end as promised."""

from __future__ import annotations

import pytest

from fault_injection.folder_faults import CONCURRENT_RUNS, inject_folder_faults


@pytest.mark.slow
def test_one_of_eight_runs_works_and_machine_faults_end_in_messages() -> None:
    result = inject_folder_faults(2)
    assert result.broken == []
    assert (result.figures["runs that got the lock"], result.figures["runs refused"]) == (1, CONCURRENT_RUNS - 1)
    assert result.figures["processes left by a killed run"] == 0
    assert result.figures["full disks"] == 2
