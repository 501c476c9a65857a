"""The record of earlier forecasts: its numbers, and what it leaves out."""

from __future__ import annotations

import pytest

from winnow.statistics.outcomes import PastForecast, TrackRecord


def past(said: float | None, score: float | None, ranking: str | None) -> PastForecast:
    return PastForecast("p", said, score, None if score is None else 100, ranking)  # type: ignore[arg-type]


PILOTS = (past(0.7, 0.75, "held"), past(0.6, 0.5, "not held"), past(0.5, 0.5, "undecided"), past(0.5, None, None))


def test_the_record_counts_rankings_and_averages_differences() -> None:
    plain = TrackRecord("self", PILOTS).to_dict()
    assert (plain["pilots"], plain["outcomes"]) == (4, 3)
    assert plain["ranking"] == {"held": 1, "not_held": 1, "undecided": 1}
    assert plain["difference"] == pytest.approx({"value": -0.05 / 3, "low": -0.1, "high": 0.05})
    assert plain["error"] == pytest.approx(0.05)


def test_the_summary_of_the_record_states_what_is_not_counted() -> None:
    lines = list(TrackRecord("self", PILOTS, 2, ("p9: is gone",)).summary_lines())
    assert lines == [
        "your record (self): the forecast order held in 1 of 3 pilots (1 not held, 1 undecided)",
        "  mean difference between score and forecast share right: 5.0 points (3 students)",
        "  2 pilots of other regimes not counted",
        "  not read: p9: is gone",
    ]


def test_an_empty_record_has_no_number() -> None:
    empty = TrackRecord("teacher", ())
    assert list(empty.summary_lines()) == ["your record (teacher): no outcome is recorded"]
    assert (empty.to_dict()["difference"], empty.to_dict()["error"], empty.outcomes()) == (None, None, [])
    alone = TrackRecord("self", (past(0.5, 0.6, None),))
    assert "no pilot has outcomes of both" in next(alone.summary_lines())
