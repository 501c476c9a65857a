"""A command in a process of its own, and what it cost: seconds, CPU-seconds and the peak of its memory.

The caller must stay small and load no library: on Linux a new process starts with the peak of the one it came from.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MIB = 1 << 20
PEAK_UNIT = 1 if sys.platform == "darwin" else 1 << 10


@dataclass(frozen=True)
class ProcessCost:
    """One run: the work's own seconds, the whole process's seconds, CPU-seconds and peak in MiB."""

    seconds: float
    process_seconds: float
    cpu_seconds: float
    peak_mib: int


def run_script(script: str, *arguments: str) -> tuple[str, ProcessCost]:
    """What a script of this folder printed, and its cost; a script that fails ends the whole."""
    return run_command([sys.executable, str(HERE / script), *arguments])


def run_command(command: Sequence[str]) -> tuple[str, ProcessCost]:
    """The same of any command."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return output, ProcessCost(whole, whole, used.ru_utime + used.ru_stime, used.ru_maxrss * PEAK_UNIT // MIB)


def time_script(script: str, *arguments: str) -> ProcessCost:
    """The cost of a script that prints the seconds of its work."""
    output, cost = run_script(script, *arguments)
    return ProcessCost(float(output), cost.process_seconds, cost.cpu_seconds, cost.peak_mib)


def median_cost(costs: Sequence[ProcessCost]) -> ProcessCost:
    """Medians of the times; of the peaks the highest."""
    return ProcessCost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.process_seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
    )
