"""The command measure: the card in words and as JSON, limits as exit codes, wrong labels as one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import winnow as package

RIGHT_OF_KEPT, RIGHT_OF_DROPPED = 90, 20
ROWS = [
    {
        "candidate_id": f"c{i}",
        "prompt_id": f"p{i}",
        "text": f"answer {i}",
        "v.verdict": "pass" if i < 100 else "fail",
        "score": 1.0 if i < 100 else 0.0,
        "kind": "even" if i % 2 == 0 else "odd",
        "grade": 5 if (i < RIGHT_OF_KEPT or 100 <= i < 100 + RIGHT_OF_DROPPED) else 1,
    }
    for i in range(200)
]
LABELS = "candidate_id,correct\n" + "".join(f"{row['candidate_id']},{int(row['grade'] == 5)}\n" for row in ROWS)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "labels.csv").write_text(LABELS)
    return path


def measured(winnow: Any, *arguments: str) -> dict[str, Any]:
    done = winnow("measure", "t.jsonl", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    card: dict[str, Any] = json.loads(done.stdout)
    return card


def test_the_card_follows_from_keep_rate_and_the_two_sides(winnow: Any, table: Path) -> None:
    card = measured(winnow, "--labels", "labels.csv")
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


def test_a_score_at_a_threshold_is_a_verifier_too(winnow: Any, table: Path) -> None:
    one, other = (
        measured(winnow, "--labels", "labels.csv", *more) for more in ((), ("--score", "score", "--threshold", "0.5"))
    )
    assert {**one, "verifier": ""} == {**other, "verifier": ""}


def test_a_grade_is_right_from_where_the_user_says_or_stays_a_grade(winnow: Any, table: Path) -> None:
    by_rule = measured(winnow, "--right-if", "grade>=4")
    assert by_rule["precision"]["value"] == pytest.approx(0.9)
    graded = measured(winnow, "--label", "grade", "--grade-range", "1,5")
    assert "p_star" not in graded or graded["p_star"] is None
    refused = winnow("measure", "t.jsonl", "--label", "grade")
    assert refused.returncode == 2
    assert "neither right nor wrong" in refused.stderr


def test_limits_that_are_not_met_end_with_1_and_the_document_says_which(winnow: Any, table: Path) -> None:
    met = winnow("measure", "t.jsonl", "--labels", "labels.csv", "--gate", "--require", "precision.low>=0.8")
    assert met.returncode == 0
    missed = winnow("measure", "t.jsonl", "--labels", "labels.csv", "--require", "precision.low>=0.95", "--json")
    assert missed.returncode == 1
    assert "precision.low is 0.8" in json.loads(missed.stdout)["unmet"][0]
    assert winnow("measure", "t.jsonl", "--labels", "labels.csv", "--require", "precison.low>=1").returncode == 2
    assert winnow("measure", "t.jsonl", "--labels", "labels.csv", "--require", "precision").returncode == 2


def test_false_passes_and_false_drops_are_written_to_be_read(winnow: Any, table: Path, tmp_path: Path) -> None:
    measured(winnow, "--labels", "labels.csv", "--errors", "e.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [row["winnow_error"] for row in rows] == ["false pass"] * 10 + ["false drop"] * RIGHT_OF_DROPPED
    assert [{k: v for k, v in row.items() if k != "winnow_error"} for row in rows] == ROWS[90:100] + ROWS[100:120]


def test_slices_have_cards_of_their_own(winnow: Any, table: Path) -> None:
    card = measured(winnow, "--labels", "labels.csv", "--by", "kind")
    assert [(one["name"], one["labeled"]) for one in card["slices"]] == [("even", 100), ("odd", 100)]


def test_several_verifiers_stand_side_by_side(winnow: Any, table: Path, tmp_path: Path) -> None:
    rows = [{**row, "w.verdict": "pass" if i % 2 else "fail"} for i, row in enumerate(ROWS)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = measured(winnow, "--labels", "labels.csv")
    assert [one["verifier"] for one in told["verifiers"]] == ["v", "w"]
    assert told["pairs"][0]["differences"]["precision"]["value"] == pytest.approx(0.9 - 0.55, abs=0.05)


def test_abstentions_and_errors_are_counted_beside_the_decided(winnow: Any, table: Path) -> None:
    said = ["abstain"] * 3 + ["error"] * 2
    rows = [{**row, "v.verdict": verdict} for row, verdict in zip(ROWS, said, strict=False)] + ROWS[5:]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    card = measured(winnow, "--labels", "labels.csv")
    assert (card["n"], card["decided"], card["abstain"], card["error"], card["labeled"]) == (200, 195, 3, 2, 195)


def test_no_label_or_no_verdict_is_said_in_one_line(winnow: Any, table: Path, tmp_path: Path) -> None:
    assert "no column is known as the label" in winnow("measure", "t.jsonl").stderr
    (tmp_path / "u.jsonl").write_text('{"candidate_id": "c0", "text": "a"}\n')
    done = winnow("measure", "u.jsonl", "--labels", "labels.csv")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    (tmp_path / "none.csv").write_text("candidate_id,correct\n")
    empty = winnow("measure", "t.jsonl", "--labels", "none.csv", "--json")
    assert json.loads(empty.stdout)["decision"] == "undecided"


def test_the_same_from_python_prints_the_card() -> None:
    labels = [{"candidate_id": row["candidate_id"], "correct": row["grade"] == 5} for row in ROWS]
    card = package.measure(ROWS, labels=labels)
    assert card.to_dict()["decision"] == "helps"
    assert "keeps 82% of right answers" in repr(card)


def test_planned_labels_weigh_what_they_stand_for_also_side_by_side(winnow: Any, table: Path, tmp_path: Path) -> None:
    """Half of the kept rows and a tenth of the dropped ones are labeled, and say so."""
    planned = [row for i, row in enumerate(ROWS) if (i < 100 and i % 2 == 0) or (i >= 100 and i % 10 == 0)]
    marks = "".join(
        f"{row['candidate_id']},{int(row['grade'] == 5)},{0.5 if row['v.verdict'] == 'pass' else 0.1}\n"
        for row in planned
    )
    (tmp_path / "planned.csv").write_text("candidate_id,correct,drawn\n" + marks)
    rows = [{**row, "w.verdict": "pass" if i % 4 < 2 else "fail"} for i, row in enumerate(ROWS)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = measured(winnow, "--labels", "planned.csv", "--labels-drawn", "by-verdict", "--by", "kind")
    first = told["verifiers"][0]
    assert first["precision"]["value"] == pytest.approx(0.9)
    assert first["p"]["value"] == pytest.approx(0.45)
    assert told["pairs"][0]["differences"]["precision"]["value"] is not None


GROUPED = [
    {
        "candidate_id": f"c{i}",
        "prompt_id": f"p{i // 4}",
        "v.verdict": "pass" if i % 4 < (i // 4) % 4 else "fail",
        "answer": "right" if i % 7 < 4 else ("common" if i % 3 else f"rare {i}"),
        "half": "one" if i % 4 < 2 else "other",
    }
    for i in range(320)
]
"""80 prompts of four answers, of which none, one, two or three are kept."""


def grouped(folder: Path, rows: list[int]) -> None:
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in GROUPED))
    marks = "".join(f"{GROUPED[i]['candidate_id']},{int(GROUPED[i]['answer'] == 'right')}\n" for i in rows)
    (folder / "labels.csv").write_text("candidate_id,correct\n" + marks)


def test_prompts_served_are_those_with_a_right_kept_answer(winnow: Any, tmp_path: Path) -> None:
    grouped(tmp_path, list(range(320)))
    served = {row["prompt_id"] for row in GROUPED if row["v.verdict"] == "pass" and row["answer"] == "right"}
    found = measured(winnow, "--labels", "labels.csv")["prompts_served"]
    assert found["value"] == pytest.approx(len(served) / 80)
    assert found["low"] < found["value"] < found["high"]
    assert "prompts with a kept answer that is right" in winnow("measure", "t.jsonl", "--labels", "labels.csv").stdout


def test_labels_of_one_row_to_a_prompt_leave_prompts_served_between_two_ends_and_say_why(
    winnow: Any, tmp_path: Path
) -> None:
    grouped(tmp_path, list(range(0, 320, 4)))
    found = measured(winnow, "--labels", "labels.csv")["prompts_served"]
    assert found["value"] is None and 0 < found["low"] < found["high"] < 1 and "all labeled" in found["why"]
    refused = winnow("measure", "t.jsonl", "--labels", "labels.csv", "--require", "prompts_served.why>=1")
    assert refused.returncode == 2 and "is no number of the card" in refused.stderr


def test_w_is_estimated_from_named_answers_and_one_given_by_hand_wins(winnow: Any, tmp_path: Path) -> None:
    grouped(tmp_path, list(range(320)))
    card = measured(winnow, "--labels", "labels.csv", "--answer", "answer")
    found = card["w_estimate"]
    assert 0 < found["at_least"] < found["value"] < 1 and card["w"] == found["value"]
    phi, psi = card["phi"]["value"], card["psi"]["value"]
    assert card["p_star_w"]["value"] == pytest.approx(phi / (phi + found["value"] * psi))
    by_hand = measured(winnow, "--labels", "labels.csv", "--answer", "answer", "--w", "0.3")
    assert (by_hand["w"], by_hand["w_estimate"]) == (0.3, None)


def test_without_enough_wrong_answers_to_a_prompt_w_is_null_and_it_says_why(winnow: Any, tmp_path: Path) -> None:
    grouped(tmp_path, list(range(0, 320, 4)))
    card = measured(winnow, "--labels", "labels.csv", "--answer", "answer")
    assert card["w"] is None and card["p_star_w"] is None and "two labeled wrong" in card["w_estimate"]["why"]
    missing = winnow("measure", "t.jsonl", "--labels", "labels.csv", "--answer", "anwser")
    assert missing.returncode == 2 and "Did you mean 'answer'" in missing.stderr


def test_a_slice_is_as_certain_as_a_table_of_its_own_rows(winnow: Any, tmp_path: Path) -> None:
    """Slices cut across prompts here, and each has the intervals by prompt that its rows alone would have."""
    grouped(tmp_path, list(range(320)))
    slices = measured(winnow, "--labels", "labels.csv", "--by", "half")["slices"]
    rows = [row for row in GROUPED if row["half"] == "one"]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    marks = "".join(f"{row['candidate_id']},{int(row['answer'] == 'right')}\n" for row in rows)
    (tmp_path / "labels.csv").write_text("candidate_id,correct\n" + marks)
    alone = measured(winnow, "--labels", "labels.csv")
    assert [one["name"] for one in slices] == ["one", "other"]
    for name in ("phi", "psi", "p", "precision", "uplift", "keep_rate", "prompts_served", "design_effect"):
        assert slices[0][name] == alone[name]


def test_a_label_named_beside_a_file_of_labels_is_a_column_of_that_file(winnow: Any, table: Path) -> None:
    (table.parent / "l.csv").write_text(LABELS.replace("correct", "truth"))
    assert measured(winnow, "--labels", "l.csv", "--label", "truth")["labeled"] == 200
