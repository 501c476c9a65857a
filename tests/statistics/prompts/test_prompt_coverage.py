"""The share of prompts with a right kept candidate: known, estimated, or bounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import Floats, LabeledRows, MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.prompts.prompt_coverage import PromptCoverage, estimate_prompt_coverage

PROMPTS = 400


def table(seed: int) -> tuple[np.ndarray, Floats, VerdictCounts]:
    """Kept rows by prompt and whether they are right; a prompt with more kept rows is an easier one."""
    rng = np.random.default_rng(seed)
    kept = rng.integers(0, 4, PROMPTS)
    prompt = np.repeat(np.arange(PROMPTS), kept)
    ease = rng.random(PROMPTS) * (kept / 3)
    right = (rng.random(len(prompt)) < ease[prompt]).astype(np.float64)
    with_kept = {int(number): int(count) for number, count in zip(*np.unique(kept, return_counts=True), strict=True)}
    return prompt, right, VerdictCounts(len(prompt), 4 * PROMPTS - len(prompt), with_kept=with_kept)


def labels(prompt: np.ndarray, right: Floats, rows: np.ndarray) -> LabeledRows:
    has = np.bincount(prompt, minlength=PROMPTS).astype(np.float64)[prompt]
    return LabeledRows(np.ones(len(rows), bool), right[rows], prompt[rows], None, has[rows], np.full(len(rows), 4.0))


def found(counts: VerdictCounts, labeled: LabeledRows, how: MeasureOptions | None = None) -> PromptCoverage:
    one = estimate_prompt_coverage(counts, labeled, how or MeasureOptions())
    assert one is not None
    return one


def truth(prompt: np.ndarray, right: Floats) -> float:
    return float((np.bincount(prompt, right, minlength=PROMPTS) > 0).mean())


def test_with_every_kept_row_labeled_coverage_is_the_share_of_prompts() -> None:
    prompt, counts = np.repeat(np.arange(100), 2), VerdictCounts(200, 0, with_kept={2: 100})
    right = (np.arange(200) < 160).astype(np.float64)
    figure = found(counts, labels(prompt, right, np.arange(200)))
    assert figure.value == 0.8 and figure.low is not None and 0.70 < figure.low < 0.72
    assert figure.high is not None and 0.86 < figure.high < 0.88


def test_prompts_without_a_kept_row_are_not_covered_even_without_labels() -> None:
    nothing = LabeledRows(np.zeros(0, bool), np.zeros(0), np.zeros(0, np.int64), None, np.zeros(0), np.zeros(0))
    assert found(VerdictCounts(0, 40, with_kept={0: 10}), nothing).value == 0.0
    half = found(VerdictCounts(50, 40, with_kept={0: 50, 1: 50}), nothing)
    assert half.value is None and half.low == 0.0
    assert half.high is not None and 0.5 < half.high < 0.61


def test_with_one_kept_row_per_prompt_coverage_is_keep_rate_times_precision() -> None:
    rows = LabeledRows(
        np.ones(40, bool), (np.arange(40) < 30).astype(np.float64), np.arange(40), None, np.ones(40), np.ones(40)
    )
    assert found(VerdictCounts(600, 400, with_kept={0: 400, 1: 600}), rows).value == pytest.approx(0.6 * 0.75)


def test_coverage_from_fully_labeled_prompts_is_unbiased() -> None:
    """Labels drawn row by row show prompts with few kept rows whole more often, and those are the hard ones."""
    inside, errors, naive = 0, [], []
    for seed in range(150):
        prompt, right, counts = table(seed)
        rng = np.random.default_rng([1, seed])
        rows = np.flatnonzero(rng.random(len(prompt)) < 0.7)
        one = found(counts, labels(prompt, right, rows), MeasureOptions(seed=seed))
        assert one.value is not None and one.low is not None and one.high is not None
        errors.append(one.value - truth(prompt, right))
        inside += one.low <= truth(prompt, right) <= one.high
        candidates = np.bincount(prompt[rows], minlength=PROMPTS) == np.bincount(prompt, minlength=PROMPTS)
        naive.append(
            float((np.bincount(prompt, right, minlength=PROMPTS) > 0)[candidates].mean()) - truth(prompt, right)
        )
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(len(errors))
    assert abs(np.mean(naive)) > 4 * np.std(naive) / np.sqrt(len(naive))
    assert inside / 150 > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 150)


def test_without_a_fully_labeled_prompt_the_bounds_contain_the_truth() -> None:
    for seed in range(20):
        prompt, right, counts = table(seed)
        rows = np.flatnonzero(np.append(True, prompt[1:] != prompt[:-1]))
        one = found(counts, labels(prompt, right, rows))
        assert one.value is None and "all labeled" in one.why
        assert one.low is not None and one.high is not None
        assert 0 < one.low < truth(prompt, right) < one.high < 1


def test_labels_that_cannot_show_coverage_give_no_value_and_a_reason() -> None:
    prompt, right, counts = table(0)
    every = labels(prompt, right, np.arange(len(prompt)))
    by_label = found(counts, every, MeasureOptions(labels_drawn=SamplingDesign.BY_LABEL))
    assert by_label.value is None and "by label" in by_label.why
    weighed = replace(every, weight=np.linspace(1.0, 2.0, len(every)))
    assert found(counts, weighed).high is None and "unequal chances" in found(counts, weighed).why


def test_a_table_without_prompt_counts_has_no_coverage() -> None:
    assert (
        estimate_card(
            VerdictCounts(5, 5), LabeledRows(np.array([True]), np.ones(1), np.zeros(1, np.int64))
        ).prompts_served
        is None
    )
