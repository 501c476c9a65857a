"""Checks of what keeps a loop stable: symbols, the center of a verifier, real data, weak labels, and budgets."""

from __future__ import annotations

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row, relative_goal
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.rounds import budgets, real_share, symbols, verifier_center, weak_labels

SOLVED = {10: (0.581, 0.482), 20: (0.749, 0.588), 40: (0.910, 0.708)}
U0, KAPPA, BETA = 0.7, 0.5, 0.1


def weak_label_checks(unit: StudyUnit) -> list[Row]:
    """Check focused and unfocused weak labels by formula and by drawing."""
    rng, rows = unit.rng(), []
    focused = weak_labels.focused_share_solved(U0, KAPPA, BETA, 40)
    unfocused = weak_labels.unfocused_share_solved(U0, KAPPA, BETA, 40)
    for number, expected in SOLVED.items():
        for name, shares, want in zip(("focused", "unfocused"), (focused, unfocused), expected, strict=True):
            goal = Goal(want, 6e-4, "derived")
            rows.append(check_row(f"weak labels, {name}, round {number}", float(shares[number]), goal))
    for name, focus, shares in (("focused", True, focused), ("unfocused", False, unfocused)):
        runs = range(unit["loops"])
        drawn = [weak_labels.simulate_share_solved(U0, KAPPA * BETA, 40, focus, 2_000, rng)[-1] for _ in runs]
        goal = relative_goal(float(shares[-1]), 0.02)
        rows.append(mean_check_row(f"weak labels, {name}, round 40, drawn", drawn, goal))
    gap = float(focused[-1] - unfocused[-1])
    return [*rows, check_row("weak labels: focusing is better", gap, Goal(0.0, 0.0, "paper", ">="))]


def symbol_checks(unit: StudyUnit) -> list[Row]:
    """Check the surviving symbols of a Zipf corpus of 400,000 tokens."""
    rng, counts = unit.rng(), symbols.zipf_counts(20_000, 400_000)
    alive = np.array([symbols.simulate_alive(counts, 10, rng) for _ in range(unit["loops"] // 10)])
    ratios = alive / symbols.expected_alive(counts, 10)
    goal = Goal(1.0, 0.02, "derived")
    return [
        mean_check_row(f"symbols alive after round {number}, over the formula", ratios[:, number - 1], goal)
        for number in (1, 10)
    ]


def center_checks(unit: StudyUnit) -> list[Row]:
    """Check the speed and the end of verified retraining, and what the bias of the verifier does to the truth."""
    rng, d, n, runs, rows = unit.rng(), 2, 50, range(unit["loops"]), []
    start, center = np.array([2.0, 0.0]), np.zeros(2)
    for tau in (0.7, 1.5):
        drawn = [verifier_center.simulate_squared_distances(start, center, n, tau, 8, rng) for _ in runs]
        ratios = np.array(drawn) / verifier_center.expected_squared_distance(4.0, d, n, tau, 8)
        for number, tolerance in ((1, 0.15), (8, 0.45)):
            name = f"center, tau={tau:g}: distance after round {number}, over the formula"
            rows.append(mean_check_row(name, ratios[:, number], Goal(1.0, tolerance, "derived")))
    none, mild, strong = (
        verifier_center.expected_truth_error(0.6, bias, d, 200, 1.0, 30)[[0, -1]].tolist() for bias in (0.0, 0.3, 1.0)
    )
    positive, plateau = Goal(0.0, 0.0, "sign", ">="), Goal(0.05, 0.0, "sign", ">=")
    return [
        *rows,
        check_row("center, no bias: error left of the start's", none[1] / none[0], Goal(0.05, 0.0, "sign", "<=")),
        check_row("center, mild bias: gain", mild[0] - mild[1], positive),
        check_row("center, mild bias: plateau above no bias", mild[1] - none[1], plateau),
        check_row("center, strong bias: decline", strong[1] - strong[0], positive),
    ]


def real_share_checks(unit: StudyUnit) -> list[Row]:
    """Check that a constant real share keeps the distance below its bound, and that it grows without real data."""
    rng, counts = unit.rng(), symbols.zipf_counts(50, 5_000)
    real, rows = counts / counts.sum(), []
    sharpened = real_share.sharpening_generator(1.1)
    for name, generator in (("sharpened", sharpened), ("resampled", real_share.resampling_generator(500, rng))):
        for a in (0.1, 0.3):
            distances, e = real_share.simulate_loop(real, generator, a, 60)
            excess = float(np.max(distances - real_share.distance_bound(a, e, 60)))
            goal = Goal(1e-12, 0.0, "derived", "<=")
            rows.append(check_row(f"real share {a:g}, {name}: largest excess over the bound", excess, goal))
    without, with_real = (real_share.simulate_loop(real, sharpened, a, 60)[0][-1] for a in (0.0, 0.3))
    ratio, goal = float(without / with_real), Goal(3.0, 0.0, "sign", ">=")
    return [*rows, check_row("real share: distance without it over with .3", ratio, goal)]


def budget_checks(unit: StudyUnit) -> list[Row]:
    """Check growing budgets in a contracting loop against the constant one and against random ones."""
    rng, rho, rounds, total = unit.rng(), 0.8, 10, 10_000.0
    best = budgets.added_error(budgets.best_budget(rho, rounds, total), rho)
    constant = budgets.added_error(budgets.constant_budget(rounds, total), rho)
    random_plans = (total * rng.dirichlet(np.full(rounds, 5.0)) for _ in range(2_000))
    least = min(budgets.added_error(plan, rho) for plan in random_plans)
    goal = Goal(1.0, 0.0, "derived", ">=")
    return [
        check_row("budgets: constant over growing", constant / best, goal),
        check_row("budgets: least of 2,000 random plans over growing", least / best, goal),
    ]
