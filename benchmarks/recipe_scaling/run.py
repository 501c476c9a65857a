"""Measures what a whole recipe costs and how the cost grows: `python benchmarks/recipe_scaling/run.py`.

It runs import, verify by number and by a function, measure, and select with a control, on tables of 10^5, 10^6 and
10^7 rows, each in its own processes. It prints seconds, CPU seconds of all processes, the peak memory of the largest
process and of all together, seconds by stage, and the growth, and writes them to `results/spine.json` and
docs/explanation/runs.md. On a busy machine, judge the growth by CPU seconds. Memory is sampled every few hundredths of
a second; memory that processes share counts once in the total. It runs on Linux only. This process stays small, because
on Linux a new process starts with the peak of the one it came from.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "spine.json"
PAGE = ROOT / "docs" / "explanation" / "runs.md"
BEGIN, END = "<!-- spine: begin -->", "<!-- spine: end -->"
LONG = 300
SIZES = (100_000, 1_000_000, 10_000_000)
PACKAGES = ("winnow-data", "duckdb", "numpy", "pyarrow")
SAMPLING_SECONDS = 0.05
KB = 1024


@dataclass
class MemoryPeaks:
    """The highest memory so far in bytes, of the largest process and of all together."""

    largest: int = 0
    together: int = 0

    def sample(self, first: int) -> None:
        """Sample a process and its descendants."""
        together = 0
        for process in [first, *_descendants(first)]:
            with suppress(OSError, KeyError, ProcessLookupError):
                peak = _kilobytes(Path(f"/proc/{process}/status"), "VmHWM") * KB
                together += _kilobytes(Path(f"/proc/{process}/smaps_rollup"), "Pss") * KB
                self.largest = max(self.largest, peak)
        self.together = max(self.together, together)


@dataclass(frozen=True)
class RunCost:
    """The cost of a command; memory in units of a million bytes."""

    seconds: float
    cpu_seconds: float
    largest_mb: float
    together_mb: float
    output: str


def run_and_watch(command: Sequence[str], folder: Path) -> RunCost:
    """Run a command and measure its cost; a command that fails ends the benchmark."""
    start, peaks, ended = time.perf_counter(), MemoryPeaks(), threading.Event()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        sampler = threading.Thread(target=_sample_until_ended, args=(process.pid, peaks, ended))
        sampler.start()
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        sampler.join()
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return RunCost(seconds, used.ru_utime + used.ru_stime, peaks.largest / 1e6, peaks.together / 1e6, output)


def _sample_until_ended(first: int, peaks: MemoryPeaks, ended: threading.Event) -> None:
    while not ended.wait(SAMPLING_SECONDS):
        peaks.sample(first)


def _descendants(process: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                for child in (thread / "children").read_text().split():
                    yield int(child)
                    yield from _descendants(int(child))


def _kilobytes(path: Path, name: str) -> int:
    values = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return int(values[name].split()[0])


def measure_recipe(rows: int, characters: int, workers: int, place: Path) -> dict[str, Any]:
    """Run the recipe on a table with this many rows, and check its stores."""
    with tempfile.TemporaryDirectory(prefix="winnow-spine-", dir=place) as name:
        folder = Path(name)
        run_and_watch(
            [sys.executable, str(Path(__file__).with_name("make_table.py")), str(rows), str(characters), name], ROOT
        )
        winnow = [sys.executable, "-m", "winnow.cli.main"]
        run = run_and_watch([*winnow, "run", "recipe.yaml", "--json", "--set", f"engine.workers={workers}"], folder)
        check = run_and_watch([*winnow, "check", "store", "run", "--json"], folder)
        stages = json.loads(run.output)["stages"]
        lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
        return {
            "rows": rows,
            "characters": characters,
            "workers": workers,
            "shards": stages[0]["shards"],
            "selected": stages[-1]["selected"],
            "table_mb": round((folder / "table.parquet").stat().st_size / 1e6, 1),
            "run": _to_dict(run),
            "check": _to_dict(check),
            "seconds_by_stage": {line["stage"]: line["seconds"] for line in lines},
        }


def _to_dict(cost: RunCost) -> dict[str, float]:
    return {name: round(value, 2) for name, value in vars(cost).items() if name != "output"}


def compute_growth(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare each table with the one ten times smaller: time over linear growth, and the difference in memory."""
    return [
        _compare_sizes(small, large)
        for small in runs
        for large in runs
        if large["rows"] == 10 * small["rows"] and all(small[name] == large[name] for name in ("characters", "workers"))
    ]


def _compare_sizes(small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    times = large["rows"] / small["rows"]
    small_cost, large_cost = small["run"], large["run"]
    return {
        **{name: large[name] for name in ("rows", "characters", "workers")},
        "from_rows": small["rows"],
        "seconds_over_linear": round(large_cost["seconds"] / small_cost["seconds"] / times, 3),
        "cpu_seconds_over_linear": round(large_cost["cpu_seconds"] / small_cost["cpu_seconds"] / times, 3),
        "largest_mb_more": round(large_cost["largest_mb"] - small_cost["largest_mb"], 1),
        "together_mb_more": round(large_cost["together_mb"] - small_cost["together_mb"], 1),
    }


def describe_machine() -> dict[str, Any]:
    """Describe the machine and the versions of the libraries."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    packages = {name: version(name) for name in PACKAGES}
    python = platform.python_version()
    return {
        **{"cpu": cpu, "cores": os.cpu_count(), "memory_gb": round(total / 1e9, 1), "system": platform.system()},
        **{"python": python, "packages": packages},
    }


def merge_results(out: Path, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Add runs to the results file; earlier runs stay if they are of this machine and of other tables."""
    before = json.loads(out.read_text()) if out.exists() else {}
    earlier = before.get("runs", []) if before.get("machine") == describe_machine() else []
    known = {_run_key(run) for run in runs}
    merged = sorted([*(run for run in earlier if _run_key(run) not in known), *runs], key=_run_key)
    content = {"machine": describe_machine(), "runs": merged, "growth": compute_growth(merged)}
    out.write_text(json.dumps(content, indent=1) + "\n")
    return content


def _run_key(run: dict[str, Any]) -> tuple[int, int, int]:
    return run["characters"], run["rows"], run["workers"]


def write_page(content: dict[str, Any]) -> None:
    """Write the results into the page, between its marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{format_table(content)}{END}{rest.partition(END)[2]}")


def format_table(content: dict[str, Any]) -> str:
    """Format the results as Markdown."""
    where = content["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in where["packages"].items())
    lines = [
        f"Measured on {where['cores']} cores ({where['cpu']}) with {where['memory_gb']:.0f} GB. "
        f"Python {where['python']}, {packages}.",
        "",
        "| rows | characters before the answer | workers | shards | CPU seconds | seconds | memory, largest process "
        "| memory, all processes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in content["runs"]:
        cost = run["run"]
        lines.append(
            f"| {run['rows']:,} | {run['characters']} | {run['workers']} | {run['shards']} | {cost['cpu_seconds']:.0f} "
            f"| {cost['seconds']:.0f} | {cost['largest_mb']:.0f} MB | {cost['together_mb']:.0f} MB |"
        )
    lines.append("")
    for growth in content["growth"]:
        lines.append(
            f"- From {growth['from_rows']:,} to {growth['rows']:,} rows ({growth['characters']} characters): "
            f"CPU time grows to {growth['cpu_seconds_over_linear']:.2f} of linear growth, wall time to "
            f"{growth['seconds_over_linear']:.2f}; the "
            f"largest process takes {growth['largest_mb_more']:+.0f} MB."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what a whole recipe costs.")
    parser.add_argument("--rows", type=int, nargs="*", default=list(SIZES), help="sizes of the tables")
    parser.add_argument("--long", type=int, nargs="*", default=[], help="sizes of tables of texts of 300 characters")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--place", type=Path, default=Path(tempfile.gettempdir()), help="a folder on the disk to measure"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="the file to write the figures to")
    arguments = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for rows, characters in [*((rows, 0) for rows in arguments.rows), *((rows, LONG) for rows in arguments.long)]:
        runs.append(measure_recipe(rows, characters, arguments.workers, arguments.place))
        print(json.dumps(runs[-1]), flush=True)
        content = merge_results(arguments.out, runs)
        if arguments.out == RESULTS:
            write_page(content)
    for growth in compute_growth(runs):
        print(json.dumps(growth))


if __name__ == "__main__":
    main()
