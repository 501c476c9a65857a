"""Writes the results in docs/explanation/students.md from the rows that two studies recorded.

    winnow reproduce eigenvalues --scale small --record results/studies/eigenvalues-small.json
    winnow reproduce forecast --scale small --record results/studies/forecast-small.json
    python validation/students_page.py --take reproduced

`--take` copies the rows of these runs to results/studies, without times. Without it the page is written again from the
rows that are there. The same rows give the same page. This script runs no study.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from winnow.science.studies.eigenvalues.report import summary_lines as eigenvalue_summary
from winnow.science.studies.forecasts.predictors import group_by_task_and_seed, outcome_deviations, rank_predictors
from winnow.science.studies.forecasts.study import PREDICTORS_CHOSEN_ON
from winnow.science.studies.forecasts.study import summary_lines as forecast_summary
from winnow.science.studies.framework.check import Row, format_rows
from winnow.science.studies.framework.study import write_whole_file
from winnow.statistics.forecasts.students import StudyRecord

ROOT = Path(__file__).resolve().parent.parent
STUDIES = ROOT / "results" / "studies"
PAGE = ROOT / "docs" / "explanation" / "students.md"
SUMMARIES = {"eigenvalues": eigenvalue_summary, "forecast": forecast_summary}


def parse_value(text: str) -> object:
    """Return the value that a cell of a CSV file stands for."""
    if text in ("", "True", "False"):
        return None if not text else text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_csv(file: Path) -> list[Row]:
    """Return the rows of a CSV file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [{name: parse_value(text) for name, text in row.items()} for row in csv.DictReader(lines)]


def read_study_rows(name: str) -> list[Row]:
    """Return the committed rows of a study."""
    return read_csv(STUDIES / f"{name}-small.csv")


def copy_rows(name: str, folder: Path) -> None:
    """Copy the rows of a run without times, and without the column `seconds`."""
    rows = [row for row in read_csv(folder / name / "rows.csv") if row.get("what") != "seconds"]
    write_whole_file(
        STUDIES / f"{name}-small.csv",
        format_rows([{k: v for k, v in row.items() if k != "seconds"} for row in rows], "csv"),
    )


def study_block(name: str) -> Iterator[str]:
    """Yield the summary of a study and its checks as a block of text."""
    results = json.loads((STUDIES / f"{name}-small.json").read_text("utf-8"))
    versions = ", ".join(f"{library} {version}" for library, version in results["environment"].items())
    yield "```text"
    yield from (line.rstrip() for line in SUMMARIES[name](read_study_rows(name)) if line)
    yield ""
    for check in results["checks"]:
        mark = "ok " if check["ok"] else "NOT"
        yield f"{mark} {check['name']}: {check['got']:.3f} {check['relation']} {check['want']:g} ({check['source']})"
    yield "```"
    yield ""
    if name == "forecast":
        yield f"`winnow forecast` reports the following record, taken from this table: {forecast_record().summary()}."
        yield ""
    yield f"Seeds: {', '.join(map(str, results['seeds']))}. {versions}."


def forecast_record() -> StudyRecord:
    """Return the record that `winnow forecast` states, from the tasks on which no predictor was chosen."""
    unseen = [row for row in read_study_rows("forecast") if row["task"] != PREDICTORS_CHOSEN_ON]
    rankings = {entry.predictor: entry for entry in rank_predictors(unseen, unseen[0]["clear"])}
    shares = {
        name: round(rankings[name].pairs_right / rankings[name].pairs, 2)
        for name in ("precision", "precision_served", "p_star")
    }
    return StudyRecord(
        students=len(unseen),
        generators=len(group_by_task_and_seed(unseen)),
        tasks=len({row["task"] for row in unseen}),
        pairs=rankings["precision"].pairs,
        by_share_right=shares["precision"],
        by_right_and_served=shares["precision_served"],
        by_p_star=shares["p_star"],
        mean_error=round({entry.number: entry for entry in outcome_deviations(unseen)}["precision"].error, 2),
    )


def rewrite_page_text(text: str, names: Sequence[str] = tuple(SUMMARIES)) -> str:
    """Return the page with the part of each study written again."""
    for name in names:
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        block = "\n".join(study_block(name))
        text = f"{before}{begin}\n{block}\n{end}{rest.split(end)[1]}"
    return text


def main() -> None:
    """Copy rows if requested, then write the page."""
    parser = argparse.ArgumentParser(description="writes docs/explanation/students.md from results/studies")
    parser.add_argument("--take", type=Path, help="a folder with the runs eigenvalues, forecast or both")
    folder = parser.parse_args().take
    for name in SUMMARIES:
        if folder is not None and (folder / name).is_dir():
            copy_rows(name, folder)
    PAGE.write_text(rewrite_page_text(PAGE.read_text("utf-8")), "utf-8")
    print(f"STUDY_RECORD in statistics/forecasts/students.py has to be {forecast_record()}")


if __name__ == "__main__":
    main()
