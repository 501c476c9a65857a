"""The figures and tables of theory in the documentation: `python proofs/theory_pages.py [--only figures|tables]`.

Figures are drawn by `winnow simulate`, the very commands the page shows; tables and the numbers in the text are those
of results/studies, which `winnow reproduce NAME --record FILE` wrote. It computes nothing of its own.
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

ROOT = Path(__file__).resolve().parent.parent
DOCS, RESULTS = ROOT / "docs", ROOT / "results" / "studies"
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

With flips, phi = 1 and psi = 1/4 (p* = .8), the student is right {flips, p=0.76: accuracy:.1%} of the time at p = .76
and {flips, p=0.84: accuracy:.1%} at p = .84. With the labels of a linear generator and the same p, phi and psi there
is no step: at p = .6, well below p*, it is right {linear labels, p=0.6: accuracy, far from 1:.1%} of the time. If a
linear verifier chooses by agreement, rows without end lead to the bisector of generator and verifier: a perfect
verifier leaves an error of {linear labels, perfect verifier: error:.3f}, where th_g / 2 pi = .125.""",
    "drift": """### Logistic loss drifts back to the generator

{drift}

Labels of a linear generator (right {drift: generator's accuracy:.4f}), chosen by an oracle; Bayes is
{drift: Bayes:.4f}. With next to no penalty the student of 1,000 rows is right {logistic, n=1000: accuracy:.4f}, that
of 150,000 rows {logistic, n=150000: accuracy:.4f}: all rows it is shown are right, but they can be parted by the
generator's own plane, and so in the end they are.""",
    "editing": """### The bound 2 b of token editing fails in the exact process

{editing}

All rows edited at once end at {edit, all rows once, in b:.2f} b, as claimed. Twenty disjoint blocks of 5% end at
{edit, 20 blocks of 5%, in b:.2f} b (d = 32: {edit, 20 blocks of 5%, d=32, in b:.2f} b), five blocks that are half of
the rows at {edit, 5 blocks, 0.5 of all rows, in b:.2f} b. New rows every round let the error grow without end; the
same rows every round let it settle. The proof needs each row edited at most once and drops a hat matrix: an edited
label carries the noise of all labels, edited or not, into the next fit.""",
    "open-answers": """### p* decides nothing for open answers

{open-answers}

In the game of 24 a verifier with phi .95 and psi .10 works on answers of which .04 are right. p* - p is
{game of 24: margin p* - p:.3f}, so by p* it harms; yet {game of 24: kept share right:.3f} of what it keeps is right,
{game of 24: times cleaner:.1f} times as much. What turns at a point is the commonest kept answer of a prompt, and its
point is p*_w = phi / (phi + w psi), w the share of the commonest wrong answer among the wrong: between p* and p*_w it
is right in {open answers between p* and p*_w: commonest kept right:.0%} of prompts, beyond p*_w in
{open answers beyond p*_w: commonest kept right:.0%}. A student that samples follows the kept share, a greedy one the
commonest answer. Hence `winnow measure` prints both numbers and says that p* decides nothing there.""",
}


def read_results(name: str, scale: str) -> dict[str, Any]:
    """What `winnow reproduce` recorded."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}-{scale}.json").read_text("utf-8"))
    return found


def check_values() -> dict[str, float]:
    """What was found, by the name of the check; the larger scale where both ran it."""
    return {
        check["name"]: check["got"]
        for scale in SCALES
        for name in STUDIES
        for check in read_results(name, scale)["checks"]
    }


def figure_block(name: str) -> str:
    """How a page shows a figure: the command and the picture."""
    return f"```sh\nwinnow {FIGURES[name]} --figure {name}.svg\n```\n\n![{name}](figures/{name}.svg)"


def conditions_section(found: Mapping[str, float]) -> str:
    """The four results with their figures, commands and numbers."""
    return "\n\n".join(_fill_template(text, found) for text in CONDITIONS.values())


def _fill_template(text: str, found: Mapping[str, float]) -> str:
    """The text with {name} a figure and {name of a check:format} what was found."""
    parts = text.replace("}", "{").split("{")
    for index in range(1, len(parts), 2):
        name, _, form = parts[index].rpartition(":")
        parts[index] = figure_block(parts[index]) if parts[index] in FIGURES else format(found[name], form)
    return "\n\n".join(_wrap_paragraph(paragraph) for paragraph in "".join(parts).split("\n\n"))


def _wrap_paragraph(paragraph: str) -> str:
    return paragraph if paragraph.startswith(("#", "`", "!")) else textwrap.fill(" ".join(paragraph.split("\n")), 120)


def checks_table(name: str) -> str:
    """Every check of a study: what is wanted, what was found at quick and at small."""
    quick, small = (read_results(name, scale) for scale in SCALES)
    at_small = {check["name"]: check for check in small["checks"]}
    at_quick = {check["name"]: check for check in quick["checks"]}
    versions = ", ".join(f"{library} {number}" for library, number in small["environment"].items())
    head = ["| check | wanted | quick | small | source |", "|---|---|---|---|---|"]
    lines = [_row(at_quick.get(check), at_small.get(check)) for check in {**at_quick, **at_small}]
    seeds = {scale: " ".join(map(str, one["seeds"])) for scale, one in (("quick", quick), ("small", small))}
    return "\n".join([*head, *lines, "", f"Seeds {seeds['quick']} at quick, {seeds['small']} at small; {versions}."])


def _row(quick: Mapping[str, Any] | None, small: Mapping[str, Any] | None) -> str:
    either = quick or small
    assert either is not None
    wanted = f"{either['relation'].replace('=', '') or ''} {either['want']:.5g}".strip()
    within = f" +- {either['tolerance']:.2g}" if either["tolerance"] else ""
    return f"| {either['name']} | {wanted}{within} | {_format_check(quick)} | {_format_check(small)} | {either['source']} |"


def _format_check(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "-"
    error = "" if check["standard_error"] is None else f" ({check['standard_error']:.1g})"
    return f"{check['got']:.5g}{error}{'' if check['ok'] else ' **not**'}"


def generated_parts() -> Iterable[tuple[str, str, str]]:
    """Page, marker and text of everything that is generated."""
    yield "theory.md", "conditions", conditions_section(check_values())
    for name in STUDIES:
        yield "studies.md", name, checks_table(name)


def replace_between_markers(page: str, marker: str, text: str) -> None:
    """Put the text between its marks in a page."""
    path = DOCS / page
    before, rest = path.read_text("utf-8").split(f"<!-- {marker}: begin -->\n")
    after = rest.split(f"<!-- {marker}: end -->")[1]
    path.write_text(f"{before}<!-- {marker}: begin -->\n{text}\n<!-- {marker}: end -->{after}", "utf-8")


def draw_figure(name: str) -> None:
    """Run the command of a figure."""
    arguments = [*shlex.split(FIGURES[name]), "--figure", str(DOCS / "figures" / f"{name}.svg")]
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
            print(f"wrote {marker} into docs/{page}")


if __name__ == "__main__":
    main()
