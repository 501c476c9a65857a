"""Labels by several people: the majority counts, ties do not, and agreement and label errors are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import winnow
from tests.stages.measure.labeled_tables import write_labels

PEOPLE = ("ann", "bob", "cy")
ERROR = 0.15
COUNT = 400
Labels = np.ndarray[Any, Any]

_rng = np.random.default_rng(0)
TRUTH = _rng.random(COUNT) < 0.5
_kept = _rng.random(COUNT) < np.where(TRUTH, 0.8, 0.3)
ROWS = [
    {"candidate_id": f"c{i}", "prompt_id": f"p{i // 2}", "v.verdict": "pass" if _kept[i] else "fail"}
    for i in range(COUNT)
]
"""200 prompts, judged by a verifier with phi 0.8 and psi 0.3."""


def labels_with_errors(people: int, seed: int, error: float = ERROR) -> Labels:
    flip = np.random.default_rng(seed).random((people, COUNT)) < error
    return np.where(flip, ~TRUTH, TRUTH).astype(np.int64)


def write_long(path: Path, labels: Labels, name: str = "correct") -> Path:
    """A row for each label, with the person in the column `by`."""
    lines = [f"c{i},{PEOPLE[who]},{labels[who, i]}" for i in range(COUNT) for who in range(len(labels))]
    path.write_text("\n".join([f"candidate_id,by,{name}", *lines]) + "\n")
    return path


def write_wide(path: Path, labels: Labels) -> Path:
    """A column for each person."""
    lines = [f"c{i}," + ",".join(str(label) for label in labels[:, i]) for i in range(COUNT)]
    path.write_text("\n".join([f"candidate_id,{','.join(PEOPLE[: len(labels)])}", *lines]) + "\n")
    return path


def card_of(**options: Any) -> dict[str, Any]:
    return winnow.measure(ROWS, **options).to_dict()


def test_a_row_for_each_label_and_a_column_for_each_person_give_the_same_card(tmp_path: Path) -> None:
    labels = labels_with_errors(3, 1)
    long = card_of(labels=write_long(tmp_path / "long.csv", labels))
    wide = card_of(labels=write_wide(tmp_path / "wide.csv", labels), labelers="ann,bob,cy")
    assert {**long, "label": ""} == {**wide, "label": ""}
    assert (long["label"], long["labelers"]["names"], long["labelers"]["rows"]) == ("correct", list(PEOPLE), COUNT)


def test_the_majority_is_the_label_and_agreement_is_reported(tmp_path: Path) -> None:
    labels = labels_with_errors(3, 1)
    many = card_of(labels=write_wide(tmp_path / "wide.csv", labels), labelers=list(PEOPLE))
    majority = ((f"c{i}", labels[:, i].sum() > 1) for i in range(COUNT))
    single = card_of(labels=write_labels(tmp_path / "one.csv", majority))
    for name in ("phi", "psi", "precision", "decision", "labels", "prompts_served"):
        assert many[name] == single[name]
    pairs = [(labels[a] == labels[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))]
    agreement = many["labelers"]
    assert agreement["agreement"]["value"] == pytest.approx(np.mean(pairs))
    assert 0 < agreement["kappa"]["value"] < agreement["agreement"]["value"]
    assert agreement["error"]["low"] < ERROR < agreement["error"]["high"]
    assert single["labelers"] is None


def test_a_row_whose_labels_tie_counts_as_unlabeled(tmp_path: Path) -> None:
    labels = labels_with_errors(2, 2)
    card = card_of(labels=write_wide(tmp_path / "wide.csv", labels), labelers="ann,bob")
    ties = int((labels[0] != labels[1]).sum())
    assert (card["labelers"]["ties"], card["labeled"]) == (ties, COUNT - ties)


def test_correction_for_label_errors_brings_phi_and_psi_nearer_to_the_truth(tmp_path: Path) -> None:
    card = card_of(labels=write_wide(tmp_path / "wide.csv", labels_with_errors(3, 5, 0.3)), labelers="ann,bob,cy")
    truth = card_of(labels=write_labels(tmp_path / "truth.csv", ((f"c{i}", TRUTH[i]) for i in range(COUNT))))
    corrected = card["labelers"]["corrected"]
    for name in ("phi", "psi"):
        true_value = truth[name]["value"]
        assert abs(corrected[name]["value"] - true_value) < abs(card[name]["value"] - true_value)
        assert corrected[name]["low"] < true_value < corrected[name]["high"]
    assert "independently" in card["labelers"]["assumption"]


def test_grades_by_several_people_need_a_rule(tmp_path: Path) -> None:
    labels = write_long(tmp_path / "long.csv", 1 + 4 * labels_with_errors(2, 1), "grade")
    ruled = card_of(labels=labels, label="grade", right_if="grade>=4")
    assert ruled["labelers"]["rows"] == COUNT
    for more in ({}, {"grade_range": "1,5"}):
        with pytest.raises(winnow.UsageError, match="right_if 'grade>=NUMBER'"):
            card_of(labels=labels, label="grade", **more)


def test_a_person_who_labels_a_row_twice_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("candidate_id,by,correct\nc1,ann,1\nc1,bob,1\nc1,ann,0\n")
    with pytest.raises(winnow.WinnowError, match="l.csv:4.* with the same by"):
        card_of(labels=tmp_path / "l.csv")


@pytest.mark.parametrize("columns", ["ann", "ann,ann", "ann,dora"])
def test_columns_of_fewer_than_two_people_are_refused(tmp_path: Path, columns: str) -> None:
    with pytest.raises(winnow.UsageError):
        card_of(labels=write_wide(tmp_path / "wide.csv", labels_with_errors(2, 1)), labelers=columns)


def test_people_who_label_different_rows_give_a_card_without_agreement() -> None:
    labels = [
        {"candidate_id": f"c{i}", "by": PEOPLE[i % 3], "correct": bool(TRUTH[i])} for i in range(COUNT) if i % 4 == 0
    ]
    card = card_of(labels=labels)
    assert card["labeled"] == len(labels)
    assert card["labelers"]["agreement"]["value"] is None and "two people" in card["labelers"]["why"]
