"""What keeps a loop going or stops it: symbols that die out, a verifier's center, real data, weak labels, budgets."""

from __future__ import annotations

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.rounds import budgets, real_share, symbols, verifier_center, weak_labels

SOLVED = {10: (0.581, 0.482), 20: (0.749, 0.588), 40: (0.910, 0.708)}
U0, KAPPA, BETA = 0.7, 0.5, 0.1


def weak_label_checks(unit: StudyUnit) -> list[Row]:
    """Focused against unfocused weak labels: formulas, and prompts drawn."""
    rng, rows = unit.rng(), []
    focused, unfocused = (
        weak_labels.focused_share_solved(U0, KAPPA, BETA, 40),
        weak_labels.unfocused_share_solved(U0, KAPPA, BETA, 40),
    )
    for number, (focused_expected, unfocused_expected) in SOLVED.items():
        rows.append(
            check_row(
                f"weak labels, focused, round {number}", float(focused[number]), Goal(focused_expected, 6e-4, "derived")
            )
        )
        rows.append(
            check_row(
                f"weak labels, unfocused, round {number}",
                float(unfocused[number]),
                Goal(unfocused_expected, 6e-4, "derived"),
            )
        )
    for name, focus, line in (("focused", True, focused), ("unfocused", False, unfocused)):
        drawn = [
            weak_labels.simulate_share_solved(U0, KAPPA * BETA, 40, focus, 2_000, rng)[-1] for _ in range(unit["loops"])
        ]
        goal = Goal(float(line[-1]), 0.02 * float(line[-1]), "derived")
        rows.append(mean_check_row(f"weak labels, {name}, round 40, drawn", drawn, goal))
    gap = float(focused[-1] - unfocused[-1])
    return [*rows, check_row("weak labels: focusing is better", gap, Goal(0.0, 0.0, "paper", ">="))]


def symbol_checks(unit: StudyUnit) -> list[Row]:
    """Surviving symbols of a Zipf corpus of 400,000 tokens."""
    rng, counts = unit.rng(), symbols.zipf_counts(20_000, 400_000)
    found = np.array([symbols.simulate_alive(counts, 10, rng) for _ in range(unit["loops"] // 10)])
    expected = symbols.expected_alive(counts, 10)
    rows = []
    for number in (1, 10):
        goal = Goal(1.0, 0.02, "derived")
        rows.append(
            mean_check_row(
                f"symbols alive after round {number}, over the formula",
                found[:, number - 1] / expected[number - 1],
                goal,
            )
        )
    return rows


def center_checks(unit: StudyUnit) -> list[Row]:
    """Verified retraining: speed by selectivity, end at the verifier's center, and what bias does to the truth."""
    rng, d, n, rows = unit.rng(), 2, 50, []
    for tau in (0.7, 1.5):
        start = np.array([2.0, 0.0])
        found = np.array(
            [
                verifier_center.simulate_squared_distances(start, np.zeros(d), n, tau, 8, rng)
                for _ in range(unit["loops"])
            ]
        )
        want = verifier_center.expected_squared_distance(4.0, d, n, tau, 8)
        for number in (1, 8):
            goal = Goal(1.0, 0.45 if number == 8 else 0.15, "derived")
            rows.append(
                mean_check_row(
                    f"center, tau={tau:g}: distance after round {number}, over the formula",
                    found[:, number] / want[number],
                    goal,
                )
            )
    lines = {bias: verifier_center.expected_truth_error(0.6, bias, d, 200, 1.0, 30) for bias in (0.0, 0.3, 1.0)}
    return [
        *rows,
        check_row(
            "center, no bias: error left of the start's",
            float(lines[0.0][-1] / lines[0.0][0]),
            Goal(0.05, 0.0, "sign", "<="),
        ),
        check_row("center, mild bias: gain", float(lines[0.3][0] - lines[0.3][-1]), Goal(0.0, 0.0, "sign", ">=")),
        check_row(
            "center, mild bias: plateau above no bias",
            float(lines[0.3][-1] - lines[0.0][-1]),
            Goal(0.05, 0.0, "sign", ">="),
        ),
        check_row("center, strong bias: decline", float(lines[1.0][-1] - lines[1.0][0]), Goal(0.0, 0.0, "sign", ">=")),
    ]


def real_share_checks(unit: StudyUnit) -> list[Row]:
    """A constant share of real data: the distance stays below its bound; without real data it goes on growing."""
    rng, counts = unit.rng(), symbols.zipf_counts(50, 5_000)
    real, rows = counts / counts.sum(), []
    generators = {
        "sharpened": real_share.sharpening_generator(1.1),
        "resampled": real_share.resampling_generator(500, rng),
    }
    for name, generator in generators.items():
        for a in (0.1, 0.3):
            found, e = real_share.simulate_loop(real, generator, a, 60)
            over = float(np.max(found - real_share.distance_bound(a, e, 60)))
            rows.append(
                check_row(
                    f"real share {a:g}, {name}: largest excess over the bound", over, Goal(1e-12, 0.0, "derived", "<=")
                )
            )
    without = real_share.simulate_loop(real, generators["sharpened"], 0.0, 60)[0][-1]
    with_real = real_share.simulate_loop(real, generators["sharpened"], 0.3, 60)[0][-1]
    rows.append(
        check_row(
            "real share: distance without it over with .3", float(without / with_real), Goal(3.0, 0.0, "sign", ">=")
        )
    )
    return rows


def budget_checks(unit: StudyUnit) -> list[Row]:
    """Growing budgets in a contracting loop: the best of random ones is no better than the formula's."""
    rng, rho, rounds, total = unit.rng(), 0.8, 10, 10_000.0
    best = budgets.added_error(budgets.best_budget(rho, rounds, total), rho)
    even = budgets.added_error(budgets.constant_budget(rounds, total), rho)
    others = [budgets.added_error(total * rng.dirichlet(np.full(rounds, 5.0)), rho) for _ in range(2_000)]
    return [
        check_row("budgets: constant over growing", even / best, Goal(1.0, 0.0, "derived", ">=")),
        check_row(
            "budgets: least of 2,000 random plans over growing", min(others) / best, Goal(1.0, 0.0, "derived", ">=")
        ),
    ]
