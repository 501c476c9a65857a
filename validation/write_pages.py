"""Writes every generated table of the documentation again, from results/: `python validation/write_pages.py [--check]`.

It runs no simulation, no benchmark and no study. With `--check` it writes nothing, names each page that differs from
its results and exits with 1 if there is one. Figures are drawn by `theory_pages.py --only figures`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
for folder in ("validation", "validation/real", "benchmarks", "."):
    sys.path.insert(0, str(ROOT / folder))

import combine  # noqa: E402
import coverage  # noqa: E402
import demo_seeds  # noqa: E402
import editing_page  # noqa: E402
import forecast  # noqa: E402
import frank_combine  # noqa: E402
import plan  # noqa: E402
import real_verifiers_page  # noqa: E402
import recipe_scaling.run as recipe_scaling  # noqa: E402
import run as speed  # noqa: E402
import students_page  # noqa: E402
import theory_pages  # noqa: E402
from results_page import EXPLANATION, replace_block  # noqa: E402

import fault_injection.run as faults  # noqa: E402

RESULTS = ROOT / "results"
VALIDATIONS = {"coverage": coverage, "plan": plan, "forecast": forecast, "combine": combine}


def read_json(*parts: str) -> Any:
    """Return the content of a results file."""
    return json.loads(RESULTS.joinpath(*parts).read_text("utf-8"))


def generated_blocks() -> Iterator[tuple[str, str, str]]:
    """Yield the page, the marker and the text of every generated block."""
    for name, script in VALIDATIONS.items():
        yield f"validation-{name}", "tables", script.format_page(read_json("proofs", f"{name}.json"))
    for page, marker, text in theory_pages.generated_parts():
        yield page.removesuffix(".md"), marker, text
    for study in students_page.SUMMARIES:
        yield "students", study, "\n".join(students_page.study_block(study))
    for name, part in real_verifiers_page.PARTS.items():
        yield "real-verifiers", name, "\n\n".join(part(read_json("real", f"{name}.json")))
    yield "combining", "frank", "\n\n".join(frank_combine.page_part(read_json("real", "frank_combine.json")))
    yield "editing", "editing", editing_page.format_page(read_json("real", "editing.json"))
    yield "training", "seeds", demo_seeds.as_markdown(read_json("proofs", "demo_seeds.json")["seeds"])
    yield "promises", "faults", faults.format_table(read_json("faults.json"))
    yield "runs", "spine", recipe_scaling.format_table(read_json("spine.json"))
    benchmark = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
    yield "speed", "bench", speed.as_markdown(benchmark["rows"], benchmark)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the generated tables of the documentation again.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page differs")
    is_check = parser.parse_args().check
    pages: dict[Path, str] = {}
    for name, marker, text in generated_blocks():
        path = EXPLANATION / f"{name}.md"
        pages[path] = replace_block(pages.get(path) or path.read_text("utf-8"), marker, text)
    changed = [path for path, text in pages.items() if path.read_text("utf-8") != text]
    for path in changed:
        print(f"{path.relative_to(ROOT)}: {'differs from its results' if is_check else 'written'}")
        if not is_check:
            path.write_text(pages[path], "utf-8")
    return 1 if is_check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
