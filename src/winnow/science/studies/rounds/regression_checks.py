"""Regression and Gaussians refitted to their own output, against closed forms and published figures."""

from __future__ import annotations

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row
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
    """n b, and the published (digitized) figures beside it."""
    errors = r.simulate_replace(SIZE, 100, unit["fits"], unit.rng())
    at10, at100 = errors[:, 9], errors[:, 99]
    rows = [
        mean_check_row("replace, round 10, in b", at10 / B, Goal(10.0, 0.5, "derived")),
        mean_check_row("replace, round 10", at10, Goal(1.124, 0.05 * 1.124, "paper")),
        mean_check_row("replace, round 100, in b", at100 / B, Goal(100.0, 5.0, "paper")),
        mean_check_row(
            "replace, round 1, in s2 d/T", errors[:, 0] / UNIT, Goal(1.11, DIGITIZED_TOLERANCE * 1.11, "code")
        ),
        mean_check_row("replace, round 10, in s2 d/T", at10 / UNIT, Goal(10.4, DIGITIZED_TOLERANCE * 10.4, "code")),
    ]
    relative_gap = float(r.replace_error(SIZE, 100)[-1]) / UNIT / 99.6 - 1
    goal = Goal(DIGITIZED_TOLERANCE, 0.0, "code", ">=")
    return [*rows, check_row("replace, round 100: share of the formula above the digitized 99.6", relative_gap, goal)]


def accumulate_checks(unit: StudyUnit) -> list[Row]:
    """b sum 1 / i^2."""
    errors, rng = r.simulate_accumulate(SIZE, 200, 3 * unit["fits"], unit.rng()), unit.rng()
    rows = [
        mean_check_row("accumulate, round 10, in b", errors[:, 9] / B, Goal(1.550, 0.03 * 1.550, "paper")),
        mean_check_row("accumulate, round 200, in b", errors[:, 199] / B, Goal(1.645, 0.03 * 1.645, "paper")),
    ]
    for number, want in ((1, 1.12), (10, 1.70), (100, 1.78)):
        goal = Goal(want, DIGITIZED_TOLERANCE * want, "code")
        rows.append(mean_check_row(f"accumulate, round {number}, in s2 d/T", errors[:, number - 1] / UNIT, goal))
    found = r.simulate_averaged(SIZE, 20, 2 * unit["fits"], 0.5, rng)
    want = float(r.averaged_error(SIZE, 20, 0.5)[-1]) / B
    return [
        *rows,
        mean_check_row(
            "replace averaged with the first fit (a=.5), round 20, in b",
            found[:, -1] / B,
            Goal(want, 0.03 * want, "derived"),
        ),
    ]


def subsample_checks(unit: StudyUnit) -> list[Row]:
    """The plateau of accumulate-subsample, drawn in three ways, and at another size."""
    rng, runs, rows = unit.rng(), unit["subsamples"], []
    for name, config, want in (
        ("one X, without replacement", r.SubsampleConfig(), 3.15),
        ("fresh X", r.SubsampleConfig(one_x=False), 2.96),
        ("with replacement", r.SubsampleConfig("with"), 3.55),
    ):
        errors = r.simulate_subsample(SIZE, 60, runs, config, rng)
        goal = Goal(want, 0.10 * want, "derived")
        rows.append(
            mean_check_row(f"subsample, {name}: rounds 40-60, in b", errors[:, LATE_ROUNDS].mean(axis=1) / B, goal)
        )
        if config == r.SubsampleConfig():
            rows.append(
                mean_check_row("subsample, round 10, in s2 d/T", errors[:, 9] / UNIT, Goal(3.0, 0.15 * 3.0, "code"))
            )
    wide = r.RegressionSize(32, 100)
    errors = r.simulate_subsample(wide, 60, runs // 2, r.SubsampleConfig(), rng)
    found = errors[:, LATE_ROUNDS].mean(axis=1) / r.base_error(wide)
    return [*rows, mean_check_row("subsample, d=32: rounds 40-60, in b", found, Goal(4.35, 0.10 * 4.35, "derived"))]


def gaussian_closed_form_checks(unit: StudyUnit) -> list[Row]:
    """Limits and exact recursions of the refitted Gaussian: no chance involved."""
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
        rows.append(
            check_row(f"contraction of the unbiased deviation, n={n}", g.contraction(n), Goal(want, 6e-6, "derived"))
        )
    return rows


def gaussian_simulation_checks(unit: StudyUnit) -> list[Row]:
    """The same by drawing."""
    rng, runs = unit.rng(), unit["gaussians"]
    accumulated = g.simulate_accumulate(10, 100, runs // 20, rng)[:, -1]
    want = float(g.accumulate_variance(10, 100)[-1])
    sampled = g.simulate_subsample(10, 30, runs // 100, "without", rng)[:, -1]
    expected = float(g.subsample_variance(10, 30)[-1])
    return [
        mean_check_row(
            "Gaussian replace, n=10, round 20",
            g.simulate_replace(10, 20, runs, rng),
            Goal(0.1216, 0.05 * 0.1216, "derived"),
        ),
        mean_check_row(
            "Gaussian replace, n=100, round 100",
            g.simulate_replace(100, 100, runs // 10, rng),
            Goal(0.366, 0.05 * 0.366, "derived"),
        ),
        mean_check_row("Gaussian accumulate, n=10, round 100, drawn", accumulated, Goal(want, 0.03 * want, "derived")),
        mean_check_row(
            "Gaussian subsample, n=10, round 30, drawn", sampled, Goal(expected, 0.06 * expected, "derived")
        ),
        mean_check_row(
            "contraction of the unbiased deviation, n=10, drawn",
            g.simulate_contraction(10, runs, rng),
            Goal(0.97266, 0.002 * 0.97266, "derived"),
        ),
    ]
