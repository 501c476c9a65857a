"""Closed forms held against simulation: orthants, the proportional limit, the finite size formula, p*_w."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row, mean_check_row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.arrays import Floats
from winnow.science.theory.curves.one_round import case_moments, limit_accuracy
from winnow.science.theory.selection.angles import Angles, isotropic_rates, mixture_rates
from winnow.science.theory.selection.breakdown import SelectionRates, p_star, p_star_error, plurality_accuracy
from winnow.science.theory.selection.proportional_limit import finite_size_angle
from winnow.science.theory.simulation.losses import ridge
from winnow.science.theory.simulation.noise import FlipNoise, LinearNoise
from winnow.science.theory.simulation.policies import AgreementPolicy, RatePolicy
from winnow.science.theory.simulation.training import SimulatedRound, simulate_round
from winnow.science.theory.simulation.world import World

PI = np.pi
ANGLE_GRID = [(g * PI, o * PI) for g in (0.1, 0.2, 0.25, 0.4) for o in (0.05, 0.1, 0.2, 0.3, 0.45)]
RATES, ANGLES = SelectionRates(0.3, 0.8, 0.3), Angles(PI / 4, PI / 12)
ALLOWED_MISSES = 3
SIMULATION_TOLERANCE = 0.01


@dataclass(frozen=True)
class LimitSetting:
    """A setting of the proportional limit, with the value worked out for it."""

    case: str
    d: int
    n: int
    lam: float
    want: float
    rates: SelectionRates = RATES
    angles: Angles = ANGLES
    strength: float = 1.0

    @property
    def name(self) -> str:
        """What the check is called."""
        rates = f"p={self.rates.p:g}, phi={self.rates.phi:g}, psi={self.rates.psi:g}, " if self.case in "ac" else ""
        return f"limit ({self.case}) {rates}d={self.d}, n={self.n}"


SETTINGS = (
    LimitSetting("a", 200, 1000, 0.01, 1 - 0.3109, SelectionRates(0.3, 1, 1)),
    LimitSetting("a", 200, 1000, 0.01, 1 - 0.2029, SelectionRates(0.3, 1, 0.3)),
    LimitSetting("a", 200, 2000, 0.1, 1 - 0.2426, SelectionRates(0.45, 0.8, 0.3)),
    LimitSetting("a", 200, 4000, 0.1, 1 - 0.5652, SelectionRates(0.8, 1, 0.3)),
    LimitSetting("b", 200, 1000, 0.01, 1 - 0.1793),
    LimitSetting("b", 200, 8000, 0.01, 1 - 0.1403),
    LimitSetting("c", 400, 1600, 1.0, 0.7529),
    LimitSetting("c", 100, 1600, 0.01, 0.7862),
    LimitSetting("d", 100, 1500, 0.05, 0.9024, angles=Angles(PI / 3, PI / 6), strength=1.5),
)


def orthant_checks(unit: StudyUnit) -> list[Row]:
    """p, phi and psi of 20 pairs of angles, isotropic and mixture, counted on drawn rows."""
    rng, rows = unit.rng(), []
    for world in (None, 1.0):
        z = np.array([_rate_deviations(Angles(g, o), world, unit["draws"], rng) for g, o in ANGLE_GRID]).ravel()
        name = "isotropic" if world is None else "mixture"
        inside = Goal(len(z) - ALLOWED_MISSES, 0.0, "derived", ">=")
        rows.append(
            check_row(f"{name}: of {len(z)} rates, within 3 standard errors", float((np.abs(z) <= 3).sum()), inside)
        )
        spread = 1 / np.sqrt(2 * len(z))
        goal = Goal(1.0, 4.1 * spread, "derived")
        rows.append(
            check_row(
                f"{name}: deviations in standard errors, root mean square", float(np.sqrt(np.mean(z**2))), goal, spread
            )
        )
    return rows


def _rate_deviations(angles: Angles, strength: float | None, draws: int, rng: np.random.Generator) -> Floats:
    """How far counted p, phi and psi are from the formula, in standard errors."""
    rates = isotropic_rates(angles) if strength is None else mixture_rates(angles, strength)
    x, y = World(3, strength).draw(draws, rng)
    labels = LinearNoise(angles)(x, y, rng)
    kept, right = AgreementPolicy(angles)(x, y, labels, rng), labels == y
    group_sizes = np.array([draws, right.sum(), (~right).sum()])
    counted_rates = np.array([(~right).sum(), (kept & right).sum(), (kept & ~right).sum()]) / group_sizes
    expected = np.array([rates.p, rates.phi, rates.psi])
    return np.asarray((counted_rates - expected) / np.sqrt(expected * (1 - expected) / group_sizes))


def limit_checks(unit: StudyUnit) -> list[Row]:
    """The limit's values, and simulated rounds of the same size."""
    rng, rows = unit.rng(), []
    for setting in SETTINGS:
        moments = case_moments(setting.case, setting.rates, setting.angles, setting.strength)
        limit = limit_accuracy(setting.case, moments, setting.d / setting.n, setting.lam)
        simulated_round = _simulated_round(setting)
        accuracies = [simulate_round(simulated_round, rng).accuracy for _ in range(unit["rounds"])]
        rows.append(check_row(f"{setting.name}: value", limit, Goal(setting.want, 5e-4, "derived")))
        rows.append(
            mean_check_row(f"{setting.name}: simulated", accuracies, Goal(limit, SIMULATION_TOLERANCE, "derived"))
        )
    return rows


def _simulated_round(setting: LimitSetting) -> SimulatedRound:
    world = World(setting.d, setting.strength if setting.case in "cd" else None)
    if setting.case in "ac":
        return SimulatedRound(
            world,
            FlipNoise(setting.rates.p),
            RatePolicy(setting.rates.phi, setting.rates.psi),
            setting.n,
            ridge,
            setting.lam,
        )
    return SimulatedRound(
        world, LinearNoise(setting.angles), AgreementPolicy(setting.angles), setting.n, ridge, setting.lam
    )


def finite_size_checks(unit: StudyUnit) -> list[Row]:
    """The finite size formula beside rounds without a penalty, and the standard error of p*."""
    rng, rows = unit.rng(), []
    for d, n, wrong in ((20, 200, 0.1), (20, 2000, 0.3), (50, 400, 0.2)):
        want = 1 - finite_size_angle(wrong, n, d) / PI
        simulated_round = SimulatedRound(World(d), FlipNoise(wrong), RatePolicy(1, 1), n, ridge, 0.0)
        accuracies = [simulate_round(simulated_round, rng).accuracy for _ in range(5 * unit["rounds"])]
        rows.append(
            mean_check_row(f"finite size d={d}, n={n}, wrong {wrong:g}", accuracies, Goal(want, 0.02, "derived"))
        )
    phi, psi, right, wrongs, repetitions = 0.8, 0.3, 400, 250, 40_000
    stars = p_star(rng.binomial(right, phi, repetitions) / right, rng.binomial(wrongs, psi, repetitions) / wrongs)
    formula = p_star_error(phi, psi, right, wrongs)
    goal = Goal(1.0, 0.05, "derived")
    return [
        *rows,
        check_row(
            "standard error of p*, drawn over formula", float(np.std(stars)) / formula, goal, (2 * repetitions) ** -0.5
        ),
    ]


def open_answer_checks(unit: StudyUnit) -> list[Row]:
    """Prompts with five wrong answers, between p* and p*_w and beyond: which answer is commonest among the kept."""
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
