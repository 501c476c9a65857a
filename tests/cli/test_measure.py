"""The command measure: its document is that of the report, limits set the exit code, and errors are one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import winnow as package
from tests.stages.measure.labeled_tables import ROWS, label_rows, write_rows


@pytest.fixture
def table(tmp_path: Path) -> Path:
    label_rows(tmp_path / "labels.csv")
    return write_rows(tmp_path / "t.jsonl", ROWS)


def test_the_document_is_that_of_the_python_function(winnow: Any, table: Path) -> None:
    options = ("--by", "kind", "--labels-drawn", "by-verdict", "--w", "0.4", "--classes", "2", "--seed", "4")
    done = winnow("measure", "t.jsonl", "--labels", "labels.csv", *options, "--json")
    assert done.returncode == 0, done.stderr
    report = package.measure(
        table, labels=table.with_name("labels.csv"), by="kind", labels_drawn="by-verdict", w=0.4, classes=2, seed=4
    )
    document = json.loads(done.stdout)
    assert (document.pop("command"), document.pop("winnow")) == ("measure", package.__version__)
    assert document == json.loads(json.dumps(report.to_dict()))
    assert report.describe().splitlines()[1].strip() in done.stderr


def test_a_limit_that_is_not_met_ends_with_1_and_is_in_the_document(winnow: Any, table: Path) -> None:
    command = ("measure", "t.jsonl", "--labels", "labels.csv")
    assert winnow(*command, "--gate", "--require", "precision.low>=0.8").returncode == 0
    missed = winnow(*command, "--require", "precision.low>=0.95", "--json")
    assert missed.returncode == 1
    assert "precision.low is 0.8" in json.loads(missed.stdout)["unmet"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--require", "precison.low>=1"), "--require: 'precison.low' is not a number of the card. Did you mean"),
        (("--require", "precision"), "--require: 'precision' is not a rule"),
        (("--require", "prompts_served.why>=1"), "--require: 'prompts_served.why' is not a number of the card"),
        (("--labels-drawn", "by-hand"), "--labels-drawn: 'by-hand' is not one of 'random', 'by-verdict', 'by-label'"),
        (("--holdout", "1"), "--holdout: 1.0 must be below 1"),
        (("--look",), "--look: there is no holdout to look at. Say which share is held out: --holdout 0.5"),
        (("--grade-range", "5"), "--grade-range: '5' must be two numbers, the lowest grade and the highest"),
        (("--by", "kinds"), "--by: 'kinds' is not a column of t.jsonl. Did you mean 'kind'"),
        (("--verdict", "x"), "--verdict: 'x' is not a column of verdicts in t.jsonl"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(
    winnow: Any, table: Path, options: tuple[str, ...], message: str
) -> None:
    done = winnow("measure", "t.jsonl", "--labels", "labels.csv", *options)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert message in done.stderr


def test_a_table_without_verdicts_is_refused(winnow: Any, table: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "u.jsonl", [{"candidate_id": "c0", "text": "a", "correct": 1}])
    done = winnow("measure", "u.jsonl")
    assert done.returncode == 2 and "u.jsonl has no verdicts" in done.stderr
