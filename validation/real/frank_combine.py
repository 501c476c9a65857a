"""Combines five weak metrics of FRANK: `python validation/real/frank_combine.py FOLDER [--out TABLES]`.

FOLDER contains frank_validation.jsonl.gz. A summary is right if people found no factual error in it (human Factuality
equal to 1, without rounding), and the prompt is the article. Without labels, each metric is cut at its own median. The
result is compared with the majority of the same votes, with each metric alone at the same threshold, and with the
combination learned from all labels, where each article is judged by a fit to the others.

Writes results/real/frank_combine.json and its part of docs/explanation/combining.md. Exits with 1 if combining without
labels is no better than the majority and every metric alone.
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

from winnow.statistics.combine.combination import majority_vote
from winnow.statistics.combine.vote_patterns import threshold_scores

FILE = "frank_validation.jsonl.gz"
METRICS = ("FactCC", "QAGS", "BertScore P Art", "Rouge L", "Meteor")
COMMAND = ("frank.jsonl", "--prompt", "article", "--text", "summary", "--scores", ",".join(METRICS))
LEARNED = ("--label", "factual")
PAGE = ROOT / "docs" / "explanation" / "combining.md"


def make_rows(work: Workspace) -> list[Row]:
    """Return one row per summary, with its article, the five metrics and its human label."""
    return [
        {
            "candidate_id": f"{article['hash']}-{candidate['model']}",
            "article": article["hash"],
            "summary": candidate["summary"],
            **{name: candidate["metrics"][name] for name in METRICS},
            "factual": candidate["human"]["Factuality"] == 1,
        }
        for article in work.read_rows(FILE)
        for candidate in article["candidates"]
    ]


def agreement_shares(rows: list[Row]) -> dict[str, float]:
    """Return the share of verdicts that agree with people, for each method that uses no labels."""
    right = np.array([row["factual"] for row in rows])
    votes = threshold_scores([[row[name] for name in METRICS] for row in rows])
    verdicts = {
        "combined without labels": np.array([row["combined.verdict"] == "pass" for row in rows]),
        "majority": majority_vote(votes, METRICS).verdict == "pass",
        **{f"{name} alone": votes[:, k] == 1 for k, name in enumerate(METRICS)},
    }
    return {name: float(np.mean(passed == right)) for name, passed in verdicts.items()}


def page_part(figures: Figures) -> Iterator[str]:
    """Yield the paragraphs of the page."""
    yield command_block(figures["command"])
    yield (
        f"{figures['rows']} summaries of {figures['articles']} articles, of which {figures['right']['labels']:.1%} are "
        "right. Share of verdicts that agree with people, combined without labels:"
    )
    yield markdown_table(("verdict", "share"), ((name, f"{share:.4f}") for name, share in figures["shares"].items()))
    estimated, labeled = figures["precision"]["believed"], figures["precision"]["labels"]
    low, high = figures["right"]["low"], figures["right"]["high"]
    inside = low <= figures["right"]["labels"] <= high
    yield (
        f"The report estimates that {estimated:.0%} of the kept summaries are right. By the labels it is "
        f"{labeled:.0%}. It "
        f"estimates that {figures['right']['believed']:.0%} ({low:.0%} to {high:.0%}) of all summaries are right, "
        "and the "
        f"labels {'agree' if inside else 'disagree'}. The report warns: {'; '.join(figures['notes']) or 'nothing'}."
    )
    yield "Combined with all labels, where each article is judged by a fit to the other articles:"
    yield command_block(figures["learned_command"])
    yield markdown_table(("verdict", "share"), ((name, f"{share:.4f}") for name, share in figures["learned"].items()))


def rewrite_page_text(text: str, figures: Figures) -> str:
    """Return the page with its results written again."""
    begin, end = "<!-- frank: begin -->", "<!-- frank: end -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n" + "\n\n".join(page_part(figures)) + f"\n{end}{rest.split(end)[1]}"


def compute_figures(work: Workspace) -> Figures:
    """Write the table, combine the metrics with and without labels, and return the results."""
    rows = make_rows(work)
    work.write_table("frank.jsonl", rows)
    unlabeled = work.run_winnow("combine", *COMMAND, "--out", "combined.jsonl")
    lines = (work.tables / "combined.jsonl").read_text(encoding="utf-8").splitlines()
    combined: list[Any] = [json.loads(line) for line in lines]
    learned = work.run_winnow("combine", *COMMAND, *LEARNED)
    chosen = (learned["name"], f"majority of {len(METRICS)}", learned["best_single"])
    kept = [row["factual"] for row in combined if row["combined.verdict"] == "pass"]
    estimated = unlabeled["right"]
    return {
        "command": workspace.format_command(("combine", *COMMAND, "--out", "combined.jsonl")),
        "rows": len(rows),
        "articles": len({row["article"] for row in rows}),
        "shares": agreement_shares(combined),
        "precision": {"believed": unlabeled["estimated"]["precision"], "labels": float(np.mean(kept))},
        "right": {
            "believed": estimated["value"],
            "low": estimated["low"],
            "high": estimated["high"],
            "labels": float(np.mean([row["factual"] for row in rows])),
        },
        "notes": [warning["words"] for warning in unlabeled["warnings"]],
        "learned_command": workspace.format_command(("combine", *COMMAND, *LEARNED)),
        "learned": {name: learned["accuracy"][name] for name in chosen},
    }


def main() -> None:
    """Write the results and the page; exit with 1 if combining gained nothing."""
    work = workspace.parse_workspace(__doc__)
    figures = workspace.round_numbers(compute_figures(work))
    if work.write_figures("frank_combine", figures):
        PAGE.write_text(rewrite_page_text(PAGE.read_text("utf-8"), figures), "utf-8")
    for name, share in figures["shares"].items():
        print(f"{name}: {share:.4f}")
    first, *others = figures["shares"].values()
    if first <= max(others):
        sys.exit("combining without labels gained nothing")


if __name__ == "__main__":
    main()
