"""The checks of one round of selection: closed forms against printed values and simulation, and where the step occurs.

Closed forms are p, phi and psi from angles, the proportional limit, finite size, and p*_w. The step at p* is examined
for flips and a linear generator, and for ridge and logistic loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from winnow.science.studies.framework.check import MIN_STANDARD_ERRORS, Goal, Row, check_row, mean_check_row, rows_where
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.arrays import Floats
from winnow.science.theory.selection.angles import Angles, bisector_error, isotropic_rates, mixture_rates
from winnow.science.theory.selection.breakdown import SelectionRates, p_star, p_star_error, plurality_accuracy
from winnow.science.theory.selection.proportional_limit import error_isotropic, finite_size_angle, isotropic_agreement
from winnow.science.theory.simulation.rows import AgreementPolicy, FlipNoise, LinearNoise, RatePolicy, World
from winnow.science.theory.simulation.training import SelectionCase, SimulatedRound, logistic, ridge, simulate_round

PI = np.pi
PRINTED_TOLERANCE = 6e-5  # four decimals as printed
NOISY = {0.0: 1.0, 0.1: 0.909, 0.25: 0.8, 0.5: 0.667, 0.65: 0.606, 1.0: 0.5}
ISOTROPIC = {
    "0": (0.0, (1, 0, 1, 0.75, 0.1250)),
    "pi/12": (PI / 12, (0.9373, 0.1453, 0.8658, 0.7393, 0.1346)),
    "pi/6": (PI / 6, (0.8621, 0.2529, 0.7732, 0.7098, 0.1602)),
    "pi/4": (PI / 4, (0.7778, 0.3333, 0.7000, 0.6667, 0.1959)),
    "pi/3": (PI / 3, (0.6878, 0.3967, 0.6342, 0.6150, 0.2378)),
}
"""The angle of the verifier and, for th_g = pi/4: phi, psi, p*, keep rate, and the error with infinitely many rows."""
GAME_OF_24 = SelectionRates(0.96, 0.95, 0.10)
SIZES = np.geomspace(300, 1e7, 60)

ANGLE_GRID = [(g * PI, o * PI) for g in (0.1, 0.2, 0.25, 0.4) for o in (0.05, 0.1, 0.2, 0.3, 0.45)]
RATES, ANGLES = SelectionRates(0.3, 0.8, 0.3), Angles(PI / 4, PI / 12)
ALLOWED_MISSES = 3
SIMULATION_TOLERANCE = 0.01

STEP = {
    0.6: Goal(0.97, 0.0, "paper", ">="),
    0.76: Goal(0.947, 0.02, "derived"),
    0.84: Goal(0.048, 0.02, "derived"),
    0.95: Goal(0.03, 0.0, "paper", "<="),
}
"""Accuracy at p for phi = 1, psi = 1/4 (p* = .8), d = 20, 10,000 rows per dimension."""
GENERATOR, BAYES = 0.7602, 0.8413
FEW_KEPT, MANY_KEPT = 10_000, 100_000

LIMIT_SETTINGS = (
    (SelectionCase("a", SelectionRates(0.3, 1, 1), ANGLES), 200, 1000, 0.01, 1 - 0.3109),
    (SelectionCase("a", SelectionRates(0.3, 1, 0.3), ANGLES), 200, 1000, 0.01, 1 - 0.2029),
    (SelectionCase("a", SelectionRates(0.45, 0.8, 0.3), ANGLES), 200, 2000, 0.1, 1 - 0.2426),
    (SelectionCase("a", SelectionRates(0.8, 1, 0.3), ANGLES), 200, 4000, 0.1, 1 - 0.5652),
    (SelectionCase("b", RATES, ANGLES), 200, 1000, 0.01, 1 - 0.1793),
    (SelectionCase("b", RATES, ANGLES), 200, 8000, 0.01, 1 - 0.1403),
    (SelectionCase("c", RATES, ANGLES), 400, 1600, 1.0, 0.7529),
    (SelectionCase("c", RATES, ANGLES), 100, 1600, 0.01, 0.7862),
    (SelectionCase("d", RATES, Angles(PI / 3, PI / 6), 1.5), 100, 1500, 0.05, 0.9024),
)
"""Settings of the proportional limit: the round, d, n, lam, and the accuracy worked out for it."""


def closed_form_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check every value that a formula gives."""
    for q, want in NOISY.items():
        yield check_row(f"p* at q={q:g}", float(p_star(1.0, q)), Goal(want, 6e-4, "paper"))
    for name, (verifier, expected) in ISOTROPIC.items():
        angles = Angles(PI / 4, verifier)
        rates = isotropic_rates(angles)
        got = (rates.phi, rates.psi, rates.p_star, rates.keep, bisector_error(angles))
        worst, goal = float(np.max(np.abs(np.subtract(got, expected)))), Goal(0.0, PRINTED_TOLERANCE, "derived")
        yield check_row(f"th_o={name}: largest deviation of five values", worst, goal)
    yield check_row("eps*", float(p_star(0.8, 0.3)), Goal(0.7273, PRINTED_TOLERANCE, "derived"))
    yield check_row("p* without selection", float(p_star(0.37, 0.37)), Goal(0.5, 1e-12, "paper"))
    margin, precision = GAME_OF_24.p_star - GAME_OF_24.p, GAME_OF_24.precision
    yield check_row("game of 24: margin p* - p", margin, Goal(-0.055, 6e-4, "derived"))
    yield check_row("game of 24: kept share right", precision, Goal(0.285, 2e-3, "derived"))
    times_cleaner = precision / (1 - GAME_OF_24.p)
    yield check_row("game of 24: times cleaner", times_cleaner, Goal(7.0, 0.0, "sign", ">="))
    rule = isotropic_agreement(Angles(PI / 4, PI / 12))
    least_rise = float(np.min(np.diff([1 - error_isotropic(rule, 200 / n, 1e-6) for n in SIZES])))
    yield check_row("ridge, weak verifier: accuracy never falls in n", least_rise, Goal(0.0, 0.0, "sign", ">="))


def orthant_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check p, phi and psi of 20 pairs of angles, isotropic and mixture, by counting drawn rows."""
    rng = unit.rng()
    for name, strength in (("isotropic", None), ("mixture", 1.0)):
        z = np.array([_rate_deviations(Angles(g, o), strength, unit["draws"], rng) for g, o in ANGLE_GRID]).ravel()
        within, goal = float((np.abs(z) <= 3).sum()), Goal(len(z) - ALLOWED_MISSES, 0.0, "derived", ">=")
        yield check_row(f"{name}: of {len(z)} rates, within 3 standard errors", within, goal)
        error, root_mean_square = 1 / np.sqrt(2 * len(z)), float(np.sqrt(np.mean(z**2)))
        check_name = f"{name}: deviations in standard errors, root mean square"
        yield check_row(check_name, root_mean_square, Goal(1.0, 4.1 * error, "derived"), error)


def _rate_deviations(angles: Angles, strength: float | None, draws: int, rng: np.random.Generator) -> Floats:
    """The deviations of counted p, phi and psi from the formula, in standard errors."""
    rates = isotropic_rates(angles) if strength is None else mixture_rates(angles, strength)
    x, y = World(3, strength).draw(draws, rng)
    labels = LinearNoise(angles)(x, y, rng)
    kept, right = AgreementPolicy(angles)(x, y, labels, rng), labels == y
    group_sizes = np.array([draws, right.sum(), (~right).sum()])
    counted_rates = np.array([(~right).sum(), (kept & right).sum(), (kept & ~right).sum()]) / group_sizes
    expected = np.array([rates.p, rates.phi, rates.psi])
    return np.asarray((counted_rates - expected) / np.sqrt(expected * (1 - expected) / group_sizes))


def limit_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the values of the limit, and simulated rounds of the same size."""
    rng = unit.rng()
    for selection, d, n, lam, want in LIMIT_SETTINGS:
        rates = selection.rates
        rate_text = f"p={rates.p:g}, phi={rates.phi:g}, psi={rates.psi:g}, " if selection.case in "ac" else ""
        name = f"limit ({selection.case}) {rate_text}d={d}, n={n}"
        limit = selection.limit_accuracy(d / n, lam)
        accuracies = _accuracies(selection.simulated_round(d, n, lam), unit["rounds"], rng)
        yield check_row(f"{name}: value", limit, Goal(want, 5e-4, "derived"))
        yield mean_check_row(f"{name}: simulated", accuracies, Goal(limit, SIMULATION_TOLERANCE, "derived"))


def finite_size_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the finite size formula by rounds without a penalty, and the standard error of p*."""
    rng = unit.rng()
    for d, n, wrong in ((20, 200, 0.1), (20, 2000, 0.3), (50, 400, 0.2)):
        config = SimulatedRound(World(d), FlipNoise(wrong), RatePolicy(1, 1), n, ridge, 0.0)
        goal = Goal(1 - finite_size_angle(wrong, n, d) / PI, 0.02, "derived")
        accuracies = _accuracies(config, 5 * unit["rounds"], rng)
        yield mean_check_row(f"finite size d={d}, n={n}, wrong {wrong:g}", accuracies, goal)
    phi, psi, right, wrongs, repetitions = 0.8, 0.3, 400, 250, 40_000
    stars = p_star(rng.binomial(right, phi, repetitions) / right, rng.binomial(wrongs, psi, repetitions) / wrongs)
    ratio, error = float(np.std(stars)) / p_star_error(phi, psi, right, wrongs), (2 * repetitions) ** -0.5
    yield check_row("standard error of p*, drawn over formula", ratio, Goal(1.0, 0.05, "derived"), error)


def open_answer_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check which answer is commonest among the kept for prompts with five wrong answers, below and above p*_w."""
    phi, psi, wrongs, rng = 0.9, 0.3, 5, unit.rng()
    star, star_w = float(p_star(phi, psi)), float(p_star(phi, psi, 1 / wrongs))
    for name, p, goal in (
        ("between p* and p*_w", (star + star_w) / 2, Goal(0.98, 0.0, "derived", ">=")),
        ("beyond p*_w", (1 + star_w) / 2, Goal(0.02, 0.0, "derived", "<=")),
    ):
        counts = rng.multinomial(unit["answers"], [1 - p, *[p / wrongs] * wrongs], 200)
        kept_counts = rng.binomial(counts, np.array([phi, *[psi] * wrongs]))
        share = plurality_accuracy(kept_counts[:, 0], kept_counts[:, 1:])
        yield check_row(f"open answers {name}: commonest kept right", share, goal)


def step_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check the step at p* with flips, and that a linear generator with the same p, phi and psi has none."""
    rng, runs = unit.rng(), unit["steps"]
    world, policy, n = World(20), RatePolicy(1, 0.25), 200_000
    for p, goal in STEP.items():
        accuracies = _accuracies(SimulatedRound(world, FlipNoise(p), policy, n, ridge, 0.0), runs, rng)
        yield mean_check_row(f"flips, p={p:g}: accuracy", accuracies, goal)
    linear = SimulatedRound(world, LinearNoise(Angles(0.6 * PI, 0)), policy, n, ridge, 0.0)
    goal = Goal(0.6, 0.0, "derived", "<=")
    yield mean_check_row("linear labels, p=0.6: accuracy, far from 1", _accuracies(linear, runs, rng), goal)
    for name, verifier in (("perfect", 0.0), ("weak", PI / 12)):
        angles = Angles(PI / 4, verifier)
        agreement = SimulatedRound(world, LinearNoise(angles), AgreementPolicy(angles), n, ridge, 0.0)
        errors = 1 - np.array(_accuracies(agreement, runs, rng))
        goal = Goal(bisector_error(angles), 0.005, "derived")
        yield mean_check_row(f"linear labels, {name} verifier: error", errors, goal)


def drift_checks(unit: StudyUnit) -> Iterator[Row]:
    """Check that logistic loss with an oracle on latent labels drifts back to the linear generator."""
    rng, angles, world = unit.rng(), Angles(PI / 4, 0), World(30, 1.0)
    accuracies = {}
    for n, runs in ((1_000, 40 * unit["drifts"]), (150_000, unit["drifts"])):
        oracle = SimulatedRound(world, LinearNoise(angles), RatePolicy(1, 0), n, logistic, 1e-6)
        accuracies[n] = _accuracies(oracle, runs, rng)
    generator = world.accuracy(angles.directions()[1])
    yield check_row("drift: generator's accuracy", generator, Goal(GENERATOR, PRINTED_TOLERANCE, "derived"))
    yield check_row("drift: Bayes", world.bayes_accuracy(), Goal(BAYES, PRINTED_TOLERANCE, "derived"))
    yield mean_check_row("logistic, n=1000: accuracy", accuracies[1_000], Goal(0.7754, 0.003, "derived"))
    yield mean_check_row("logistic, n=150000: accuracy", accuracies[150_000], Goal(0.7636, 0.001, "derived"))
    fall = float(np.mean(accuracies[1_000]) - np.mean(accuracies[150_000]))
    yield check_row("logistic falls back as n grows", fall, Goal(0.005, 0.0, "sign", ">="))


def weak_verifier_rows(unit: StudyUnit) -> Iterator[Row]:
    """Compare 10,000 and 100,000 kept rows with a weak verifier and logistic loss; no rows if `weak` is 0.

    This is no check: the difference is about a thousandth, which takes hundreds of runs of each size to detect.
    """
    if not unit["weak"]:
        return
    rng, angles = unit.rng(), Angles(PI / 4, PI / 12)
    keep = 1 - angles.between / PI
    accuracies = {}
    for kept_rows in (FEW_KEPT, MANY_KEPT):
        n = round(kept_rows / keep)
        weak = SimulatedRound(World(200), LinearNoise(angles), AgreementPolicy(angles), n, logistic, 1e-6)
        accuracies[kept_rows] = np.array(_accuracies(weak, unit["weak"], rng))
    fall = float(accuracies[FEW_KEPT].mean() - accuracies[MANY_KEPT].mean())
    error = float(np.sqrt(sum(runs.var(ddof=1) / len(runs) for runs in accuracies.values())))
    yield {"quantity": "10,000 kept rows over 100,000", "got": fall, "standard_error": error}


def weak_verifier_summary(rows: Sequence[Row]) -> list[str]:
    """Return the result of `weak_verifier_rows`, and whether it differs from zero."""
    lines = []
    for row in rows_where(rows, part="weak"):
        is_distinguishable = abs(row["got"]) > MIN_STANDARD_ERRORS * row["standard_error"]
        estimate = f"{row['got']:+.4f}, standard error {row['standard_error']:.2g}"
        verdict = "" if is_distinguishable else ": not distinguishable from zero"
        lines.append(f"logistic loss, weak verifier, {row['quantity']} (seed {row['seed']}): {estimate}{verdict}")
    return lines


def _accuracies(config: SimulatedRound, runs: int, rng: np.random.Generator) -> list[float]:
    return [simulate_round(config, rng).accuracy for _ in range(runs)]
