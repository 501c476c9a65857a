"""The candidate table of the demo: plain rows, true labels, and a judge that helps as a filter but harms best-of-N."""

from __future__ import annotations

import json
from collections import defaultdict
from math import comb
from statistics import mean

import pytest

from winnow.errors import UsageError
from winnow.science.tasks.demo.candidate_table import demo_candidates, demo_labels
from winnow.science.tasks.judges import right_answer

SEEDS = range(10)
Row = dict[str, str | int | float]


def truth(rows: list[Row]) -> list[int]:
    return [int(label["correct"]) for label in demo_labels(rows, len(rows), seed=0)]


def best_of_accuracy(rows: list[Row], right: list[int], n: int) -> float:
    """Accuracy of the judge's best among n drawn without replacement, ties shared: the chance of each row, summed."""
    by_prompt = defaultdict(list)
    for row, correct in zip(rows, right, strict=True):
        by_prompt[row["prompt_id"]].append((float(row["judge"]), correct))
    total = 0.0
    for labels in by_prompt.values():
        for score, correct in labels:
            below = sum(other < score for other, _ in labels)
            tied = sum(other == score for other, _ in labels)
            total += correct * (comb(below + tied, n) - comb(below, n)) / comb(len(labels), n) / tied
    return total / len(by_prompt)


@pytest.fixture(scope="module")
def tables() -> list[tuple[list[Row], list[int]]]:
    all_rows = [demo_candidates(seed=seed) for seed in SEEDS]
    return [(rows, truth(rows)) for rows in all_rows]


def test_rows_are_plain_json_with_ids_that_name_prompt_and_index() -> None:
    rows = demo_candidates(30, 4, seed=1)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [row["candidate_id"] for row in rows[:5]] == ["p0001#0", "p0001#1", "p0001#2", "p0001#3", "p0002#0"]
    assert list(rows[0]) == ["candidate_id", "prompt_id", "index", "prompt", "text", "reference", "model", "judge"]
    assert len({row["candidate_id"] for row in rows}) == len(rows) == 120
    assert all(row["judge"] == round(float(row["judge"]), 3) for row in rows)


def test_the_same_arguments_give_the_same_rows_and_a_larger_table_begins_with_the_smaller() -> None:
    assert demo_candidates(20, 8, seed=3) == demo_candidates(40, 8, seed=3)[:160]
    assert demo_candidates(20, 8, seed=3) != demo_candidates(20, 8, seed=4)
    assert demo_candidates(0, 8, seed=3) == []


def test_the_default_table_has_two_hundred_prompts_of_eight() -> None:
    rows = demo_candidates()
    assert len(rows) == 1_600
    assert len({row["prompt"] for row in rows}) == 200


def test_labels_are_true_different_and_the_same_for_a_seed() -> None:
    rows = demo_candidates(50, 8, seed=2)
    labels = demo_labels(rows, 100, seed=5)
    by_id = {row["candidate_id"]: row for row in rows}
    assert labels == demo_labels(rows, 100, seed=5) != demo_labels(rows, 100, seed=6)
    assert len({label["candidate_id"] for label in labels}) == 100
    for label in labels:
        row = by_id[label["candidate_id"]]
        assert set(label) == {"candidate_id", "correct"}
        assert label["correct"] == right_answer([str(row["prompt"])], [str(row["text"])])[0]


def test_right_and_wrong_rows_are_equally_likely_to_be_labeled() -> None:
    rows = demo_candidates(200, 8, seed=2)
    everywhere = mean(truth(rows))
    labels = mean(mean(int(label["correct"]) for label in demo_labels(rows, 200, seed)) for seed in range(20))
    assert labels == pytest.approx(everywhere, abs=0.03)


def test_labels_that_cannot_be_drawn_are_refused() -> None:
    rows = demo_candidates(1, 2, seed=1)
    with pytest.raises(UsageError, match=r"^count: is 3, but must lie between 0 and 2, the number of rows"):
        demo_labels(rows, 3, seed=1)
    with pytest.raises(UsageError, match=r"^rows: the prompt 'Hello' is not a word problem"):
        demo_labels([{**rows[0], "prompt": "Hello"}], 1, seed=1)


def test_between_half_and_two_thirds_of_the_answers_are_right(tables: list[tuple[list[Row], list[int]]]) -> None:
    shares = [mean(right) for _, right in tables]
    assert 0.57 < mean(shares) < 0.63
    assert all(0.53 < share < 0.67 for share in shares)


def test_the_judge_as_a_filter_at_one_half_helps_a_little(tables: list[tuple[list[Row], list[int]]]) -> None:
    rates = []
    for rows, right in tables:
        kept = [float(row["judge"]) >= 0.5 for row in rows]
        phi = mean(is_kept for is_kept, correct in zip(kept, right, strict=True) if correct)
        psi = mean(is_kept for is_kept, correct in zip(kept, right, strict=True) if not correct)
        precision = mean(correct for is_kept, correct in zip(kept, right, strict=True) if is_kept)
        assert precision > mean(right) + 0.04
        rates.append((phi, psi))
    assert mean(phi for phi, _ in rates) == pytest.approx(0.8, abs=0.03)
    assert mean(psi for _, psi in rates) == pytest.approx(0.52, abs=0.04)


def test_best_of_n_by_the_judge_first_rises_and_then_falls_below_the_raw_rate_for_every_seed(
    tables: list[tuple[list[Row], list[int]]],
) -> None:
    for rows, right in tables:
        curve = {n: best_of_accuracy(rows, right, n) for n in (1, 2, 4, 8)}
        assert curve[1] == pytest.approx(mean(right))
        assert curve[2] > curve[1]
        assert curve[2] > curve[4] > curve[8]
        assert curve[8] < curve[1] - 0.05
