"""Combine from Python: what counts as a vote, where scores become votes, and where verdicts are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import winnow
from tests.simulated.verifier_votes import NAMES, drawn

VOTES, RIGHT = drawn(900, seed=5)
WORDS = {1: "pass", 0: "fail", -1: "abstain"}


def rows(votes: np.ndarray[Any, Any] = VOTES, **columns: Any) -> list[dict[str, Any]]:
    """Five verifiers' verdicts as verify writes them, and more columns."""
    return [
        {
            "candidate_id": f"c{i}",
            "prompt_id": f"p{i // 3}",
            **{f"{name}.verdict": WORDS[int(vote)] for name, vote in zip(NAMES, votes[i], strict=True)},
            **{name: values[i] for name, values in columns.items()},
        }
        for i in range(len(votes))
    ]


def test_every_column_of_verdicts_is_combined_where_none_is_named() -> None:
    result = winnow.combine(rows())
    assert [one["name"] for one in result.summary["verifiers"]] == list(NAMES)
    passed = np.array([row["combined.verdict"] == "pass" for row in result])
    assert np.mean(passed == RIGHT) > np.mean((VOTES[:, 0] == 1) == RIGHT)
    first = next(iter(result))
    assert {"candidate_id", "a.verdict", "combined.score", "combined.reason"} <= set(first)
    assert 0 <= first["combined.score"] <= 1


def test_abstain_error_and_null_are_no_votes_whatever_they_are_called() -> None:
    """The same rows with one third of a verifier's votes taken away in three ways."""
    found = []
    for silent in ("abstain", "error", None):
        table = [{**row, "a.verdict": silent if i % 3 == 0 else row["a.verdict"]} for i, row in enumerate(rows())]
        result = winnow.combine(table)
        assert result.summary["verifiers"][0]["silent"] == 300
        found.append([(row["combined.verdict"], row["combined.score"]) for row in result])
    assert found[0] == found[1] == found[2]


def test_a_row_that_no_verifier_decides_abstains_with_a_reason() -> None:
    table = rows()
    table[7] |= {f"{name}.verdict": "error" for name in NAMES}
    row = list(winnow.combine(table))[7]
    assert (row["combined.verdict"], row["combined.score"]) == ("abstain", None)
    assert row["combined.reason"] == "no verifier decides"


def test_the_reason_names_the_verifiers_that_passed_and_failed_the_row() -> None:
    table = [{**row, "c.verdict": "error"} if i == 0 else row for i, row in enumerate(rows())]
    row = next(iter(winnow.combine(table)))
    reason = dict(part.split(": ") for part in row["combined.reason"].split("; "))
    sides = {word: [n for n in NAMES if row[f"{n}.verdict"] == word] for word in ("pass", "fail")}
    assert reason == {word: ", ".join(names) for word, names in sides.items() if names}


@pytest.mark.parametrize(
    ("low", "high", "kind"), [(0, 1, "votes"), (False, True, "votes"), (-1, 1, "scores"), (2.5, 7.0, "scores")]
)
def test_a_column_of_two_values_is_a_vote_whatever_the_values_are(low: Any, high: Any, kind: str) -> None:
    as_words = winnow.combine(rows())
    as_values = winnow.combine(
        rows(x=[high if vote else low for vote in VOTES[:, 0].tolist()]), ["x", *NAMES[1:]], name="combined"
    )
    assert as_values.summary["verifiers"][0]["kind"] == kind
    assert [row["combined.score"] for row in as_values] == [row["combined.score"] for row in as_words]


def test_without_labels_a_score_is_thresholded_at_its_median_and_the_report_states_it() -> None:
    rng = np.random.default_rng(0)
    scores = np.where(RIGHT, 1.0, 0.0) + rng.normal(size=len(RIGHT))
    result = winnow.combine(rows(x=scores.tolist()), ["x", *NAMES[1:]])
    scored = result.summary["verifiers"][0]
    assert (scored["threshold"], scored["because"]) == (pytest.approx(np.median(scores)), "its median")
    assert abs(scored["pass"] - scored["fail"]) <= 1
    assert f"a pass from {np.median(scores):.4g} on, its median" in result.describe()
    assert "whatever share is right" in result.describe()


def test_a_score_that_mostly_has_its_lowest_value_still_separates_rows() -> None:
    scores = [0.0 if vote == 0 or i % 3 else 0.5 + i / 1_000 for i, vote in enumerate(VOTES[:, 0].tolist())]
    scored = winnow.combine(rows(x=scores), ["x", *NAMES[1:]]).summary["verifiers"][0]
    assert scored["pass"] == sum(score > 0 for score in scores) < 450


def test_verdicts_in_words_and_numbers_in_one_column_are_refused() -> None:
    mixed = ["pass" if i == 5 else i / 100 for i in range(len(VOTES))]
    with pytest.raises(winnow.UsageError, match="x holds verdicts as words and numbers such as 0.01"):
        winnow.combine(rows(x=mixed), ["x", *NAMES[1:]])


def test_with_labels_scores_are_used_and_without_labels_verdicts() -> None:
    rng = np.random.default_rng(1)
    scores = (2.0 * RIGHT + rng.normal(size=len(RIGHT))).tolist()
    columns = {"x.verdict": ["pass" if score >= 1 else "fail" for score in scores], "x.score": scores}
    table = rows(**columns, correct=RIGHT.tolist())
    named = ["x", *NAMES[2:]]
    blind, learned = winnow.combine(table, named), winnow.combine(table, named, label="correct")
    assert blind.summary["verifiers"][0]["column"] == "x.verdict"
    assert learned.summary["verifiers"][0]["column"] == "x.score"
    without = winnow.combine(table, ["x.verdict", *NAMES[2:]], label="correct")
    assert learned.summary["held_out"]["log_loss"] < without.summary["held_out"]["log_loss"]


def test_labels_that_are_not_requested_are_not_used_and_the_report_notes_it() -> None:
    table = rows(correct=RIGHT.tolist())
    result, blind = winnow.combine(table), winnow.combine(rows())
    assert [row["combined.score"] for row in result] == [row["combined.score"] for row in blind]
    assert (result.summary["unused_label"], "labels in correct were not used" in result.describe()) == ("correct", True)


def test_a_rule_determines_which_grades_are_right() -> None:
    graded = rows(grade=np.where(RIGHT, 5, 2).tolist(), correct=RIGHT.tolist())
    by_rule, by_label = winnow.combine(graded, right_if="grade>=4"), winnow.combine(graded, label="correct")
    assert [row["combined.score"] for row in by_rule] == [row["combined.score"] for row in by_label]
    with pytest.raises(winnow.UsageError, match="neither right nor wrong"):
        winnow.combine(graded, label="grade")


def test_labels_almost_all_of_one_kind_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    table = rows(correct=[True] * 9 + [None] * 891)
    with pytest.raises(winnow.UsageError, match="0 of 9 labels are of the rarer kind"):
        winnow.combine(table, label="correct", out=tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["c", "c.jsonl", "c.csv", "c.parquet", None])
def test_every_output_format_has_the_same_verdicts_and_select_uses_them(tmp_path: Path, out: str | None) -> None:
    result = winnow.combine(rows(), out=None if out is None else tmp_path / out)
    parts = ("combined.verdict", "combined.score", "combined.reason")
    expected = [[row[part] for part in parts] for row in winnow.combine(rows())]
    found = [[row[part] for part in parts] for row in result]
    assert [[v, pytest.approx(float(s)), r] for v, s, r in found] == expected
    reread: Any = result if out is None else tmp_path / out
    assert len(winnow.select(reread, passed=True)) == result.summary["pass"]
    assert winnow.table(reread).columns.score == "combined.score" if out else True


def test_a_store_combined_with_other_labels_is_refused(tmp_path: Path) -> None:
    marks = [{"candidate_id": f"c{i}", "correct": bool(RIGHT[i])} for i in range(300)]
    source = tmp_path / "t.jsonl"
    winnow.select(rows(), max_rows=900, distinct=False, passed=False, out=source)
    columns = [f"{name}.verdict" for name in NAMES]
    first = winnow.combine(source, columns, labels=marks, out=tmp_path / "c")
    assert first.summary["labels"] == {"column": "correct", "rows": 300, "right": int(RIGHT[:300].sum())}
    assert winnow.combine(source, columns, labels=marks, out=tmp_path / "c").summary["already_done"] is True
    with pytest.raises(winnow.UsageError, match="a finished store of other work"):
        winnow.combine(source, columns, labels=marks[:200], out=tmp_path / "c")


def test_bad_rows_are_set_aside_in_every_column_and_the_rest_is_combined(tmp_path: Path) -> None:
    table = rows()
    table[3]["a.verdict"] = "perhaps"
    with pytest.raises(winnow.BadTable, match="a.verdict is 'perhaps'; it must be pass"):
        winnow.combine(table, out=tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
    table[8]["candidate_id"] = None
    result = winnow.combine(table, out=tmp_path / "c.jsonl", bad_rows="quarantine:2")
    assert (result.summary["rows"], result.summary["quarantined"], len(result.to_list())) == (898, 2, 898)
    assert [row["candidate_id"] for row in result][:4] == ["c0", "c1", "c2", "c4"]
    assert len((tmp_path / "c.jsonl.quarantine.jsonl").read_text().splitlines()) == 2
    kept = winnow.combine(table, out=tmp_path / "c", bad_rows="quarantine:2")
    assert [row["combined.score"] for row in kept] == [row["combined.score"] for row in result]


def test_a_repeated_id_is_refused_if_verdicts_are_written(tmp_path: Path) -> None:
    table = rows()
    table[5]["candidate_id"] = "c4"
    with pytest.raises(winnow.BadTable, match="an id names one candidate"):
        winnow.combine(table, out=tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_a_combined_verifier_can_be_combined_again_under_another_name(tmp_path: Path) -> None:
    winnow.combine(rows(), ["a", "b", "c"], out=tmp_path / "one")
    with pytest.raises(winnow.UsageError, match="already has a column 'combined."):
        winnow.combine(tmp_path / "one", out=tmp_path / "two")
    both = winnow.combine(tmp_path / "one", ["combined", "d", "e"], name="all", out=tmp_path / "two")
    assert [one["name"] for one in both.summary["verifiers"]] == ["combined", "d", "e"]
    assert winnow.table(tmp_path / "two").columns.verdict == "all.verdict"
