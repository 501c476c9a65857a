"""Three verifiers of summaries on FRANK: `python validation/real/frank.py FOLDER [--out TABLES]`.

FOLDER holds frank_validation.jsonl.gz. A summary is right when the people who judged it found no factual error (human
Factuality equal to 1, no rounding), the prompt is the article, every summary is labeled and every verifier decides.
FactCC keeps at 0.5, a threshold that was not chosen on this data. BERTScore has none, so it gets the one with the
largest phi - psi on the half of the articles whose hash falls below one half; all three are then judged on the other
half. It ends with 1 if FactCC's phi, psi and p are not those known for this file.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import real_verifiers_page
import workspace
from workspace import Figures, Row, Workspace

from winnow.statistics.card_inputs import Floats, Integers

FILE = "frank_validation.jsonl.gz"
KNOWN = {"phi": 0.835, "psi": 0.367, "p": 0.638}
FACTCC = 0.5
SCORES = {"factcc": "FactCC", "bertscore_reference": "BertScore F1", "bertscore_article": "BertScore P Art"}
COLUMNS = "--prompt article --text summary".split()


def make_rows(work: Workspace) -> list[Row]:
    """Return one row per summary, with its article, its scores and its human label."""
    return [
        {
            "candidate_id": f"{article['hash']}-{candidate['model']}",
            "article": article["hash"],
            "corpus": article["dataset"],
            "model": candidate["model"],
            "summary": candidate["summary"],
            "factuality": candidate["human"]["Factuality"],
            "factual": candidate["human"]["Factuality"] == 1,
            **{f"{name}.score": candidate["metrics"][metric] for name, metric in SCORES.items()},
        }
        for article in work.read_rows(FILE)
        for candidate in article["candidates"]
    ]


def is_threshold_row(row: Row) -> bool:
    """Whether the article belongs to the half on which thresholds are chosen."""
    return workspace.hash_fraction("half", row["article"]) < 0.5


def choose_threshold(rows: list[Row], score: str) -> float:
    """Return the threshold with the largest phi - psi, the lowest if there are several."""
    values: Floats = np.array([row[f"{score}.score"] for row in rows], dtype=np.float64)
    right = np.array([row["factual"] for row in rows])
    cuts = np.unique(values)
    differences = [(values[right] >= cut).mean() - (values[~right] >= cut).mean() for cut in cuts]
    return float(cuts[int(np.argmax(differences))])


def add_verdicts(rows: list[Row], cuts: dict[str, float]) -> list[Row]:
    """Return the rows with the verdict of each score at its threshold."""
    return [
        {**row, **{f"{name}.verdict": "pass" if row[f"{name}.score"] >= cut else "fail" for name, cut in cuts.items()}}
        for row in rows
    ]


def intra_article_correlations(rows: list[Row]) -> list[Figures]:
    """Return the intra-article correlations of being right, and of being kept among right and among wrong summaries."""
    correlations = []
    for corpus in sorted({row["corpus"] for row in rows}):
        corpus_rows = [row for row in rows if row["corpus"] == corpus]
        sides = {
            "right": corpus_rows,
            "kept right": _rows_by_label(corpus_rows, True),
            "kept wrong": _rows_by_label(corpus_rows, False),
        }
        row_of_corpus: dict[str, Any] = {"corpus": corpus}
        for name, part in sides.items():
            outcome = [row["factual"] if name == "right" else row["factcc.score"] >= FACTCC for row in part]
            prompt = np.unique([row["article"] for row in part], return_inverse=True)[1]
            row_of_corpus[name] = intra_prompt_correlation(np.array(outcome, dtype=np.float64), prompt)
        correlations.append(row_of_corpus)
    return correlations


def _rows_by_label(rows: list[Row], right: bool) -> list[Row]:
    return [row for row in rows if row["factual"] == right]


def intra_prompt_correlation(outcome: Floats, prompt: Integers) -> float | None:
    """Return the intra-prompt correlation (method of moments); None without variance or prompts with two rows."""
    deviations = outcome - outcome.mean()
    size, total = np.bincount(prompt), np.bincount(prompt, deviations)
    pairs = float((size * (size - 1)).sum())
    if not pairs or not outcome.var():
        return None
    return float(((total**2).sum() - (deviations**2).sum()) / pairs / outcome.var())


def main() -> None:
    """Write the tables, run the commands and record the results."""
    work = workspace.parse_workspace(__doc__)
    rows = make_rows(work)
    work.write_table("frank.jsonl", rows)
    at_threshold = "--score factcc.score --threshold 0.5".split()
    whole = workspace.measure_verifiers(
        work, "frank.jsonl", *COLUMNS, *at_threshold, "--label", "factual", "--by", "corpus"
    )
    grades = workspace.measure_verifiers(
        work, "frank.jsonl", *COLUMNS, *at_threshold, "--label", "factuality", "--grade-range", "0,1"
    )
    chosen_on = [row for row in rows if is_threshold_row(row)]
    judged_on = [row for row in rows if not is_threshold_row(row)]
    cuts = {name: FACTCC if name == "factcc" else choose_threshold(chosen_on, name) for name in SCORES}
    work.write_table("judged.jsonl", add_verdicts(judged_on, cuts))
    side_by_side = workspace.measure_verifiers(
        work, "judged.jsonl", *COLUMNS, "--verdict", ",".join(SCORES), "--label", "factual", "--by", "corpus"
    )
    halves = {
        name: {"articles": len({row["article"] for row in part}), "summaries": len(part)}
        for name, part in (("chosen_on", chosen_on), ("judged_on", judged_on))
    }
    figures = {"whole": whole, "grades": grades, "thresholds": cuts, "halves": halves, "side_by_side": side_by_side}
    real_verifiers_page.write_figures(work, "frank", {**figures, "alike": intra_article_correlations(rows)})
    missed = [name for name, expected in KNOWN.items() if abs(whole["cards"][0][name]["value"] - expected) > 0.0005]
    if missed:
        sys.exit(f"{', '.join(missed)} differ from what is known for this file: {KNOWN}")


if __name__ == "__main__":
    main()
