"""Runs `winnow demo --train` with several seeds and checks whether the order of the students holds.

`python validation/demo_seeds.py FOLDER [--seeds 0-5]` runs each seed in its own folder under FOLDER and reuses what is
finished there. It writes `results/proofs/demo_seeds.json` and the table in docs/explanation/training.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from results_page import EXPLANATION, replace_block

from winnow.cli.demo_training.experiment import run_demo_training
from winnow.cli.demo_training.tables import STUDENTS

ROOT = Path(__file__).resolve().parents[1]


def run_or_load_seed(folder: Path, seed: int) -> dict[str, Any]:
    """Return the outcome of a seed, from its folder if it was run before."""
    outcome = folder / "outcome.json"
    if not outcome.exists():
        run_demo_training(folder, seed)
    outcome_document: dict[str, Any] = json.loads(outcome.read_bytes())
    return outcome_document


def is_order_kept(result: dict[str, Any]) -> bool:
    """Whether verified is above judged, and judged above control and unverified."""
    scored = {name: student["scored"] for name, student in result["students"].items()}
    return bool(scored["verified"] > scored["judged"] > max(scored["control"], scored["unverified"]))


def as_markdown(results: list[dict[str, Any]]) -> str:
    """Return the table of the page."""
    head = ("seed", "generator", *STUDENTS, "pairs with a forecast", "forecast correct")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for result in results:
        scored = [f"{result['students'][name]['scored']:.1%}" for name in STUDENTS]
        cells = [
            str(result["seed"]),
            f"{result['generator']:.1%}",
            *scored,
            str(result["pairs_foretold"]),
            str(result["pairs_held"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    count = sum(map(is_order_kept, results))
    summary = f"verified is above judged, and judged above control and unverified, in {count} of {len(results)} seeds"
    return "\n".join([*lines, "", f"Share right of {results[0]['n']:,} new problems. The accuracy of {summary}."])


def main() -> None:
    parser = argparse.ArgumentParser(description="Run winnow demo --train with several seeds.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="0-5", help="from-to")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    results = [run_or_load_seed(arguments.folder / str(seed) / "students", seed) for seed in seeds]
    results_file = ROOT / "results" / "proofs" / "demo_seeds.json"
    results_file.write_text(json.dumps({"held": sum(map(is_order_kept, results)), "seeds": results}, indent=1) + "\n")
    page = EXPLANATION / "training.md"
    page.write_text(replace_block(page.read_text("utf-8"), "seeds", as_markdown(results)), "utf-8")


if __name__ == "__main__":
    main()
