"""Which candidates a student is taught on: each rule keeps what its name says, and the same again."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from winnow.science.studies.framework.check import Row
from winnow.science.studies.students import selection_rules
from winnow.science.studies.students.candidates import best_of_accuracy


def candidates(prompts: int, each: int, seed: int = 0) -> list[Row]:
    draws = random.Random(seed)
    return [
        {
            "prompt_id": f"p{prompt}",
            "prompt": f"what is {prompt}?",
            "text": f"{index}",
            "way": "samples",
            "index": index,
            "logprob": -draws.random(),
            "right": draws.random() < 0.3,
        }
        for prompt in range(prompts)
        for index in range(each)
    ]


def names(rows: list[Row]) -> set[tuple[str, int]]:
    return {(row["prompt_id"], row["index"]) for row in rows}


ROWS = candidates(200, 4)


def test_noise_keeps_every_right_answer_and_a_cleaner_verifier_keeps_a_part_of_a_noisier_ones() -> None:
    kept = [names(selection_rules.select_noisy(ROWS, q, seed=1)) for q in (0.0, 0.1, 0.3, 0.7, 1.0)]
    right = names([row for row in ROWS if row["right"]])
    assert kept[0] == right and kept[-1] == names(ROWS)
    assert all(less < more for less, more in pairwise(kept))
    wrong = len(ROWS) - len(right)
    assert abs(len(kept[2] - right) / wrong - 0.3) < 0.1


def test_the_control_has_as_many_rows_as_are_right_and_is_no_more_often_right_than_all() -> None:
    for each in (1, 4):
        rows = candidates(2_000 // each, each)
        right = [row for row in rows if row["right"]]
        chosen = selection_rules.select_control(rows, seed=1)
        assert len(chosen) == len(right)
        assert abs(sum(row["right"] for row in chosen) / len(chosen) - len(right) / len(rows)) < 0.08
        assert selection_rules.select_control(rows, seed=1) == chosen != selection_rules.select_control(rows, seed=2)


def test_the_best_by_an_oracle_is_right_where_a_prompt_has_a_right_one_and_else_the_likeliest() -> None:
    chosen = {row["prompt_id"]: row for row in selection_rules.select_best_by_oracle(ROWS, seed=0)}
    assert len(chosen) == 200
    for prompt, row in chosen.items():
        of = [one for one in ROWS if one["prompt_id"] == prompt]
        among = [one for one in of if one["right"]] or of
        assert row["right"] is among[0]["right"] and row["logprob"] == max(one["logprob"] for one in among)
    filtered = selection_rules.select_best_by_oracle(ROWS, seed=0, filtered=True)
    assert names(filtered) == names([row for row in chosen.values() if row["right"]])


def test_the_likeliest_is_chosen_by_log_probability_alone() -> None:
    for row in selection_rules.select_likeliest(ROWS, seed=0):
        assert row["logprob"] == max(one["logprob"] for one in ROWS if one["prompt_id"] == row["prompt_id"])


def test_the_best_by_a_verifier_passes_it_where_one_of_the_prompt_does() -> None:
    chosen = {row["prompt_id"]: row["right"] for row in selection_rules.select_best(ROWS, "right", seed=0)}
    assert chosen == {
        row["prompt_id"]: any(one["right"] for one in ROWS if one["prompt_id"] == row["prompt_id"]) for row in ROWS
    }
    assert names(selection_rules.select_passed(ROWS, "right", seed=0)) == names([row for row in ROWS if row["right"]])


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 5))
def test_more_candidates_never_serve_fewer_prompts(prompts: int, each: int, seed: int) -> None:
    rows = candidates(prompts, each, seed)
    shares = [best_of_accuracy(rows, n) for n in range(each + 1)]
    assert shares[0] == 0 and shares == sorted(shares)
    assert shares[-1] == len({row["prompt_id"] for row in rows if row["right"]}) / prompts
