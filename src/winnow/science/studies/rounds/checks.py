"""The checks of many rounds: regression, token editing, Gaussians, and what keeps a loop stable.

Closed forms and exact recursions are compared with simulations, with printed values, and with digitized figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row, relative_goal
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.arrays import Floats, Ints
from winnow.science.theory.rounds import contracting_loop, symbols
from winnow.science.theory.rounds import gaussians as g
from winnow.science.theory.rounds import regression as r

SIZE, WIDE = r.RegressionSize(10, 100), r.RegressionSize(32, 100)
B = r.base_error(SIZE)
UNIT = SIZE.d / SIZE.rows
"""s^2 d / T, the unit of the published figures."""
DIGITIZED_TOLERANCE = 0.10
LATE_ROUNDS = slice(39, 60)

EDITED_SHARES = {0.1: 1.19, 0.3: 1.60, 0.5: 2.06, 1.0: 3.22}
FIXED_SHARES = {0.125: 1.28, 0.5: 3.06}
SETTLED_ROUNDS = 100  # after so many rounds, editing the same rows changes nothing

SOLVED = {10: (0.581, 0.482), 20: (0.749, 0.588), 40: (0.910, 0.708)}
U0, KAPPA, BETA = 0.7, 0.5, 0.1


def replace_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check n b, and the published (digitized) figures."""
    errors = r.simulate_replace(SIZE, 100, unit["fits"], unit.rng())
    at1, at10, at100 = errors[:, 0], errors[:, 9], errors[:, 99]
    yield mean_check_row("replace, round 10, in b", at10 / B, Goal(10.0, 0.5, "derived"))
    yield mean_check_row("replace, round 10", at10, relative_goal(1.124, 0.05, "paper"))
    yield mean_check_row("replace, round 100, in b", at100 / B, Goal(100.0, 5.0, "paper"))
    yield mean_check_row("replace, round 1, in s2 d/T", at1 / UNIT, relative_goal(1.11, DIGITIZED_TOLERANCE, "code"))
    yield mean_check_row("replace, round 10, in s2 d/T", at10 / UNIT, relative_goal(10.4, DIGITIZED_TOLERANCE, "code"))
    gap, goal = float(r.replace_error(SIZE, 100)[-1]) / UNIT / 99.6 - 1, Goal(DIGITIZED_TOLERANCE, 0.0, "code", ">=")
    yield check_row("replace, round 100: share of the formula above the digitized 99.6", gap, goal)


def accumulate_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check b sum 1 / i^2, and replace averaged with the first fit."""
    errors = r.simulate_accumulate(SIZE, 200, 3 * unit["fits"], unit.rng())
    yield mean_check_row("accumulate, round 10, in b", errors[:, 9] / B, relative_goal(1.550, 0.03, "paper"))
    yield mean_check_row("accumulate, round 200, in b", errors[:, 199] / B, relative_goal(1.645, 0.03, "paper"))
    for number, want in ((1, 1.12), (10, 1.70), (100, 1.78)):
        goal = relative_goal(want, DIGITIZED_TOLERANCE, "code")
        yield mean_check_row(f"accumulate, round {number}, in s2 d/T", errors[:, number - 1] / UNIT, goal)
    averaged = r.simulate_averaged(SIZE, 20, 2 * unit["fits"], 0.5, unit.rng())[:, -1]
    goal = relative_goal(float(r.averaged_error(SIZE, 20, 0.5)[-1]) / B, 0.03)
    yield mean_check_row("replace averaged with the first fit (a=.5), round 20, in b", averaged / B, goal)


def subsample_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the plateau of accumulate-subsample for three ways of drawing, and at another size."""
    rng, runs = unit.rng(), unit["subsamples"]
    errors = r.simulate_subsample(SIZE, 60, runs, rng)
    yield _plateau_check("one X, without replacement", errors, B, 3.15)
    goal = relative_goal(3.0, 0.15, "code")
    yield mean_check_row("subsample, round 10, in s2 d/T", errors[:, 9] / UNIT, goal)
    yield _plateau_check("fresh X", r.simulate_subsample(SIZE, 60, runs, rng, one_x=False), B, 2.96)
    yield _plateau_check("with replacement", r.simulate_subsample(SIZE, 60, runs, rng, "with"), B, 3.55)
    yield _plateau_check("d=32", r.simulate_subsample(WIDE, 60, runs // 2, rng), r.base_error(WIDE), 4.35)


def _plateau_check(name: str, errors: Floats, b: float, want: float) -> Row:
    late = errors[:, LATE_ROUNDS].mean(axis=1) / b
    return mean_check_row(f"subsample, {name}: rounds 40-60, in b", late, relative_goal(want, 0.10))


def block_editing_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check all rows in one edit, 20 blocks of 5%, and 5 blocks of a share of all rows, against the claimed 2 b."""
    rng, designs = unit.rng(), unit["designs"]
    once = _final_errors(SIZE, r.disjoint_blocks(SIZE, 1), designs, rng)
    twenty = _final_errors(SIZE, r.disjoint_blocks(SIZE, 20), designs, rng)
    wide = _final_errors(WIDE, r.disjoint_blocks(WIDE, 20), designs, rng)
    yield mean_check_row("edit, all rows once, in b", once, Goal(2.0, 0.06, "derived"))
    yield mean_check_row("edit, 20 blocks of 5%, in b", twenty, relative_goal(3.7, 0.05))
    yield mean_check_row("edit, 20 blocks of 5%, d=32, in b", wide, relative_goal(3.0, 0.05))
    for share, want in EDITED_SHARES.items():
        errors = _final_errors(SIZE, r.disjoint_blocks(SIZE, 5, share), designs, rng)
        yield mean_check_row(f"edit, 5 blocks, {share:g} of all rows, in b", errors, relative_goal(want, 0.05))
    excess = float(np.mean(twenty)) - 2.0
    yield check_row("edit, 20 blocks: above the claimed 2 b by", excess, Goal(1.0, 0.0, "derived", ">="))


def repeated_editing_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check that editing the same rows every round settles, that new rows do not, and the explicit bound."""
    rng, designs = unit.rng(), unit["designs"]
    for share, want in FIXED_SHARES.items():
        errors = _final_errors(SIZE, r.fixed_rows(SIZE, share, SETTLED_ROUNDS), designs, rng)
        yield mean_check_row(f"edit, the same {share:g} every round, in b", errors, relative_goal(want, 0.10))
    redrawn = np.array([r.exact_errors(SIZE, r.redrawn_rows(SIZE, 0.1, 40, rng), rng) for _ in range(designs)]) / B
    growth = (redrawn[:, 40] - redrawn[:, 20]) / (redrawn[:, 20] - redrawn[:, 0]).mean()
    yield mean_check_row("edit, new 0.1 every round: rounds 20-40 over 0-20", growth, Goal(1.0, 0.15, "derived"))
    sizes = [50, 25, 12, 6, 3]  # the explicit bound assumes blocks that halve
    halving_blocks = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    errors = _final_errors(SIZE, halving_blocks, designs, unit.rng())
    goal = Goal(r.claimed_bound(SIZE, sizes[0], 0.5) / B, 0.0, "paper", "<=")
    yield mean_check_row("edit, blocks that halve: at most the explicit bound, in b", errors, goal)


def _final_errors(size: r.RegressionSize, sets: list[Ints], designs: int, rng: np.random.Generator) -> Floats:
    """The error after the last edit in units of b, for each of several random X."""
    return np.array([r.exact_errors(size, sets, rng)[-1] for _ in range(designs)]) / r.base_error(size)


def gaussian_closed_form_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check limits and exact recursions of the refitted Gaussian; nothing here is random."""
    limits = {10: (0.8434, 0.7390, 0.7155), 32: (0.9494, 0.9116, 0.9018), 100: (0.9836, 0.9710, 0.9676)}
    for n, (accumulated, without, with_) in limits.items():
        for name, got, want in (
            ("accumulate limit", g.accumulate_limit(n), accumulated),
            ("subsample limit", float(g.subsample_variance(n, unit["far"])[-1]), without),
            ("subsample limit, with replacement", float(g.subsample_variance(n, unit["far"], "with")[-1]), with_),
        ):
            yield check_row(f"Gaussian {name}, n={n}", got, Goal(want, 1.1e-4, "derived"))
    for n, want in ((10, 0.97266), (100, 0.99748)):
        goal = Goal(want, 6e-6, "derived")
        yield check_row(f"contraction of the unbiased deviation, n={n}", g.contraction(n), goal)


def gaussian_simulation_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the refitted Gaussian by drawing."""
    rng, runs = unit.rng(), unit["gaussians"]
    accumulated = g.simulate_accumulate(10, 100, runs // 20, rng)[:, -1]
    subsampled = g.simulate_subsample(10, 30, runs // 100, "without", rng)[:, -1]
    replaced10, replaced100 = g.simulate_replace(10, 20, runs, rng), g.simulate_replace(100, 100, runs // 10, rng)
    yield mean_check_row("Gaussian replace, n=10, round 20", replaced10, relative_goal(0.1216, 0.05))
    yield mean_check_row("Gaussian replace, n=100, round 100", replaced100, relative_goal(0.366, 0.05))
    goal = relative_goal(float(g.accumulate_variance(10, 100)[-1]), 0.03)
    yield mean_check_row("Gaussian accumulate, n=10, round 100, drawn", accumulated, goal)
    goal = relative_goal(float(g.subsample_variance(10, 30)[-1]), 0.06)
    yield mean_check_row("Gaussian subsample, n=10, round 30, drawn", subsampled, goal)
    contraction = g.simulate_contraction(10, runs, rng)
    goal = relative_goal(0.97266, 0.002)
    yield mean_check_row("contraction of the unbiased deviation, n=10, drawn", contraction, goal)


def weak_label_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check focused and unfocused weak labels by formula and by drawing."""
    rng = unit.rng()
    focused = contracting_loop.focused_share_solved(U0, KAPPA, BETA, 40)
    unfocused = contracting_loop.unfocused_share_solved(U0, KAPPA, BETA, 40)
    for number, expected in SOLVED.items():
        for name, shares, want in zip(("focused", "unfocused"), (focused, unfocused), expected, strict=True):
            goal = Goal(want, 6e-4, "derived")
            yield check_row(f"weak labels, {name}, round {number}", float(shares[number]), goal)
    for name, focus, shares in (("focused", True, focused), ("unfocused", False, unfocused)):
        runs = range(unit["loops"])
        drawn = [contracting_loop.simulate_share_solved(U0, KAPPA * BETA, 40, focus, 2_000, rng)[-1] for _ in runs]
        goal = relative_goal(float(shares[-1]), 0.02)
        yield mean_check_row(f"weak labels, {name}, round 40, drawn", drawn, goal)
    gap = float(focused[-1] - unfocused[-1])
    yield check_row("weak labels: focusing is better", gap, Goal(0.0, 0.0, "paper", ">="))


def symbol_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the surviving symbols of a Zipf corpus of 400,000 tokens."""
    rng, counts = unit.rng(), symbols.zipf_counts(20_000, 400_000)
    alive = np.array([symbols.simulate_alive(counts, 10, rng) for _ in range(unit["loops"] // 10)])
    ratios, goal = alive / symbols.expected_alive(counts, 10), Goal(1.0, 0.02, "derived")
    for number in (1, 10):
        yield mean_check_row(f"symbols alive after round {number}, over the formula", ratios[:, number - 1], goal)


def center_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the speed and the end of verified retraining, and what the bias of the verifier does to the truth."""
    rng, d, n = unit.rng(), 2, 50
    start, center = np.array([2.0, 0.0]), np.zeros(2)
    for tau in (0.7, 1.5):
        drawn = [
            contracting_loop.simulate_squared_distances(start, center, n, tau, 8, rng) for _ in range(unit["loops"])
        ]
        ratios = np.array(drawn) / contracting_loop.expected_squared_distance(4.0, d, n, tau, 8)
        for number, tolerance in ((1, 0.15), (8, 0.45)):
            name = f"center, tau={tau:g}: distance after round {number}, over the formula"
            yield mean_check_row(name, ratios[:, number], Goal(1.0, tolerance, "derived"))
    none, mild, strong = (
        contracting_loop.expected_truth_error(0.6, bias, d, 200, 1.0, 30)[[0, -1]].tolist() for bias in (0.0, 0.3, 1.0)
    )
    positive, plateau = Goal(0.0, 0.0, "sign", ">="), Goal(0.05, 0.0, "sign", ">=")
    yield check_row("center, no bias: error left of the start's", none[1] / none[0], Goal(0.05, 0.0, "sign", "<="))
    yield check_row("center, mild bias: gain", mild[0] - mild[1], positive)
    yield check_row("center, mild bias: plateau above no bias", mild[1] - none[1], plateau)
    yield check_row("center, strong bias: decline", strong[1] - strong[0], positive)


def real_share_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check that a constant real share keeps the distance below its bound, and that it grows without real data."""
    rng, counts = unit.rng(), symbols.zipf_counts(50, 5_000)
    real, sharpened = counts / counts.sum(), symbols.sharpening_generator(1.1)
    for name, generator in (("sharpened", sharpened), ("resampled", symbols.resampling_generator(500, rng))):
        for a in (0.1, 0.3):
            distances, largest_step = symbols.simulate_loop(real, generator, a, 60)
            excess = float(np.max(distances - symbols.distance_bound(a, largest_step, 60)))
            goal = Goal(1e-12, 0.0, "derived", "<=")
            yield check_row(f"real share {a:g}, {name}: largest excess over the bound", excess, goal)
    without, with_real = (symbols.simulate_loop(real, sharpened, a, 60)[0][-1] for a in (0.0, 0.3))
    ratio, goal = float(without / with_real), Goal(3.0, 0.0, "sign", ">=")
    yield check_row("real share: distance without it over with .3", ratio, goal)


def budget_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check growing budgets in a contracting loop against the constant one and against random ones."""
    rng, rho, rounds, total = unit.rng(), 0.8, 10, 10_000.0
    best = contracting_loop.added_error(contracting_loop.best_budget(rho, rounds, total), rho)
    constant = contracting_loop.added_error(contracting_loop.constant_budget(rounds, total), rho)
    random_plans = (total * rng.dirichlet(np.full(rounds, 5.0)) for _ in range(2_000))
    least = min(contracting_loop.added_error(plan, rho) for plan in random_plans)
    goal = Goal(1.0, 0.0, "derived", ">=")
    yield check_row("budgets: constant over growing", constant / best, goal)
    yield check_row("budgets: least of 2,000 random plans over growing", least / best, goal)
