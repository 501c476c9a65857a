"""Five weak metrics of FRANK in one: `python proofs/real/frank_combine.py FOLDER [--out TABLES]`.

FOLDER holds frank_validation.jsonl.gz. A summary is right when the people who judged it found no factual error (human
Factuality equal to 1, no rounding), and the prompt is the article. Without labels each metric is cut at its own
median: half of the summaries pass, whatever share is right, and the share right is found from the votes. Beside the
combined verdict stand the majority of the same votes and each metric alone at the same cut; and what labels add: the
same five learned from all of them, each article judged by a fit to the others.

Writes results/real/frank_combine.json and its part of docs/combining.md. It ends with 1 if combining without labels is
no better than the majority and every metric alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import workspace
from real_verifiers_page import command_block, markdown_table
from workspace import ROOT, Figures, Row, Workspace

from winnow.statistics.combine import majority_vote, threshold_scores

FILE = "frank_validation.jsonl.gz"
METRICS = ("FactCC", "QAGS", "BertScore P Art", "Rouge L", "Meteor")
COMMAND = ("frank.jsonl", "--prompt", "article", "--text", "summary", "--scores", ",".join(METRICS))
LEARNED = ("--label", "factual")
PAGE = ROOT / "docs" / "combining.md"
BEGIN, END = "<!-- frank: begin -->", "<!-- frank: end -->"


def make_rows(work: Workspace) -> list[Row]:
    """One row per summary, with its article, the five metrics and whether people found it right."""
    return [
        {
            "candidate_id": f"{article['hash']}-{one['model']}",
            "article": article["hash"],
            "summary": one["summary"],
            **{name: one["metrics"][name] for name in METRICS},
            "factual": one["human"]["Factuality"] == 1,
        }
        for article in work.read_rows(FILE)
        for one in article["candidates"]
    ]


def agreement_shares(rows: list[Row]) -> dict[str, float]:
    """How often each verdict that reads no label is the people's."""
    right = np.array([row["factual"] for row in rows])
    votes = threshold_scores([[row[name] for name in METRICS] for row in rows])
    verdicts = {
        "combined without labels": np.array([row["combined.verdict"] == "pass" for row in rows]),
        "majority": majority_vote(votes, METRICS).verdict == "pass",
        **{f"{name} alone": votes[:, k] == 1 for k, name in enumerate(METRICS)},
    }
    return {name: float(np.mean(passed == right)) for name, passed in verdicts.items()}


def page_part(figures: Figures) -> Iterator[str]:
    """What the documentation says of it."""
    yield command_block(figures["command"])
    yield (
        f"{figures['rows']} summaries of {figures['articles']} articles, {figures['right']['labels']:.1%} of them "
        "right. Share of verdicts that are the people's, no label read:"
    )
    yield markdown_table(("verdict", "share"), ((name, f"{share:.4f}") for name, share in figures["shares"].items()))
    believed, found = figures["precision"]["believed"], figures["precision"]["labels"]
    low, high = figures["right"]["low"], figures["right"]["high"]
    inside = low <= figures["right"]["labels"] <= high
    yield (
        f"The report believes that {believed:.0%} of what it keeps is right; the labels say {found:.0%}. It "
        f"believes that {figures['right']['believed']:.0%} ({low:.0%} to {high:.0%}) of all summaries are right"
        f"{', and so do the labels' if inside else ', which they are not'}. Its notes say why: "
        f"{'; '.join(figures['notes']) or 'there are none'}."
    )
    yield "With all labels, each article judged by a fit to the others, the same five and the best of them alone:"
    yield command_block(figures["learned_command"])
    yield markdown_table(("verdict", "share"), ((name, f"{share:.4f}") for name, share in figures["learned"].items()))


def compute_figures(work: Workspace) -> Figures:
    """Make the table, combine it twice, and gather the figures."""
    rows = make_rows(work)
    work.write_table("frank.jsonl", rows)
    blind = work.run_winnow("combine", *COMMAND, "--out", "combined.jsonl")
    lines = (work.tables / "combined.jsonl").read_text(encoding="utf-8").splitlines()
    combined: list[Any] = [json.loads(line) for line in lines]
    learned = work.run_winnow("combine", *COMMAND, *LEARNED)
    chosen = (learned["name"], f"majority of {len(METRICS)}", learned["best_single"])
    kept = [row["factual"] for row in combined if row["combined.verdict"] == "pass"]
    believed = blind["right"]
    return {
        "command": workspace.format_command(("combine", *COMMAND, "--out", "combined.jsonl")),
        "rows": len(rows),
        "articles": len({row["article"] for row in rows}),
        "shares": agreement_shares(combined),
        "precision": {"believed": blind["estimated"]["precision"], "labels": float(np.mean(kept))},
        "right": {
            "believed": believed["value"],
            "low": believed["low"],
            "high": believed["high"],
            "labels": float(np.mean([row["factual"] for row in rows])),
        },
        "notes": [warned["words"] for warned in blind["warnings"]],
        "learned_command": workspace.format_command(("combine", *COMMAND, *LEARNED)),
        "learned": {name: learned["accuracy"][name] for name in chosen},
    }


def main() -> None:
    """Keep the figures and, where they are the project's own, the page's part; end with 1 if nothing was gained."""
    work = workspace.parse_workspace(__doc__)
    figures = workspace.round_numbers(compute_figures(work))
    if work.write_figures("frank_combine", figures):
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        middle = "\n\n".join(page_part(figures))
        PAGE.write_text(f"{before}{BEGIN}\n{middle}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    for name, share in figures["shares"].items():
        print(f"{name}: {share:.4f}")
    first, *others = figures["shares"].values()
    if first <= max(others):
        sys.exit("combining without labels gained nothing")


if __name__ == "__main__":
    main()
