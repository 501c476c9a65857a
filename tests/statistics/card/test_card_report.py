"""The text of the card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.simulated.verifier_labels import cells
from winnow.statistics.card import estimate_card
from winnow.statistics.card_inputs import MeasureOptions, SamplingDesign, VerdictCounts
from winnow.statistics.card_report import format_estimate, format_percent, format_points
from winnow.statistics.intervals import IntervalEstimate

ROWS = cells(300, 70, 60, 170)
TABLE = VerdictCounts(6_000, 4_000, abstain=7, error=2)


def test_the_summary_begins_with_the_decision_its_size_and_the_number_of_labels() -> None:
    first = estimate_card(TABLE, ROWS).summary().splitlines()[0]
    assert first.startswith("helps: the share right among kept rows is 81% (77% to 85%), 22 points above")
    assert "n = 600 labels" in first


def test_the_summary_shows_the_rates_after_the_decision() -> None:
    second, third = estimate_card(TABLE, ROWS).summary().splitlines()[1:3]
    rates = "keeps 82% of right answers (phi, true-positive rate) and 28% of wrong answers (psi, false-positive rate)"
    assert second == rates
    assert third.startswith("of 10,000 rows like these, 4,860 are kept and right")


def test_labels_of_a_model_are_called_agreement_and_never_right() -> None:
    table = replace(TABLE, with_kept={0: TABLE.dropped, 1: TABLE.kept})
    for options in (
        MeasureOptions(judge="gpt-9"),
        MeasureOptions(judge="gpt-9", classes=2, w=0.3),
        MeasureOptions(judge="gpt-9", labels_drawn=SamplingDesign.BY_VERDICT),
    ):
        for rows in (ROWS, cells(30, 30, 30, 30), cells(3, 1, 0, 0)):
            alone = np.ones(len(rows))
            summary = estimate_card(table, replace(rows, prompt_kept=alone, prompt_decided=alone), options).summary()
            assert " right" not in summary
    assert "agreement with gpt-9" in estimate_card(TABLE, ROWS, MeasureOptions(judge="gpt-9")).summary()


def test_undecided_rows_are_counted() -> None:
    assert "7 abstain, 2 error: rates are over the 10,000 decided rows" in estimate_card(TABLE, ROWS).summary()
    assert "abstain" not in estimate_card(VerdictCounts(6_000, 4_000), ROWS).summary()


def test_the_summary_says_that_p_star_decides_for_two_classes_only() -> None:
    assert "decides nothing" in estimate_card(TABLE, ROWS).summary()
    assert "decides nothing" not in estimate_card(TABLE, ROWS, MeasureOptions(classes=2)).summary()
    assert "p*_w" in estimate_card(TABLE, ROWS, MeasureOptions(w=0.3)).summary()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.004, "0.4%"), (0.9971, "99.7%"), (0.62, "62%"), (-0.001, "-0.1%")],
)
def test_a_share_is_never_rounded_to_0_or_100_percent(value: float, text: str) -> None:
    assert format_percent(value) == text


def test_an_interval_shows_both_ends() -> None:
    assert format_estimate(IntervalEstimate(0.8, 0.75, 0.85)) == "80% (75% to 85%)"
    assert format_estimate(IntervalEstimate(0.95, 0.7, 0.99)) == "95% (70% to 99%)"
    assert (
        format_estimate(IntervalEstimate(1.0, 1.0, 1.0)) == "100%" and format_estimate(IntervalEstimate()) == "unknown"
    )
    assert (format_points(0.2), format_points(-0.003)) == ("+20", "-0.3")
