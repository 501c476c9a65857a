"""Several verifiers compared: paired differences, abstentions, costs, and who is surely better."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.errors import UsageError
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import Floats, LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.paired_comparison import (
    MEASURES,
    ComparedVerifier,
    SharedLabels,
    VerifierComparison,
    VerifierPair,
    compare_verifiers,
)

Verdicts = np.ndarray[tuple[int], np.dtype[np.int8]]


def counted(verdict: Verdicts) -> VerdictCounts:
    """Counts of a table whose every row is labeled."""
    return VerdictCounts(int((verdict == 1).sum()), int((verdict == 0).sum()), abstain=int((verdict == -1).sum()))


def judge(name: str, verdict: Verdicts, cost: float | None = None) -> ComparedVerifier:
    """A verifier on a table whose every row is labeled."""
    return ComparedVerifier(name, counted(verdict), verdict, cost)


def truth(n: int, seed: int = 0) -> tuple[Floats, np.random.Generator]:
    """Labels, and the generator to go on with."""
    rng = np.random.default_rng(seed)
    return (rng.random(n) < 0.6).astype(np.float64), rng


def flipped(right: Floats, wrong_on: Floats) -> Verdicts:
    """A verifier that errs where the number is below its error rate of .2."""
    return np.where(wrong_on < 0.2, 1 - right, right).astype(np.int8)


def only(found: VerifierComparison, reading: str = "as used") -> VerifierPair:
    """The single pair of a reading."""
    (pair,) = [pair for pair in found.pairs if pair.reading == reading]
    return pair


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_verifiers_with_the_same_verdicts_have_differences_of_exactly_0(seed: int, abstain: int) -> None:
    right, rng = truth(80, seed)
    verdict = flipped(right, rng.random(80))
    verdict[rng.random(80) < abstain / 100] = -1
    result = compare_verifiers(
        [judge("a", verdict, 2.0), judge("b", verdict, 2.0)], SharedLabels(right, rng.integers(0, 20, 80))
    )
    for difference in only(result).differences.values():
        parts = (difference.value, difference.low, difference.high)
        assert all(part is None or abs(part) < 1e-9 for part in parts) and difference.better is None
    assert only(result).better is None


def test_each_verifier_alone_has_the_rates_of_its_card() -> None:
    right, rng = truth(300)
    verdicts = [flipped(right, rng.random(300)) for _ in range(2)]
    prompt = np.arange(300)
    result = compare_verifiers([judge("a", verdicts[0]), judge("b", verdicts[1])], SharedLabels(right, prompt))
    for name, verdict in zip("ab", verdicts, strict=True):
        alone = estimate_card(counted(verdict), LabeledRows(verdict == 1, right, prompt))
        for measure in ("precision", "uplift", "phi", "psi"):
            one, other = result.verifiers[name][measure], getattr(alone, measure)
            assert one.value == pytest.approx(other.value)
            assert one.low == pytest.approx(other.low, abs=0.01) and one.high == pytest.approx(other.high, abs=0.01)


def test_a_better_verifier_is_surely_better_only_when_the_labels_show_it() -> None:
    right, rng = truth(600)
    noise = rng.random(600)
    good, poor = flipped(right, noise), flipped(right, noise / 2)
    result = only(compare_verifiers([judge("good", good), judge("poor", poor)], SharedLabels(right, np.arange(600))))
    assert result.better == "good" and "good is surely better" in result.words
    assert {measure: d.better for measure, d in result.differences.items()} == dict.fromkeys(result.differences, "good")
    few = only(
        compare_verifiers([judge("good", good[:30]), judge("poor", poor[:30])], SharedLabels(right[:30], np.arange(30)))
    )
    assert few.better is None and "neither" in few.words


def test_a_paired_difference_has_a_shorter_interval_than_an_unpaired_one() -> None:
    right, rng = truth(400)
    noise = rng.random(400)
    one, other = flipped(right, noise), flipped(right, np.where(rng.random(400) < 0.1, rng.random(400), noise))
    result = compare_verifiers([judge("a", one), judge("b", other)], SharedLabels(right, np.arange(400)))
    width = []
    for name in "ab":
        figure = result.verifiers[name]["precision"]
        assert figure.low is not None and figure.high is not None
        width.append(figure.high - figure.low)
    paired = only(result).differences["precision"]
    assert paired.low is not None and paired.high is not None
    assert paired.high - paired.low < 0.6 * np.hypot(width[0], width[1])


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_swapping_two_verifiers_only_changes_the_signs(seed: int) -> None:
    right, rng = truth(90, seed)
    first, second = (judge(name, flipped(right, rng.random(90)), 3.0) for name in "ab")
    labels = SharedLabels(right, rng.integers(0, 30, 90))
    there, back = only(compare_verifiers([first, second], labels)), only(compare_verifiers([second, first], labels))
    for measure in MEASURES:
        one, other = there.differences[measure], back.differences[measure]
        if one.value is None or other.value is None:
            assert one == other
            continue
        assert one.value == pytest.approx(-other.value, abs=1e-9)
        if one.low is not None and other.high is not None:
            assert one.low == pytest.approx(-other.high, abs=0.05 * (1 + abs(one.low)))


@pytest.mark.parametrize("each", [1, 8])
def test_paired_intervals_contain_the_true_difference(each: int) -> None:
    tables, inside, prompts = 200, dict.fromkeys(("precision", "phi", "psi", "uplift"), 0), 240 // each
    for seed in range(tables):
        rng = np.random.default_rng([7, seed])
        share, lenient = rng.beta(0.6 * 4, 0.4 * 4, prompts)[:, None], rng.standard_normal(prompts)[:, None]
        right = (rng.random((prompts, each)) < share).ravel()
        taste = (lenient * 0.5 + rng.standard_normal((prompts, each)) * np.sqrt(0.75)).ravel()
        # Both verifiers look at the same taste, so they keep the same rows too often for chance, equally well.
        ears = [0.8 * taste + 0.6 * rng.standard_normal(len(taste)) for _ in range(2)]
        verdicts = [(ear < np.where(right, 1.0, -0.5)).astype(np.int8) for ear in ears]
        labels = SharedLabels(right.astype(np.float64), np.repeat(np.arange(prompts), each))
        pair = only(
            compare_verifiers(
                [judge(n, v) for n, v in zip("ab", verdicts, strict=True)], labels, MeasureOptions(seed=seed)
            )
        )
        for name in inside:
            figure = pair.differences[name]
            assert figure.low is not None and figure.high is not None
            inside[name] += figure.low <= 0 <= figure.high
    error = np.sqrt(0.95 * 0.05 / tables)
    assert min(inside.values()) / tables > 0.95 - 4 * error, inside


def test_an_abstention_counts_as_not_kept_and_rows_both_decided_are_reported_too() -> None:
    right, rng = truth(500)
    bold = flipped(right, rng.random(500))
    shy = bold.copy()
    shy[rng.random(500) < 0.3] = -1
    result = compare_verifiers([judge("bold", bold), judge("shy", shy)], SharedLabels(right, np.arange(500)))
    used, both = only(result), only(result, "both decided")
    assert used.differences["phi"].better == "bold" and used.differences["precision"].better is None
    assert both.differences["phi"].better is None and both.differences["phi"].value == 0
    assert used.better is None and "abstentions" in used.words


def test_cost_per_right_is_the_cost_of_all_calls_over_the_right_kept_rows() -> None:
    right, rng = truth(400)
    verdict = flipped(right, rng.random(400))
    result = compare_verifiers(
        [judge("cheap", verdict, 0.01), judge("dear", verdict, 0.05)], SharedLabels(right, np.arange(400))
    )
    figure = result.verifiers["cheap"]["cost_per_right"]
    assert figure.value == pytest.approx(0.01 * 400 / (right[verdict == 1].sum()))
    assert only(result).differences["cost_per_right"].better == "cheap"


def test_many_pairs_are_corrected_for_their_number() -> None:
    false, tables = 0, 50
    for seed in range(tables):
        right, rng = truth(150, seed)
        several = [judge(str(k), flipped(right, rng.random(150))) for k in range(4)]
        result = compare_verifiers(several, SharedLabels(right, np.arange(150)), MeasureOptions(seed=seed))
        false += any(pair.differences["precision"].better for pair in result.pairs)
    assert false / tables < 0.05 + 4 * np.sqrt(0.05 * 0.95 / tables)


def test_a_verifier_that_keeps_all_or_nothing_is_shown_without_numbers() -> None:
    right, rng = truth(50)
    result = compare_verifiers(
        [judge("all", np.ones(50, dtype=np.int8)), judge("some", flipped(right, rng.random(50)))],
        SharedLabels(right, np.arange(50)),
    )
    assert result.verifiers["all"] == {} and "too few labels" in only(result).words
    json.dumps(result.to_dict(), allow_nan=False)


def test_labels_drawn_by_the_verdict_of_one_verifier_need_weights() -> None:
    right, rng = truth(50)
    two = [judge(name, flipped(right, rng.random(50))) for name in "ab"]
    with pytest.raises(UsageError, match="one verifier only"):
        compare_verifiers(
            two, SharedLabels(right, np.arange(50)), MeasureOptions(labels_drawn=SamplingDesign.BY_VERDICT)
        )
    assert compare_verifiers(
        two, SharedLabels(right, np.arange(50), np.ones(50)), MeasureOptions(labels_drawn=SamplingDesign.BY_VERDICT)
    ).pairs


def test_two_verifiers_with_the_same_name_are_refused() -> None:
    right, rng = truth(50)
    one = judge("a", flipped(right, rng.random(50)))
    with pytest.raises(UsageError, match="same name"):
        compare_verifiers([one, one], SharedLabels(right, np.arange(50)))
