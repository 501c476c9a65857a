"""Writes the figures and tables of the theory pages: `python validation/theory_pages.py [--only figures|tables]`.

Figures are drawn by the `winnow simulate` commands that the page shows. Tables and the numbers in the text come from
results/studies, which `winnow reproduce NAME --record FILE` wrote. This script computes no number itself.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from results_page import replace_block

ROOT = Path(__file__).resolve().parent.parent
DOCS, RESULTS = ROOT / "docs" / "explanation", ROOT / "results" / "studies"
FIGURE_FOLDER = ROOT / "docs" / "figures"
STUDIES, SCALES = ("gaussian", "rounds"), ("quick", "small")

FIGURES = {
    "step": "simulate breakdown --grid noise=flips,linear --set points=33 --seeds 0-4",
    "drift": "simulate selection --set world=mixture --set d=30 --set noise=linear --set psi=0"
    " --set n=300,1000,3000,10000,30000,100000 --grid loss=ridge,logistic --seeds 0-4",
    "editing": "simulate editing --set runs=100 --seeds 0-4",
    "open-answers": "simulate open-answers --seeds 0-4",
}

CONDITIONS = {
    "step": """### The step at p* needs label errors that are independent of x

{step}

Take flips with phi = 1 and psi = 1/4, so p* = .8. The student is right {flips, p=0.76: accuracy:.1%} of the time at
p = .76 and {flips, p=0.84: accuracy:.1%} of the time at p = .84.

Now take the labels of a linear generator with the same p, phi and psi. The step is gone: at p = .6, well below p*, the
student is right {linear labels, p=0.6: accuracy, far from 1:.1%} of the time.

If a linear verifier selects by agreement, unlimited rows lead the student to the bisector of generator and verifier.
Even a perfect verifier leaves an error of {linear labels, perfect verifier: error:.3f}, where theory says
th_g / 2 pi = .125.""",
    "drift": """### Logistic loss drifts back to the generator

{drift}

The labels come from a linear generator that is right {drift: generator's accuracy:.4f} of the time, and an oracle
selects them. Bayes accuracy is {drift: Bayes:.4f}. With almost no penalty, a student of 1,000 rows is right
{logistic, n=1000: accuracy:.4f} of the time and a student of 150,000 rows {logistic, n=150000: accuracy:.4f}.

Every row the student sees is right. But the generator's own plane separates these rows perfectly, and with enough rows
logistic loss converges to it.""",
    "editing": """### The bound 2 b of token editing fails in the exact process

{editing}

If all rows are edited at once, the error ends at {edit, all rows once, in b:.2f} b, as claimed. Twenty disjoint blocks
of 5% end at {edit, 20 blocks of 5%, in b:.2f} b ({edit, 20 blocks of 5%, d=32, in b:.2f} b at d = 32). Five blocks that
together are half of the rows end at {edit, 5 blocks, 0.5 of all rows, in b:.2f} b.

If new rows are edited every round, the error grows without limit. If the same rows are edited every round, it
converges.

The proof needs each row to be edited at most once, and it drops a hat matrix: an edited label carries the noise of all
labels, edited or not, into the next fit.""",
    "open-answers": """### p* does not decide open answers

{open-answers}

In the game of 24, a verifier with phi = .95 and psi = .10 works on answers of which 4% are right. There p* - p is
{game of 24: margin p* - p:.3f}, so p* says that the verifier harms. Yet {game of 24: kept share right:.1%} of what it
keeps is right, {game of 24: times cleaner:.1f} times as much as before.

What changes at a point is the most common kept answer of a prompt, and that point is p*_w = phi / (phi + w psi), where
w is the share of the most common wrong answer among the wrong answers. Between p* and p*_w the most common kept answer
is right in {open answers between p* and p*_w: commonest kept right:.0%} of prompts, beyond p*_w in
{open answers beyond p*_w: commonest kept right:.0%}.

A student that samples follows the share right among kept rows. A greedy student follows the most common answer. This is
why `winnow measure` prints both numbers.""",
}


def read_results(name: str, scale: str) -> dict[str, Any]:
    """Return the results that `winnow reproduce` recorded."""
    results: dict[str, Any] = json.loads((RESULTS / f"{name}-{scale}.json").read_text("utf-8"))
    return results


def check_values() -> dict[str, float]:
    """Return the measured value of each check by name, from the larger scale if both scales ran it."""
    return {
        check["name"]: check["got"]
        for scale in SCALES
        for name in STUDIES
        for check in read_results(name, scale)["checks"]
    }


def figure_block(name: str) -> str:
    """Return the command and the picture of a figure as Markdown."""
    return f"```sh\nwinnow {FIGURES[name]} --figure {name}.svg\n```\n\n![{name}](../figures/{name}.svg)"


def conditions_section(values: Mapping[str, float]) -> str:
    """Return the four results with their figures, commands and numbers."""
    return "\n\n".join(_fill_template(text, values) for text in CONDITIONS.values())


def _fill_template(text: str, values: Mapping[str, float]) -> str:
    """The text with {name} replaced by a figure and {name of a check:format} by its measured value."""
    parts = text.replace("}", "{").split("{")
    for index in range(1, len(parts), 2):
        name, _, form = parts[index].rpartition(":")
        parts[index] = figure_block(parts[index]) if parts[index] in FIGURES else format(values[name], form)
    return "\n\n".join(_wrap_paragraph(paragraph) for paragraph in "".join(parts).split("\n\n"))


def _wrap_paragraph(paragraph: str) -> str:
    return paragraph if paragraph.startswith(("#", "`", "!")) else textwrap.fill(" ".join(paragraph.split("\n")), 120)


def checks_table(name: str) -> str:
    """Return the checks of a study: the expected value, and the measured values at quick and at small."""
    quick, small = (read_results(name, scale) for scale in SCALES)
    at_small = {check["name"]: check for check in small["checks"]}
    at_quick = {check["name"]: check for check in quick["checks"]}
    versions = ", ".join(f"{library} {number}" for library, number in small["environment"].items())
    head = ["| check | expected | found, quick | found, small | source |", "|---|---|---|---|---|"]
    lines = [_row(at_quick.get(check), at_small.get(check)) for check in {**at_quick, **at_small}]
    seeds = {scale: " ".join(map(str, results["seeds"])) for scale, results in (("quick", quick), ("small", small))}
    return "\n".join([*head, *lines, "", f"Seeds: {seeds['quick']} (quick), {seeds['small']} (small). {versions}."])


def _row(quick: Mapping[str, Any] | None, small: Mapping[str, Any] | None) -> str:
    either = quick or small
    assert either is not None
    wanted = f"{either['relation'].replace('=', '') or ''} {either['want']:.5g}".strip()
    within = f" +- {either['tolerance']:.2g}" if either["tolerance"] else ""
    cells = (either["name"], f"{wanted}{within}", _format_check(quick), _format_check(small), either["source"])
    return f"| {' | '.join(cells)} |"


def _format_check(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "-"
    error = "" if check["standard_error"] is None else f" ({check['standard_error']:.1g})"
    return f"{check['got']:.5g}{error}{'' if check['ok'] else ' **outside**'}"


def generated_parts() -> Iterable[tuple[str, str, str]]:
    """Yield the page, the marker and the text of every generated block."""
    yield "theory.md", "conditions", conditions_section(check_values())
    for name in STUDIES:
        yield "studies.md", name, checks_table(name)


def replace_between_markers(page: str, marker: str, text: str) -> None:
    """Write the text between its markers in a page."""
    path = DOCS / page
    path.write_text(replace_block(path.read_text("utf-8"), marker, text), "utf-8")


def draw_figure(name: str) -> None:
    """Run the command of a figure."""
    arguments = [*shlex.split(FIGURES[name]), "--figure", str(FIGURE_FOLDER / f"{name}.svg")]
    subprocess.run([sys.executable, "-m", "winnow.cli.main", *arguments], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures and tables of theory in the documentation.")
    parser.add_argument("--only", choices=("figures", "tables"))
    only = parser.parse_args().only
    if only != "tables":
        for name in FIGURES:
            draw_figure(name)
            print(f"drew docs/figures/{name}.svg")
    if only != "figures":
        for page, marker, text in generated_parts():
            replace_between_markers(page, marker, text)
            print(f"wrote {marker} into docs/explanation/{page}")


if __name__ == "__main__":
    main()
