"""What cautions promise: a fall is called sure where it is one, seldom where there is none, and each says its words."""

from __future__ import annotations

import numpy as np
import pytest

from stats.forecasts.tables import at_random, planned, scored
from winnow.stats.forecasts import Asked, Candidates, best_of, forecast, read
from winnow.stats.forecasts.cautions import Fall, fall
from winnow.stats.forecasts.curves import usual_n
from winnow.stats.forecasts.estimates import Blocks

QUICK = Asked(repeats=100)


def found(whole: Candidates, seed: int = 0) -> Fall | None:
    blocks = Blocks(whole, seed)
    points = [(n, blocks.tally(best_of(whole, n), per_prompt=True)) for n in usual_n(whole)]
    return fall(blocks.prompts, [(n, tally) for n, tally in points if tally.seen], 400, seed)


def codes(whole: Candidates) -> dict[str, bool]:
    return {one.code: one.sure for one in forecast(whole, QUICK).warnings}


def test_a_score_that_a_few_wrong_answers_fool_is_surely_over_optimized() -> None:
    said = forecast(scored(80, 64, 1.5, fooled=0.05))
    assert said.fall is not None
    assert said.fall.sure
    assert 1 < said.fall.peak < said.fall.last == 64
    assert 0 < said.fall.at_least < said.fall.size
    (caution,) = [one for one in said.warnings if one.code == "over-optimization"]
    assert caution.sure
    assert f"highest at N = {said.fall.peak}" in caution.words


@pytest.mark.parametrize("labels", ["all", "planned", "random"])
@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_a_curve_that_does_not_fall_is_called_surely_falling_on_one_table_of_twenty_at_most(
    gap: float, labels: str
) -> None:
    sure = 0
    for seed in range(200):
        whole = scored(50, 16, gap, seed)
        if labels != "all":
            whole = planned(whole, 150, seed) if labels == "planned" else at_random(whole, 200, seed)
        said = found(whole, seed)
        sure += said is not None and said.sure
    assert sure / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_rising_curve_has_its_peak_at_the_end_and_no_fall() -> None:
    said = found(scored(80, 16, 2.0))
    assert said is not None
    assert (said.peak, said.size, said.seen, said.sure) == (16, 0.0, False, False)


def test_nothing_is_compared_with_one_prompt_or_one_n() -> None:
    assert found(read([0, 0, 0], [1.0, 2.0, 3.0], [1, 0, 0])) is None
    assert found(read([0, 1, 2], [1.0, 2.0, 3.0], [1, 0, 0])) is None


def test_tables_without_labels_with_one_prompt_or_with_one_score_say_so() -> None:
    assert codes(read([0, 0, 1], [1.0, 2.0, 3.0])) == {"no-labels": True, "fewer-candidates": True}
    assert codes(read([0, 0], [1.0, 2.0], [0, 1])) == {"one-prompt": True}
    whole = scored(30, 4, 1.0)
    assert codes(read(whole.prompt, np.zeros(120), whole.right)) == {"constant-score": True, "no-gain": False}


def test_a_score_that_prefers_wrong_answers_never_gets_a_rule_that_uses_it() -> None:
    whole = scored(80, 16, -1.5)
    best = forecast(whole).recommended
    assert best is not None
    assert (best.rule, best.n) == ("best-of-n", 1)
    assert codes(whole)["over-optimization"]
    assert not codes(whole)["no-gain"]


def test_labels_picked_by_score_are_not_taken_for_random_ones() -> None:
    whole = scored(80, 16, 1.0)
    right = np.where(whole.score > np.quantile(whole.score, 0.8), whole.right, np.nan)
    assert codes(read(whole.prompt, whole.score, right))["labels-not-random"]
    assert all("labels-not-random" not in codes(at_random(whole, 200, seed)) for seed in range(20))


def test_prompts_with_fewer_candidates_than_drawn_are_counted() -> None:
    whole = read([0, 0, 0, 0, 1, 1], np.arange(6.0), [0, 1, 0, 1, 1, 0])
    said = forecast(whole, QUICK)
    (caution,) = [one for one in said.warnings if one.code == "fewer-candidates"]
    assert "(prompts at N = 4: 1)" in caution.words
    assert [point.fewer for point in said.best_of_n] == [0, 0, 1]
