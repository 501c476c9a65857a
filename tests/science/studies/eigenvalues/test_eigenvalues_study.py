"""The eigenvalue study: its checks fail on rows that contradict them, and hold for what a run at quick finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from winnow.science.studies.eigenvalues.checks import check_rows
from winnow.science.studies.eigenvalues.report import crossing_p_star, draw_figures, summary_lines
from winnow.science.studies.eigenvalues.study import PAPER, QUICK, SCALES, SMALL, STUDY
from winnow.science.studies.framework.check import Row
from winnow.science.studies.framework.runner import StudyRequest, run_study

GOOD = {"generator": 0.40, "unverified": 0.37, "noisy_0.3": 0.43, "oracle": 0.50}
P_STAR = {"unverified": 0.5, "noisy_0.3": 1 / 1.3, "oracle": 1.0}


def study_rows(accuracies: dict[str, float], seed: int = 0) -> list[Row]:
    """The rows of one seed with these accuracies of the generator and the students."""
    rows: list[Row] = [
        {
            "what": "model",
            "who": who,
            "accuracy": value,
            "wrong_before": 0.6,
            "p_star": p_star,
            "psi": p_star and 1 / p_star - 1,
        }
        for who, value in accuracies.items()
        for p_star in [P_STAR.get(who)]
    ]
    rows += [{"what": "labels", "who": "greedy", "of": None, "accuracy": 0.4}]
    rows += [{"what": "labels", "who": "likeliest_beam", "of": None, "accuracy": 0.39}]
    rows += [
        {"what": "labels", "who": "best_of_beams", "of": n, "accuracy": value}
        for n, value in ((1, 0.39), (5, 0.6), (10, 0.7))
    ]
    accuracies_by_round = {"oracle": (0.4, 0.48, 0.52), "unverified": (0.4, 0.37, 0.35)}
    rounds: list[Row] = [
        {"part": "rounds", "what": "model", "who": who, "round": number, "accuracy": value}
        for who, values in accuracies_by_round.items()
        for number, value in enumerate(values)
    ]
    return [{"seed": seed, "part": "students", "round": None, **row} for row in rows + rounds]


def failed_checks(rows: list[Row]) -> set[str]:
    return {check.name for check in check_rows(rows, SMALL) if not check.is_ok}


def test_all_checks_hold_on_rows_that_agree_with_the_paper() -> None:
    assert failed_checks(study_rows(GOOD)) == set()
    assert len(check_rows(study_rows(GOOD), SMALL)) == 10


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"oracle": 0.415}, "oracle's student over the unverified one"),
        ({"oracle": 0.39, "unverified": 0.2}, "oracle's student over the generator"),
        ({"noisy_0.3": 0.34}, "least gain from a verifier with less noise"),
    ],
)
def test_a_check_fails_if_one_of_the_seeds_contradicts_it(change: dict[str, float], name: str) -> None:
    assert name in failed_checks(study_rows(GOOD, 0) + study_rows(GOOD | change, 1))


@pytest.mark.parametrize(
    ("who", "of", "value", "name"),
    [
        ("best_of_beams", 10, 0.59, "least gain of labels from more beams"),
        ("greedy", None, 0.6, "best of 10 beams by an oracle over greedy, as a ratio"),
        ("likeliest_beam", None, 0.5, "likeliest beam against greedy"),
    ],
)
def test_labels_that_contradict_a_check_fail_it(who: str, of: int | None, value: float, name: str) -> None:
    rows = [
        row | {"accuracy": value} if row["what"] == "labels" and (row["who"], row["of"]) == (who, of) else row
        for row in study_rows(GOOD)
    ]
    assert name in failed_checks(rows)


def test_the_checks_of_rounds_fail_if_the_gap_does_not_widen() -> None:
    rows = [
        row | {"accuracy": 0.4} if row["part"] == "rounds" and row["round"] == 2 else row for row in study_rows(GOOD)
    ]
    assert {"rounds: the gap at the end", "rounds: the least widening of the gap"} <= failed_checks(rows)


def test_the_crossing_is_where_the_students_reach_the_accuracy_of_the_generator() -> None:
    crossing = crossing_p_star(study_rows(GOOD))
    assert crossing is not None
    assert crossing == pytest.approx(0.5 + (1 / 1.3 - 0.5) * (0.40 - 0.37) / (0.43 - 0.37))
    assert crossing_p_star(study_rows(GOOD | {"generator": 0.3})) is None


def test_the_summary_shows_published_numbers_and_observations_without_a_check() -> None:
    summary = "\n".join(summary_lines(study_rows(GOOD)))
    assert "60.4% (of 50)" in summary and "not published here" in summary
    assert "seen, not checked: the unverified student ended below its generator for 1 of 1 seeds" in summary


def test_figures_are_drawn_for_the_rows_that_exist(tmp_path: Path) -> None:
    assert [path.name for path in draw_figures(study_rows(GOOD), tmp_path)] == [
        "noise.png",
        "best-of-n.png",
        "rounds.png",
    ]
    assert draw_figures([], tmp_path) == []


def test_scales_have_the_same_settings_and_claims_name_checks() -> None:
    assert QUICK.keys() == SMALL.keys() == PAPER.keys()
    names = {check.name for check in check_rows(study_rows(GOOD), SMALL)}
    assert {name for claim in STUDY.claims for name in claim.checks} <= names
    assert SCALES["paper"].hours > 1


@pytest.mark.slow
def test_at_quick_the_checks_hold(tmp_path: Path) -> None:
    request = StudyRequest("quick", seeds=(0,), out=tmp_path, workers=1)
    result = run_study("winnow.science.studies.eigenvalues.study:STUDY", request, report_line=lambda line: None)
    assert {check.name for check in result.checks if not check.is_ok} == set()
    assert len(result.checks) == 5
