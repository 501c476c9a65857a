"""What the card says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stats.card.drawn_tables import cells
from winnow.stats.card import card
from winnow.stats.evidence import Counts, Drawn, How
from winnow.stats.intervals import Figure
from winnow.stats.words import around, percent, points

ROWS = cells(300, 70, 60, 170)
TABLE = Counts(6_000, 4_000, abstain=7, error=2)


def test_the_first_line_says_what_is_kept_what_gets_through_and_what_it_is_worth() -> None:
    first = card(TABLE, ROWS).words().splitlines()[0]
    for part in ("keeps 82% of right answers (phi, true-positive rate)", "lets 28% of wrong ones through (psi,"):
        assert part in first
    assert "right among kept 81% +-4, raw 59%" in first and "per 10,000 rows: 4,860 right" in first


def test_the_decision_comes_second_with_its_size() -> None:
    second = card(TABLE, ROWS).words().splitlines()[1]
    assert second.startswith("helps: the share right among kept is +22 points from raw (+")


def test_labels_of_a_model_are_agreement_and_never_right() -> None:
    table = replace(TABLE, with_kept={0: TABLE.dropped, 1: TABLE.kept})
    for how in (How(judge="gpt-9"), How(judge="gpt-9", classes=2, w=0.3), How(judge="gpt-9", drawn=Drawn.BY_VERDICT)):
        for rows in (ROWS, cells(30, 30, 30, 30), cells(3, 1, 0, 0)):
            alone = np.ones(len(rows))
            words = card(table, replace(rows, prompt_kept=alone, prompt_decided=alone), how).words()
            assert " right" not in words
    assert "agreement with gpt-9" in card(TABLE, ROWS, How(judge="gpt-9")).words()


def test_undecided_rows_stand_beside_the_rates() -> None:
    assert "7 abstain, 2 error: rates are over the 10,000 decided rows" in card(TABLE, ROWS).words()
    assert "abstain" not in card(Counts(6_000, 4_000), ROWS).words()


def test_the_margin_is_shown_but_said_to_decide_for_two_classes_only() -> None:
    assert "decides nothing" in card(TABLE, ROWS).words()
    assert "decides nothing" not in card(TABLE, ROWS, How(classes=2)).words()
    assert "p*_w" in card(TABLE, ROWS, How(w=0.3)).words()


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0%"), (1.0, "100%"), (0.004, "0.4%"), (0.9971, "99.7%"), (0.62, "62%"), (-0.001, "-0.1%")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(value: float, words: str) -> None:
    assert percent(value) == words


def test_a_lopsided_interval_shows_both_ends() -> None:
    assert around(Figure(0.8, 0.75, 0.85)) == "80% +-5"
    assert around(Figure(0.95, 0.7, 0.99)) == "95% (70% to 99%)"
    assert around(Figure(1.0, 1.0, 1.0)) == "100%" and around(Figure()) == "unknown"
    assert (points(0.2), points(-0.003)) == ("+20", "-0.3")
