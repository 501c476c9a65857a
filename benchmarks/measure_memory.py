"""Measures the seconds of `winnow measure` on 100 rows and its memory on many: `python benchmarks/measure_memory.py`.

The tables have ids, prompts and verdicts (candidates of a prompt next to each other, or far apart) and 200 labels in a
separate file. Each is measured in a process of its own. The script prints seconds and peak memory, and by how much the
peak of the largest table exceeds that of the smaller one beyond the memory that DuckDB may use. It exits with 1 if that
is more than promised. Seconds are only printed, because a machine may be busy.
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
    """Measure a table with this many rows once, and check that the card counts them all."""
    table, labels = folder / f"{shape} {rows}.parquet", folder / f"{rows}.csv"
    if not table.exists():
        run_script("make_candidates.py", shape, str(rows), str(table))
        step = max(rows // LABELS, 1)
        lines = [f"c{number:09d},{number // step % 2}" for number in range(0, rows, step)]
        labels.write_text("\n".join(["candidate_id,correct", *lines]) + "\n")
    command = [sys.executable, "-m", "winnow.cli.main", "measure", str(table), "--labels", str(labels), "--json"]
    output, cost = run_command(command)
    card = json.loads(output)
    if card["n"] != rows or card["labeled"] != min(rows, LABELS):
        sys.exit(f"the card counts {card['n']:,} of {rows:,} rows and {card['labeled']} labels")
    return cost


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the seconds and the memory of winnow measure.")
    parser.add_argument("--rows", type=int, default=LARGE, help=f"rows of the large table (default {LARGE:,})")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as name:
        folder = Path(name)
        first = statistics.median(measure_table(folder, FIRST).process_seconds for _ in range(REPETITIONS))
        print(f"{FIRST:>12,} rows  {first:6.2f} s, promised: at most {SECONDS} s ({_yes(first <= SECONDS)})")
        small = measure_table(folder, SMALL)
        shapes = {shape: measure_table(folder, arguments.rows, shape) for shape in ("judged", "judged scattered")}
    all_within = True
    for shape, large in shapes.items():
        beyond = (large.peak_mib - small.peak_mib) * MIB / MB - ENGINE_MB
        is_within = beyond <= PROMISED_MB
        all_within = all_within and is_within
        print(f"{shape}: {SMALL:,} rows {_format_cost(small)}, {arguments.rows:,} rows {_format_cost(large)}")
        print(f"  beyond the {ENGINE_MB} MB of DuckDB: {beyond:.0f} MB, at most {PROMISED_MB} MB: {_yes(is_within)}")
    return 0 if all_within else 1


def _format_cost(cost: ProcessCost) -> str:
    return f"{cost.process_seconds:.2f} s and {cost.peak_mib * MIB // MB} MB at the peak"


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


if __name__ == "__main__":
    sys.exit(main())
