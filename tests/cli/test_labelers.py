"""Labels by several people through the command: the majority counts, ties do not, agreement and errors are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import winnow as package

PEOPLE = ("ann", "bob", "cy")
ERROR = 0.15
ROWS = 400


@pytest.fixture
def right(tmp_path: Path) -> Any:
    """A table of 200 prompts with a verifier of phi .8 and psi .3, and who is right."""
    rng = np.random.default_rng(0)
    truth = rng.random(ROWS) < 0.5
    kept = rng.random(ROWS) < np.where(truth, 0.8, 0.3)
    rows = [
        {"candidate_id": f"c{i}", "prompt_id": f"p{i // 2}", "v.verdict": "pass" if kept[i] else "fail"}
        for i in range(ROWS)
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return truth


def said(truth: np.ndarray, people: int, seed: int) -> np.ndarray:
    flip = np.random.default_rng(seed).random((people, ROWS)) < ERROR
    return np.where(flip, ~truth, truth).astype(np.int64)


def long(path: Path, labels: np.ndarray) -> None:
    lines = [f"c{i},{PEOPLE[who]},{labels[who, i]}" for i in range(ROWS) for who in range(len(labels))]
    path.write_text("\n".join(["candidate_id,by,correct", *lines]) + "\n")


def wide(path: Path, labels: np.ndarray) -> None:
    lines = [f"c{i}," + ",".join(str(one) for one in labels[:, i]) for i in range(ROWS)]
    path.write_text("\n".join([f"candidate_id,{','.join(PEOPLE[: len(labels)])}", *lines]) + "\n")


def measured(winnow: Any, *arguments: str) -> dict[str, Any]:
    done = winnow("measure", "t.jsonl", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    card: dict[str, Any] = json.loads(done.stdout)
    return card


def test_a_row_for_each_label_and_a_column_for_each_person_give_the_same_card(
    winnow: Any, right: Any, tmp_path: Path
) -> None:
    labels = said(right, 3, 1)
    long(tmp_path / "long.csv", labels)
    wide(tmp_path / "wide.csv", labels)
    one = measured(winnow, "--labels", "long.csv")
    other = measured(winnow, "--labels", "wide.csv", "--labelers", "ann,bob,cy")
    assert {**one, "label": ""} == {**other, "label": ""}
    assert (one["label"], one["labelers"]["names"], one["labelers"]["rows"]) == ("correct", list(PEOPLE), ROWS)


def test_the_majority_is_the_label_and_agreement_is_told(winnow: Any, right: Any, tmp_path: Path) -> None:
    labels = said(right, 3, 1)
    wide(tmp_path / "wide.csv", labels)
    (tmp_path / "one.csv").write_text(
        "candidate_id,correct\n" + "".join(f"c{i},{int(labels[:, i].sum() > 1)}\n" for i in range(ROWS))
    )
    many, single = (
        measured(winnow, "--labels", "wide.csv", "--labelers", "ann,bob,cy"),
        measured(winnow, "--labels", "one.csv"),
    )
    for name in ("phi", "psi", "precision", "decision", "labels", "prompts_served"):
        assert many[name] == single[name]
    pairs = [(labels[a] == labels[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))]
    told = many["labelers"]
    assert told["agreement"]["value"] == pytest.approx(np.mean(pairs))
    assert 0 < told["kappa"]["value"] < told["agreement"]["value"]
    assert told["error"]["low"] < ERROR < told["error"]["high"]
    assert single["labelers"] is None


def test_a_row_whose_labels_tie_counts_as_unlabeled(winnow: Any, right: Any, tmp_path: Path) -> None:
    labels = said(right, 2, 2)
    wide(tmp_path / "wide.csv", labels)
    card = measured(winnow, "--labels", "wide.csv", "--labelers", "ann,bob")
    ties = int((labels[0] != labels[1]).sum())
    assert (card["labelers"]["ties"], card["labeled"]) == (ties, ROWS - ties)


def test_freed_of_label_errors_phi_and_psi_are_nearer_to_the_truth(winnow: Any, right: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    flip = rng.random((3, ROWS)) < 0.3
    wide(tmp_path / "wide.csv", np.where(flip, ~right, right).astype(int))
    card = measured(winnow, "--labels", "wide.csv", "--labelers", "ann,bob,cy")
    (tmp_path / "truth.csv").write_text(
        "candidate_id,correct\n" + "".join(f"c{i},{int(right[i])}\n" for i in range(ROWS))
    )
    truth, free = measured(winnow, "--labels", "truth.csv"), card["labelers"]["corrected"]
    for name in ("phi", "psi"):
        assert abs(free[name]["value"] - truth[name]["value"]) < abs(card[name]["value"] - truth[name]["value"])
        assert free[name]["low"] < truth[name]["value"] < free[name]["high"]
    assert "independently" in card["labelers"]["assumption"]


def test_grades_by_several_people_need_a_rule(winnow: Any, right: Any, tmp_path: Path) -> None:
    long(tmp_path / "long.csv", 1 + 4 * said(right, 2, 1))
    (tmp_path / "long.csv").write_text((tmp_path / "long.csv").read_text().replace("correct", "grade"))
    given = ("--labels", "long.csv", "--label", "grade")
    ruled = measured(winnow, *given, "--right-if", "grade>=4")
    assert ruled["labelers"]["rows"] == ROWS
    for more in ((), ("--grade-range", "1,5")):
        done = winnow("measure", "t.jsonl", *given, *more)
        assert done.returncode == 2 and "--right-if 'grade>=NUMBER'" in done.stderr


def test_a_person_who_labels_a_row_twice_is_refused_with_the_line(winnow: Any, right: Any, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("candidate_id,by,correct\nc1,ann,1\nc1,bob,1\nc1,ann,0\n")
    done = winnow("measure", "t.jsonl", "--labels", "l.csv")
    assert done.returncode == 2 and "l.csv:4" in done.stderr and "with the same by" in done.stderr


def test_columns_of_people_that_are_one_or_none_are_refused(winnow: Any, right: Any, tmp_path: Path) -> None:
    wide(tmp_path / "wide.csv", said(right, 2, 1))
    for columns in ("ann", "ann,ann", "ann,dora"):
        done = winnow("measure", "t.jsonl", "--labels", "wide.csv", "--labelers", columns)
        assert done.returncode == 2 and "Traceback" not in done.stderr


def test_people_who_label_other_rows_each_give_a_card_and_no_agreement(tmp_path: Path, right: Any) -> None:
    labels = [
        {"candidate_id": f"c{i}", "by": PEOPLE[i % 3], "correct": bool(right[i])} for i in range(ROWS) if i % 4 == 0
    ]
    card = package.measure(tmp_path / "t.jsonl", labels=labels).to_dict()
    assert card["labeled"] == len(labels)
    assert card["labelers"]["agreement"]["value"] is None and "two people" in card["labelers"]["why"]
