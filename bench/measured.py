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
class Cost:
    """One run: the work's own seconds, the whole process's seconds, CPU-seconds and peak in MiB."""

    seconds: float
    process_seconds: float
    cpu_seconds: float
    peak_mib: int


def run(script: str, *arguments: str) -> tuple[str, Cost]:
    """What a script of this folder printed, and its cost; a script that fails ends the whole."""
    return ran([sys.executable, str(HERE / script), *arguments])


def ran(command: Sequence[str]) -> tuple[str, Cost]:
    """The same of any command."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return said, Cost(whole, whole, used.ru_utime + used.ru_stime, used.ru_maxrss * PEAK_UNIT // MIB)


def timed(script: str, *arguments: str) -> Cost:
    """The cost of a script that prints the seconds of its work."""
    said, cost = run(script, *arguments)
    return Cost(float(said), cost.process_seconds, cost.cpu_seconds, cost.peak_mib)


def typical(costs: Sequence[Cost]) -> Cost:
    """Medians of the times; of the peaks the highest."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.process_seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
    )
