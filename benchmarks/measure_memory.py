"""What `winnow measure` costs at 100 rows, and what memory ten million rows ask for: `python bench/measure_memory.py`.

Tables of ids, prompts and verdicts (candidates of a prompt beside each other, and far apart) with 200 labels in a file
of their own, each measured in a process of its own.
Prints seconds and peaks, and how far the largest table's peak is above the smaller one's, beyond the memory DuckDB may
hold. Ends with 1 if that is more than promised; seconds are said and change nothing, because a machine may be busy.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from process_cost import MIB, ProcessCost, run_command, run_script

SMALL, LARGE, FIRST = 100_000, 10_000_000, 100
LABELS = 200
ENGINE_MB = 384
PROMISED_MB = 50
SECONDS = 1.2
REPETITIONS = 3
MB = 1_000_000


def measure_table(folder: Path, rows: int, shape: str = "judged") -> ProcessCost:
    """One measurement of a table of so many rows; the card must have seen them all."""
    table, labels = folder / f"{shape} {rows}.parquet", folder / f"{rows}.csv"
    if not table.exists():
        run_script("data.py", shape, str(rows), str(table))
        step = max(rows // LABELS, 1)
        lines = [f"c{number:09d},{number // step % 2}" for number in range(0, rows, step)]
        labels.write_text("\n".join(["candidate_id,correct", *lines]) + "\n")
    command = [sys.executable, "-m", "winnow.cli.main", "measure", str(table), "--labels", str(labels), "--json"]
    output, cost = run_command(command)
    card = json.loads(output)
    if card["n"] != rows or card["labeled"] != min(rows, LABELS):
        sys.exit(f"of {rows:,} rows {card['n']:,} were measured, with {card['labeled']} labels")
    return cost


def main() -> int:
    parser = argparse.ArgumentParser(description="What measure costs.")
    parser.add_argument("--rows", type=int, default=LARGE, help=f"rows of the large table (default {LARGE:,})")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as name:
        folder = Path(name)
        first = statistics.median(measure_table(folder, FIRST).process_seconds for _ in range(REPETITIONS))
        print(f"{FIRST:>12,} rows  {first:6.2f} s, at most {SECONDS} are promised: {_yes(first <= SECONDS)}")
        small = measure_table(folder, SMALL)
        shapes = {shape: measure_table(folder, arguments.rows, shape) for shape in ("judged", "judged scattered")}
    held = True
    for shape, large in shapes.items():
        beyond = (large.peak_mib - small.peak_mib) * MIB / MB - ENGINE_MB
        enough = beyond <= PROMISED_MB
        held = held and enough
        print(f"{shape}: {SMALL:,} rows {_format_cost(small)}, {arguments.rows:,} rows {_format_cost(large)}")
        print(f"  beyond the engine's {ENGINE_MB} MB: {beyond:.0f} MB, at most {PROMISED_MB}: {_yes(enough)}")
    return 0 if held else 1


def _format_cost(cost: ProcessCost) -> str:
    return f"{cost.process_seconds:.2f} s and {cost.peak_mib * MIB // MB} MB at its peak"


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


if __name__ == "__main__":
    sys.exit(main())
