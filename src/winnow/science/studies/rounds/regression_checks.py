"""Checks of regression and of Gaussians refitted to their own output, against closed forms and published figures."""

from __future__ import annotations

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row, relative_goal
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.rounds import gaussians as g
from winnow.science.theory.rounds import regression as r

SIZE = r.RegressionSize(10, 100)
B = r.base_error(SIZE)
UNIT = SIZE.d / SIZE.rows
"""s^2 d / T, the unit of the published figures."""
DIGITIZED_TOLERANCE = 0.10
LATE_ROUNDS = slice(39, 60)


def replace_checks(unit: StudyUnit) -> list[Row]:
    """Check n b, and the published (digitized) figures."""
    errors = r.simulate_replace(SIZE, 100, unit["fits"], unit.rng())
    at1, at10, at100 = errors[:, 0], errors[:, 9], errors[:, 99]
    formula_gap = float(r.replace_error(SIZE, 100)[-1]) / UNIT / 99.6 - 1
    gap_goal = Goal(DIGITIZED_TOLERANCE, 0.0, "code", ">=")
    return [
        mean_check_row("replace, round 10, in b", at10 / B, Goal(10.0, 0.5, "derived")),
        mean_check_row("replace, round 10", at10, relative_goal(1.124, 0.05, "paper")),
        mean_check_row("replace, round 100, in b", at100 / B, Goal(100.0, 5.0, "paper")),
        mean_check_row("replace, round 1, in s2 d/T", at1 / UNIT, relative_goal(1.11, DIGITIZED_TOLERANCE, "code")),
        mean_check_row("replace, round 10, in s2 d/T", at10 / UNIT, relative_goal(10.4, DIGITIZED_TOLERANCE, "code")),
        check_row("replace, round 100: share of the formula above the digitized 99.6", formula_gap, gap_goal),
    ]


def accumulate_checks(unit: StudyUnit) -> list[Row]:
    """Check b sum 1 / i^2, and replace averaged with the first fit."""
    errors, rng = r.simulate_accumulate(SIZE, 200, 3 * unit["fits"], unit.rng()), unit.rng()
    rows = [
        mean_check_row("accumulate, round 10, in b", errors[:, 9] / B, relative_goal(1.550, 0.03, "paper")),
        mean_check_row("accumulate, round 200, in b", errors[:, 199] / B, relative_goal(1.645, 0.03, "paper")),
    ]
    for number, want in ((1, 1.12), (10, 1.70), (100, 1.78)):
        goal = relative_goal(want, DIGITIZED_TOLERANCE, "code")
        rows.append(mean_check_row(f"accumulate, round {number}, in s2 d/T", errors[:, number - 1] / UNIT, goal))
    averaged = r.simulate_averaged(SIZE, 20, 2 * unit["fits"], 0.5, rng)[:, -1]
    goal = relative_goal(float(r.averaged_error(SIZE, 20, 0.5)[-1]) / B, 0.03)
    return [*rows, mean_check_row("replace averaged with the first fit (a=.5), round 20, in b", averaged / B, goal)]


def subsample_checks(unit: StudyUnit) -> list[Row]:
    """Check the plateau of accumulate-subsample for three ways of drawing, and at another size."""
    rng, runs, rows = unit.rng(), unit["subsamples"], []
    for name, config, want in (
        ("one X, without replacement", r.SubsampleConfig(), 3.15),
        ("fresh X", r.SubsampleConfig(one_x=False), 2.96),
        ("with replacement", r.SubsampleConfig("with"), 3.55),
    ):
        errors = r.simulate_subsample(SIZE, 60, runs, config, rng)
        late = errors[:, LATE_ROUNDS].mean(axis=1) / B
        rows.append(mean_check_row(f"subsample, {name}: rounds 40-60, in b", late, relative_goal(want, 0.10)))
        if config == r.SubsampleConfig():
            goal = relative_goal(3.0, 0.15, "code")
            rows.append(mean_check_row("subsample, round 10, in s2 d/T", errors[:, 9] / UNIT, goal))
    wide = r.RegressionSize(32, 100)
    errors = r.simulate_subsample(wide, 60, runs // 2, r.SubsampleConfig(), rng)
    late = errors[:, LATE_ROUNDS].mean(axis=1) / r.base_error(wide)
    return [*rows, mean_check_row("subsample, d=32: rounds 40-60, in b", late, relative_goal(4.35, 0.10))]


def gaussian_closed_form_checks(unit: StudyUnit) -> list[Row]:
    """Check limits and exact recursions of the refitted Gaussian; nothing here is random."""
    limits = {10: (0.8434, 0.7390, 0.7155), 32: (0.9494, 0.9116, 0.9018), 100: (0.9836, 0.9710, 0.9676)}
    rows = []
    for n, (accumulated, without, with_) in limits.items():
        for name, got, want in (
            ("accumulate limit", g.accumulate_limit(n), accumulated),
            ("subsample limit", float(g.subsample_variance(n, unit["far"])[-1]), without),
            ("subsample limit, with replacement", float(g.subsample_variance(n, unit["far"], "with")[-1]), with_),
        ):
            rows.append(check_row(f"Gaussian {name}, n={n}", got, Goal(want, 1.1e-4, "derived")))
    for n, want in ((10, 0.97266), (100, 0.99748)):
        goal = Goal(want, 6e-6, "derived")
        rows.append(check_row(f"contraction of the unbiased deviation, n={n}", g.contraction(n), goal))
    return rows


def gaussian_simulation_checks(unit: StudyUnit) -> list[Row]:
    """Check the refitted Gaussian by drawing."""
    rng, runs = unit.rng(), unit["gaussians"]
    accumulated = g.simulate_accumulate(10, 100, runs // 20, rng)[:, -1]
    subsampled = g.simulate_subsample(10, 30, runs // 100, "without", rng)[:, -1]
    replaced10, replaced100 = g.simulate_replace(10, 20, runs, rng), g.simulate_replace(100, 100, runs // 10, rng)
    contraction = g.simulate_contraction(10, runs, rng)
    accumulate_goal = relative_goal(float(g.accumulate_variance(10, 100)[-1]), 0.03)
    subsample_goal = relative_goal(float(g.subsample_variance(10, 30)[-1]), 0.06)
    contraction_goal = relative_goal(0.97266, 0.002)
    return [
        mean_check_row("Gaussian replace, n=10, round 20", replaced10, relative_goal(0.1216, 0.05)),
        mean_check_row("Gaussian replace, n=100, round 100", replaced100, relative_goal(0.366, 0.05)),
        mean_check_row("Gaussian accumulate, n=10, round 100, drawn", accumulated, accumulate_goal),
        mean_check_row("Gaussian subsample, n=10, round 30, drawn", subsampled, subsample_goal),
        mean_check_row("contraction of the unbiased deviation, n=10, drawn", contraction, contraction_goal),
    ]
