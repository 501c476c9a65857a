"""Writes the speed table: `python benchmarks/run.py [--quick] [--only NAME]`, winnow and others on the same rows.

Every run is a separate process; libraries take turns, and the table shows medians. The answers are compared first. If
everything was measured in full, benchmarks/results.json and docs/explanation/speed.md are written. Exits with 1 if
answers differ. A missed goal is shown and changes nothing, because speed on a busy machine proves nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from process_cost import HERE, ProcessCost, median_cost, run_script, time_script

PAGE = HERE.parent / "docs" / "explanation" / "speed.md"
REPETITIONS = 3
QUICK = 100


@dataclass(frozen=True)
class BenchmarkRow:
    """One measurement. `ratio` is the goal for the seconds of the first other library over ours, or None."""

    name: str
    work: str
    shape: str
    rows: int
    peers: tuple[str, ...]
    ratio: float | None
    peak_mib: int


DUCKDB = ("duckdb arg_max", "duckdb window", "duckdb semi join", "duckdb semi join, unordered")
"""Queries for DuckDB: two that its users write, of which the faster counts for the goal, and the fastest one we found,
with and without keeping the order of rows."""

ROWS = (
    BenchmarkRow("best of all, text", "best", "text", 5_000_000, (*DUCKDB, "polars"), 0.9, 700),
    BenchmarkRow(
        "best of all", "best", "narrow", 10_000_000, ("duckdb arg_max", "duckdb semi join", "pandas"), None, 1000
    ),
    BenchmarkRow(
        "best of all, prompts scattered",
        "best",
        "scattered",
        10_000_000,
        ("duckdb arg_max", "duckdb semi join"),
        None,
        1000,
    ),
    BenchmarkRow("top 12.5%", "top", "narrow", 10_000_000, ("duckdb limit", "pandas"), None, 1000),
)
IN_PROCESS: dict[str, str] = {"numeric answers: 5x5 eigenvalues": "numeric_answers.py"}
SHORTENED = "networks/"
"""The prefix of scripts that take --quick."""
if find_spec("crowdkit"):
    IN_PROCESS["combining five verifiers"] = "combine_verifiers.py"
if find_spec("sklearn"):
    IN_PROCESS["Gaussian mixture and ridge"] = "learning/gaussian_ridge.py"
if find_spec("torch") and find_spec("transformers"):
    IN_PROCESS["token editing"] = "texts/token_editing.py"
    IN_PROCESS["small transformer"] = "networks/small_transformer.py"


def measure_row(row: BenchmarkRow, folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Measure one row with all libraries; return a line of the table per other library."""
    count = row.rows // QUICK if quick else row.rows
    source = folder / f"{row.shape}.parquet"
    if not source.exists():
        run_script("make_candidates.py", row.shape, str(count), str(source))
    libraries = ("winnow", *row.peers)
    costs: dict[str, list[ProcessCost]] = {library: [] for library in libraries}
    differences: list[str] = []
    for turn in range(1 if quick else REPETITIONS):
        for library in libraries:
            _clear(_out(folder, library))
            arguments = (row.work, library, str(source), str(_out(folder, library)))
            costs[library].append(time_script("select_with_library.py", *arguments))
        if turn == 0:
            ours, *theirs = (str(_out(folder, library)) for library in libraries)
            differences = [line for peer in theirs for line in _find_differences(row.work, str(source), ours, peer)]
    for library in libraries:
        _clear(_out(folder, library))
    medians = {library: median_cost(turns) for library, turns in costs.items()}
    return [_line(row, count, medians, differences, peer) for peer in row.peers]


def _out(folder: Path, library: str) -> Path:
    return folder / f"{library.replace(' ', '_')}.parquet"


def _clear(out: Path) -> None:
    for path in (out, out.with_name(out.name + ".receipt.json")):
        path.unlink(missing_ok=True)


def _find_differences(work: str, source: str, ours: str, theirs: str) -> list[str]:
    return run_script("compare_selections.py", work, source, ours, theirs)[0].splitlines()


def _line(
    row: BenchmarkRow, count: int, costs: dict[str, ProcessCost], differences: list[str], peer: str
) -> dict[str, Any]:
    ours, theirs = costs["winnow"], costs[peer]
    ratio = theirs.seconds / ours.seconds
    goal = row.ratio if peer == row.peers[0] else None
    return {
        "name": f"{row.name}, {count / 1e6:g}M rows",
        "ours": round(count / ours.seconds),
        "peer": round(count / theirs.seconds),
        "peer_name": peer,
        "ratio": round(ratio, 2),
        "goal": goal,
        "peak_mib": ours.peak_mib,
        "peak_goal_mib": row.peak_mib,
        "same": not differences,
        "unlike": differences,
        "reached": not differences and ratio >= (goal or 0) and ours.peak_mib < row.peak_mib,
        "costs": {"winnow": _rounded(ours), peer: _rounded(theirs)},
    }


def _rounded(cost: ProcessCost) -> dict[str, float]:
    return {name: round(value, 2) for name, value in asdict(cost).items()}


def measure_in_process(script: str, quick: bool) -> Iterator[dict[str, Any]]:
    """Run a script that measures winnow and another library in one process, by CPU seconds."""
    output, cost = run_script(script, *(["--quick"] if quick and script.startswith(SHORTENED) else []))
    for line in json.loads(output):
        reached = line["same"] and line["ratio"] >= (line["goal"] or 0)
        yield {**line, "peak_mib": cost.peak_mib, "peak_goal_mib": None, "reached": reached}


def format_table(lines: list[dict[str, Any]]) -> str:
    """Format the table for the terminal; rates are rows per second."""
    head = ("name", "ours/s", "peer/s", "peer", "ratio", "goal", "peak MiB", "at most", "same", "reached")
    cells = [head, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    rates = (f"{line['ours']:,}", f"{line['peer']:,}", line["peer_name"])
    goals = (str(line["ratio"]), str(line["goal"] or "-"), str(line["peak_mib"]), str(line["peak_goal_mib"] or "-"))
    return (line["name"], *rates, *goals, _yes(line["same"]), _yes(line["reached"]))


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def as_markdown(lines: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """Format the table as Markdown."""
    head = "task|winnow, per second|other, per second|other library|ratio|goal|peak memory, MiB|limit, MiB|same answers"
    columns = tuple(head.split("|"))
    rows = [columns, ("---",) * len(columns), *(_cells(line)[:-1] for line in lines)]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    measured_on = f"Measured on {about['cores']} cores of an {about['cpu']}; Python {about['python']}, {versions}."
    return "\n".join(["| " + " | ".join(row) + " |" for row in rows]) + f"\n\n{measured_on}\n"


def write_page(table: str) -> None:
    """Write the table into the page about speed, between its marks."""
    before, _, rest = PAGE.read_text().partition("<!-- bench: begin -->")
    after = rest.partition("<!-- bench: end -->")[2]
    PAGE.write_text(f"{before}<!-- bench: begin -->\n{table}<!-- bench: end -->{after}")


def describe_machine() -> dict[str, Any]:
    """Describe the machine and the versions of the libraries."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    names = ("duckdb", "numpy", "pandas", "polars", "pyarrow", "torch", "transformers")
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names if find_spec(name)},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure winnow and other libraries on the same rows.")
    parser.add_argument("--quick", action="store_true", help=f"smoke test: one {QUICK}th of the rows, measured once")
    parser.add_argument("--only", metavar="NAME", help="measure only rows whose name contains this")
    arguments = parser.parse_args()
    chosen = [row for row in ROWS if (arguments.only or "") in row.name]
    lines = []
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        for row in chosen:
            lines += measure_row(row, Path(folder), arguments.quick)
            print(f"measured {lines[-1]['name']}", file=sys.stderr)
    for name, script in IN_PROCESS.items():
        lines += measure_in_process(script, arguments.quick) if (arguments.only or "") in name else ()
    print(format_table(lines))
    for line in lines:
        print(*(f"{line['name']}: {problem}" for problem in line.get("unlike", ())), sep="\n", end="")
    if not arguments.quick and arguments.only is None:
        about = describe_machine()
        (HERE / "results.json").write_text(json.dumps({**about, "rows": lines}, indent=2) + "\n")
        write_page(as_markdown(lines, about))
    return 0 if all(line["same"] for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
