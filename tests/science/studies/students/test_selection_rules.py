"""The rules that select the rows of students."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from winnow.science.studies.eigenvalues.experiment import best_of_accuracy
from winnow.science.studies.framework.check import Row
from winnow.science.studies.students import selection_rules


def candidates(prompts: int, per_prompt: int, seed: int = 0) -> list[Row]:
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
        for index in range(per_prompt)
    ]


def candidate_keys(rows: list[Row]) -> set[tuple[str, int]]:
    return {(row["prompt_id"], row["index"]) for row in rows}


ROWS = candidates(200, 4)


def test_a_noisy_verifier_keeps_all_right_answers_and_less_noise_keeps_a_subset() -> None:
    kept = [candidate_keys(selection_rules.select_noisy(ROWS, q, seed=1)) for q in (0.0, 0.1, 0.3, 0.7, 1.0)]
    right = candidate_keys([row for row in ROWS if row["right"]])
    assert kept[0] == right and kept[-1] == candidate_keys(ROWS)
    assert all(less < more for less, more in pairwise(kept))
    wrong = len(ROWS) - len(right)
    assert abs(len(kept[2] - right) / wrong - 0.3) < 0.1


def test_the_control_has_as_many_rows_as_are_right_and_their_share_right_is_that_of_all() -> None:
    for per_prompt in (1, 4):
        rows = candidates(2_000 // per_prompt, per_prompt)
        right = [row for row in rows if row["right"]]
        selected = selection_rules.select_control(rows, seed=1)
        assert len(selected) == len(right)
        assert abs(sum(row["right"] for row in selected) / len(selected) - len(right) / len(rows)) < 0.08
        assert selection_rules.select_control(rows, seed=1) == selected != selection_rules.select_control(rows, seed=2)


def test_the_best_by_an_oracle_is_a_right_candidate_if_there_is_one_and_else_the_likeliest() -> None:
    selected = {row["prompt_id"]: row for row in selection_rules.select_best_by_oracle(ROWS, seed=0)}
    assert len(selected) == 200
    for prompt, row in selected.items():
        of_prompt = [candidate for candidate in ROWS if candidate["prompt_id"] == prompt]
        best_candidates = [candidate for candidate in of_prompt if candidate["right"]] or of_prompt
        assert row["right"] is best_candidates[0]["right"] and row["logprob"] == max(
            candidate["logprob"] for candidate in best_candidates
        )
    filtered = selection_rules.select_best_by_oracle(ROWS, seed=0, filtered=True)
    assert candidate_keys(filtered) == candidate_keys([row for row in selected.values() if row["right"]])


def test_the_likeliest_is_selected_by_log_probability_only() -> None:
    for row in selection_rules.select_likeliest(ROWS, seed=0):
        assert row["logprob"] == max(
            candidate["logprob"] for candidate in ROWS if candidate["prompt_id"] == row["prompt_id"]
        )


def test_the_best_by_a_verifier_passes_it_if_any_candidate_of_the_prompt_does() -> None:
    selected = {row["prompt_id"]: row["right"] for row in selection_rules.select_best(ROWS, "right", seed=0)}
    assert selected == {
        row["prompt_id"]: any(candidate["right"] for candidate in ROWS if candidate["prompt_id"] == row["prompt_id"])
        for row in ROWS
    }
    assert candidate_keys(selection_rules.select_passed(ROWS, "right", seed=0)) == candidate_keys(
        [row for row in ROWS if row["right"]]
    )


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 5))
def test_best_of_accuracy_never_falls_with_more_candidates(prompts: int, per_prompt: int, seed: int) -> None:
    rows = candidates(prompts, per_prompt, seed)
    shares = [best_of_accuracy(rows, n) for n in range(per_prompt + 1)]
    assert shares[0] == 0 and shares == sorted(shares)
    assert shares[-1] == len({row["prompt_id"] for row in rows if row["right"]}) / prompts
