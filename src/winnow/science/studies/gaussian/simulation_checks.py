"""Checks of closed forms against simulation: rates from angles, the proportional limit, finite size, and p*_w."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.arrays import Floats
from winnow.science.theory.selection.angles import Angles, isotropic_rates, mixture_rates
from winnow.science.theory.selection.breakdown import SelectionRates, p_star, p_star_error, plurality_accuracy
from winnow.science.theory.selection.proportional_limit import finite_size_angle
from winnow.science.theory.simulation.losses import ridge
from winnow.science.theory.simulation.noise import FlipNoise, LinearNoise
from winnow.science.theory.simulation.policies import AgreementPolicy, RatePolicy
from winnow.science.theory.simulation.selection_case import SelectionCase
from winnow.science.theory.simulation.training import SimulatedRound, simulate_round
from winnow.science.theory.simulation.world import World

PI = np.pi
ANGLE_GRID = [(g * PI, o * PI) for g in (0.1, 0.2, 0.25, 0.4) for o in (0.05, 0.1, 0.2, 0.3, 0.45)]
RATES, ANGLES = SelectionRates(0.3, 0.8, 0.3), Angles(PI / 4, PI / 12)
ALLOWED_MISSES = 3
SIMULATION_TOLERANCE = 0.01


@dataclass(frozen=True)
class LimitSetting:
    """A setting of the proportional limit, with the accuracy worked out for it."""

    selection: SelectionCase
    d: int
    n: int
    lam: float
    want: float

    @property
    def name(self) -> str:
        """The name of the check."""
        case, rates = self.selection.case, self.selection.rates
        rate_text = f"p={rates.p:g}, phi={rates.phi:g}, psi={rates.psi:g}, " if case in "ac" else ""
        return f"limit ({case}) {rate_text}d={self.d}, n={self.n}"


SETTINGS = (
    LimitSetting(SelectionCase("a", SelectionRates(0.3, 1, 1), ANGLES), 200, 1000, 0.01, 1 - 0.3109),
    LimitSetting(SelectionCase("a", SelectionRates(0.3, 1, 0.3), ANGLES), 200, 1000, 0.01, 1 - 0.2029),
    LimitSetting(SelectionCase("a", SelectionRates(0.45, 0.8, 0.3), ANGLES), 200, 2000, 0.1, 1 - 0.2426),
    LimitSetting(SelectionCase("a", SelectionRates(0.8, 1, 0.3), ANGLES), 200, 4000, 0.1, 1 - 0.5652),
    LimitSetting(SelectionCase("b", RATES, ANGLES), 200, 1000, 0.01, 1 - 0.1793),
    LimitSetting(SelectionCase("b", RATES, ANGLES), 200, 8000, 0.01, 1 - 0.1403),
    LimitSetting(SelectionCase("c", RATES, ANGLES), 400, 1600, 1.0, 0.7529),
    LimitSetting(SelectionCase("c", RATES, ANGLES), 100, 1600, 0.01, 0.7862),
    LimitSetting(SelectionCase("d", RATES, Angles(PI / 3, PI / 6), 1.5), 100, 1500, 0.05, 0.9024),
)


def orthant_checks(unit: StudyUnit) -> list[Row]:
    """Check p, phi and psi of 20 pairs of angles, isotropic and mixture, by counting drawn rows."""
    rng, rows = unit.rng(), []
    for name, strength in (("isotropic", None), ("mixture", 1.0)):
        z = np.array([_rate_deviations(Angles(g, o), strength, unit["draws"], rng) for g, o in ANGLE_GRID]).ravel()
        within, goal = float((np.abs(z) <= 3).sum()), Goal(len(z) - ALLOWED_MISSES, 0.0, "derived", ">=")
        rows.append(check_row(f"{name}: of {len(z)} rates, within 3 standard errors", within, goal))
        error, root_mean_square = 1 / np.sqrt(2 * len(z)), float(np.sqrt(np.mean(z**2)))
        check_name = f"{name}: deviations in standard errors, root mean square"
        rows.append(check_row(check_name, root_mean_square, Goal(1.0, 4.1 * error, "derived"), error))
    return rows


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


def limit_checks(unit: StudyUnit) -> list[Row]:
    """Check the values of the limit, and simulated rounds of the same size."""
    rng, rows = unit.rng(), []
    for setting in SETTINGS:
        limit = setting.selection.limit_accuracy(setting.d / setting.n, setting.lam)
        config = setting.selection.simulated_round(setting.d, setting.n, setting.lam)
        accuracies = [simulate_round(config, rng).accuracy for _ in range(unit["rounds"])]
        rows.append(check_row(f"{setting.name}: value", limit, Goal(setting.want, 5e-4, "derived")))
        goal = Goal(limit, SIMULATION_TOLERANCE, "derived")
        rows.append(mean_check_row(f"{setting.name}: simulated", accuracies, goal))
    return rows


def finite_size_checks(unit: StudyUnit) -> list[Row]:
    """Check the finite size formula by rounds without a penalty, and the standard error of p*."""
    rng, rows = unit.rng(), []
    for d, n, wrong in ((20, 200, 0.1), (20, 2000, 0.3), (50, 400, 0.2)):
        config = SimulatedRound(World(d), FlipNoise(wrong), RatePolicy(1, 1), n, ridge, 0.0)
        accuracies = [simulate_round(config, rng).accuracy for _ in range(5 * unit["rounds"])]
        goal = Goal(1 - finite_size_angle(wrong, n, d) / PI, 0.02, "derived")
        rows.append(mean_check_row(f"finite size d={d}, n={n}, wrong {wrong:g}", accuracies, goal))
    phi, psi, right, wrongs, repetitions = 0.8, 0.3, 400, 250, 40_000
    stars = p_star(rng.binomial(right, phi, repetitions) / right, rng.binomial(wrongs, psi, repetitions) / wrongs)
    ratio, error = float(np.std(stars)) / p_star_error(phi, psi, right, wrongs), (2 * repetitions) ** -0.5
    return [*rows, check_row("standard error of p*, drawn over formula", ratio, Goal(1.0, 0.05, "derived"), error)]


def open_answer_checks(unit: StudyUnit) -> list[Row]:
    """Check which answer is commonest among the kept for prompts with five wrong answers, below and above p*_w."""
    phi, psi, wrongs, rng = 0.9, 0.3, 5, unit.rng()
    star, star_w = float(p_star(phi, psi)), float(p_star(phi, psi, 1 / wrongs))
    rows = []
    for name, p, goal in (
        ("between p* and p*_w", (star + star_w) / 2, Goal(0.98, 0.0, "derived", ">=")),
        ("beyond p*_w", (1 + star_w) / 2, Goal(0.02, 0.0, "derived", "<=")),
    ):
        counts = rng.multinomial(unit["answers"], [1 - p, *[p / wrongs] * wrongs], 200)
        kept_counts = rng.binomial(counts, np.array([phi, *[psi] * wrongs]))
        share = plurality_accuracy(kept_counts[:, 0], kept_counts[:, 1:])
        rows.append(check_row(f"open answers {name}: commonest kept right", share, goal))
    return rows
