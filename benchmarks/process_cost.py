"""Runs a command in a process of its own and measures seconds, CPU seconds and peak memory.

Callers must load no large library: on Linux a new process starts with the peak memory of its parent.
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
    """The cost of one run; `seconds` is the work alone, `process_seconds` the whole process."""

    seconds: float
    process_seconds: float
    cpu_seconds: float
    peak_mib: int


def run_script(script: str, *arguments: str) -> tuple[str, ProcessCost]:
    """Run a script of this folder; return its output and cost. A script that fails ends the benchmark."""
    return run_command([sys.executable, str(HERE / script), *arguments])


def run_command(command: Sequence[str]) -> tuple[str, ProcessCost]:
    """Run a command; return its output and cost. A command that fails ends the benchmark."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return output, ProcessCost(seconds, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * PEAK_UNIT // MIB)


def time_script(script: str, *arguments: str) -> ProcessCost:
    """Run a script that prints the seconds of its work, and return its cost."""
    output, cost = run_script(script, *arguments)
    return ProcessCost(float(output), cost.process_seconds, cost.cpu_seconds, cost.peak_mib)


def median_cost(costs: Sequence[ProcessCost]) -> ProcessCost:
    """Return the medians of the times and the highest peak."""
    return ProcessCost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.process_seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
    )
