"""The card of a verifier: its rates, decision, slices, weights and comparison with other verifiers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.stages.measure.labeled_tables import (
    GROUPED_ROWS,
    RIGHT_OF_DROPPED,
    ROWS,
    label_grouped,
    label_rows,
    write_labels,
    write_rows,
)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return label_rows(tmp_path / "labels.csv")


def card_of(table: Any, **options: Any) -> dict[str, Any]:
    return winnow.measure(table, **options).to_dict()


def test_the_rates_follow_from_the_keep_rate_and_the_shares_right_of_kept_and_dropped_rows(labels: Path) -> None:
    card = card_of(ROWS, labels=labels)
    assert (card["n"], card["labeled"], card["kept"], card["decided"], card["prompts"]) == (200, 200, 100, 200, 200)
    for name, value in {
        "phi": 90 / 110,
        "psi": 10 / 90,
        "p": 90 / 200,
        "precision": 0.9,
        "uplift": 0.9 - 0.55,
        "keep_rate": 0.5,
        "p_star": (90 / 110) / (90 / 110 + 10 / 90),
    }.items():
        assert card[name]["value"] == pytest.approx(value)
        assert card[name]["low"] < value < card[name]["high"]
    assert card["margin"]["value"] == pytest.approx(card["p_star"]["value"] - card["p"]["value"])
    assert card["decision"] == "helps"


def test_a_score_at_a_threshold_has_the_card_of_the_same_verdicts(labels: Path) -> None:
    by_verdict = card_of(ROWS, labels=labels)
    by_score = card_of(ROWS, labels=labels, score="score", threshold=0.5)
    assert {**by_verdict, "verifier": ""} == {**by_score, "verifier": ""}


def test_grades_need_a_rule_for_right_or_a_range() -> None:
    assert card_of(ROWS, right_if="grade>=4")["precision"]["value"] == pytest.approx(0.9)
    graded = card_of(ROWS, label="grade", grade_range="1,5")
    assert "p_star" not in graded or graded["p_star"] is None
    with pytest.raises(winnow.UsageError, match="neither right nor wrong"):
        winnow.measure(ROWS, label="grade")


def test_false_passes_and_false_drops_are_written_unchanged(labels: Path, tmp_path: Path) -> None:
    winnow.measure(ROWS, labels=labels, errors=tmp_path / "e.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [row.pop("winnow_error") for row in rows] == ["false pass"] * 10 + ["false drop"] * RIGHT_OF_DROPPED
    assert rows == ROWS[90:100] + ROWS[100:120]


def test_each_value_of_a_column_has_a_card_of_its_own(labels: Path) -> None:
    slices = card_of(ROWS, labels=labels, by="kind")["slices"]
    assert [(part["name"], part["labeled"]) for part in slices] == [("even", 100), ("odd", 100)]


def test_rows_without_a_value_are_not_counted_for_an_empty_text(labels: Path) -> None:
    rows = [{**row, "kind": "" if row["kind"] == "even" else None} for row in ROWS]
    slices = card_of(rows, labels=labels, by="kind")["slices"]
    assert [(part["name"], part["n"], part["labeled"]) for part in slices] == [("", 100, 100)]


def test_several_verifiers_are_compared_on_the_same_labels(labels: Path) -> None:
    rows = [{**row, "w.verdict": "pass" if i % 2 else "fail"} for i, row in enumerate(ROWS)]
    document = card_of(rows, labels=labels)
    assert [card["verifier"] for card in document["verifiers"]] == ["v", "w"]
    assert document["pairs"][0]["differences"]["precision"]["value"] == pytest.approx(0.9 - 0.55, abs=0.05)


def test_a_verifier_can_be_named_instead_of_its_column(labels: Path) -> None:
    rows = [{**row, "w.verdict": "fail"} for row in ROWS]
    assert card_of(rows, labels=labels, verdict="v") == card_of(rows, labels=labels, verdict="v.verdict")


def test_abstentions_and_errors_are_counted_apart_from_decided_rows(labels: Path) -> None:
    undecided = ["abstain"] * 3 + ["error"] * 2
    rows = [{**row, "v.verdict": verdict} for row, verdict in zip(ROWS, undecided, strict=False)] + ROWS[5:]
    card = card_of(rows, labels=labels)
    assert (card["n"], card["decided"], card["abstain"], card["error"], card["labeled"]) == (200, 195, 3, 2, 195)


def test_without_any_label_nothing_is_decided(tmp_path: Path) -> None:
    assert card_of(ROWS, labels=write_labels(tmp_path / "none.csv", []))["decision"] == "undecided"
    with pytest.raises(winnow.UsageError, match="no column is known as the label"):
        winnow.measure(ROWS)


def test_the_report_prints_the_card() -> None:
    labels = [{"candidate_id": row["candidate_id"], "correct": row["grade"] == 5} for row in ROWS]
    report = winnow.measure(ROWS, labels=labels)
    assert report.to_dict()["decision"] == "helps"
    assert "keeps 82% of right answers" in repr(report)


def test_planned_labels_are_weighted_by_their_chances_also_in_a_comparison(tmp_path: Path) -> None:
    """Half of the kept rows and a tenth of the dropped ones are labeled."""
    planned = [row for i, row in enumerate(ROWS) if (i < 100 and i % 2 == 0) or (i >= 100 and i % 10 == 0)]
    lines = [
        f"{row['candidate_id']},{int(row['grade'] == 5)},{0.5 if row['v.verdict'] == 'pass' else 0.1}\n"
        for row in planned
    ]
    (tmp_path / "planned.csv").write_text("candidate_id,correct,drawn\n" + "".join(lines))
    rows = [{**row, "w.verdict": "pass" if i % 4 < 2 else "fail"} for i, row in enumerate(ROWS)]
    document = card_of(rows, labels=tmp_path / "planned.csv", labels_drawn="by-verdict", by="kind")
    first = document["verifiers"][0]
    assert first["precision"]["value"] == pytest.approx(0.9)
    assert first["p"]["value"] == pytest.approx(0.45)
    assert document["pairs"][0]["differences"]["precision"]["value"] is not None


def test_prompts_served_are_those_with_a_right_kept_answer(tmp_path: Path) -> None:
    labels = label_grouped(tmp_path / "l.csv", GROUPED_ROWS)
    served = {row["prompt_id"] for row in GROUPED_ROWS if row["v.verdict"] == "pass" and row["answer"] == "right"}
    report = winnow.measure(GROUPED_ROWS, labels=labels)
    figure = report.to_dict()["prompts_served"]
    assert figure["value"] == pytest.approx(len(served) / 80)
    assert figure["low"] < figure["value"] < figure["high"]
    assert "prompts with a kept answer that is right" in report.describe()


def test_with_one_label_per_prompt_prompts_served_has_bounds_and_a_reason_but_no_value(tmp_path: Path) -> None:
    figure = card_of(GROUPED_ROWS, labels=label_grouped(tmp_path / "l.csv", GROUPED_ROWS[::4]))["prompts_served"]
    assert figure["value"] is None and 0 < figure["low"] < figure["high"] < 1 and "all labeled" in figure["why"]


def test_w_is_estimated_from_final_answers_unless_it_is_given(tmp_path: Path) -> None:
    labels = label_grouped(tmp_path / "l.csv", GROUPED_ROWS)
    card = card_of(GROUPED_ROWS, labels=labels, answer="answer")
    w = card["w_estimate"]
    assert 0 < w["at_least"] < w["value"] < 1 and card["w"] == w["value"]
    phi, psi = card["phi"]["value"], card["psi"]["value"]
    assert card["p_star_w"]["value"] == pytest.approx(phi / (phi + w["value"] * psi))
    given = card_of(GROUPED_ROWS, labels=labels, answer="answer", w=0.3)
    assert (given["w"], given["w_estimate"]) == (0.3, None)


def test_without_enough_wrong_answers_per_prompt_w_is_null_with_a_reason(tmp_path: Path) -> None:
    labels = label_grouped(tmp_path / "l.csv", GROUPED_ROWS[::4])
    card = card_of(GROUPED_ROWS, labels=labels, answer="answer")
    assert card["w"] is None and card["p_star_w"] is None and "two labeled wrong" in card["w_estimate"]["why"]
    with pytest.raises(winnow.UsageError, match="Did you mean 'answer'"):
        winnow.measure(GROUPED_ROWS, labels=labels, answer="anwser")


def test_a_slice_has_the_intervals_of_a_table_with_only_its_rows(tmp_path: Path) -> None:
    """Slices cut across prompts here, and each has the intervals by prompt that its rows alone would have."""
    slices = card_of(GROUPED_ROWS, labels=label_grouped(tmp_path / "l.csv", GROUPED_ROWS), by="half")["slices"]
    rows = [row for row in GROUPED_ROWS if row["half"] == "one"]
    alone = card_of(rows, labels=label_grouped(tmp_path / "half.csv", rows))
    assert [part["name"] for part in slices] == ["one", "other"]
    for name in ("phi", "psi", "p", "precision", "uplift", "keep_rate", "prompts_served", "design_effect"):
        assert slices[0][name] == alone[name]


def test_a_label_column_is_read_from_the_file_of_labels(labels: Path) -> None:
    labels.write_text(labels.read_text().replace("correct", "truth"))
    assert card_of(ROWS, labels=labels, label="truth")["labeled"] == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 3}, "classes: 3 is not one of 2"),
        ({"w": 0.0}, "w: 0.0 must be above 0"),
        ({"grade_range": (5, 1)}, "grade_range: (5, 1) must be two numbers, the lowest grade"),
        ({"right_if": "good"}, "right_if: 'good' is not a rule. For example right_if 'grade>=4'"),
        ({"labels_drawn": "by-hand"}, "labels_drawn: 'by-hand' is not one of 'random', 'by-verdict', 'by-label'"),
        ({"labelers": "ann"}, "labelers: 'ann' does not name the columns of several people"),
        ({"labelers": "a,b", "label": "c"}, "labelers: labelers and label both name columns of labels"),
        ({"by": "kinds"}, "by: 'kinds' is not a column of rows. Did you mean 'kind'"),
        ({"look": True}, "look: there is no holdout to look at. Say which share is held out: holdout 0.5"),
        ({"seed": -1}, "seed: -1 must be at least 0"),
    ],
)
def test_a_wrong_keyword_is_named_as_in_python(labels: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(winnow.UsageError) as caught:
        winnow.measure(ROWS, labels=labels, **options)
    assert message in str(caught.value)


def test_rows_in_a_file_have_the_same_card_as_rows_in_memory(labels: Path, tmp_path: Path) -> None:
    assert card_of(write_rows(tmp_path / "t.jsonl", ROWS), labels=labels) == card_of(ROWS, labels=labels)
