"""Closed forms held against simulation: orthants, the proportional limit, the finite size formula, p*_w."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from winnow.studies.frame.check import Goal, Row, mean, measured
from winnow.studies.frame.study import Unit
from winnow.theory.arrays import Floats
from winnow.theory.curves.one_round import case_rule, limit_accuracy
from winnow.theory.selection.angles import Angles, isotropic_rates, mixture_rates
from winnow.theory.selection.breakdown import Rates, p_star, p_star_error, plurality_right
from winnow.theory.selection.limit import angle_at_finite_size
from winnow.theory.worlds.losses import ridge
from winnow.theory.worlds.noise import Flips, Linear
from winnow.theory.worlds.policies import Agreement, ByRates
from winnow.theory.worlds.training import Round, train
from winnow.theory.worlds.world import World

PI = np.pi
GRID = [(g * PI, o * PI) for g in (0.1, 0.2, 0.25, 0.4) for o in (0.05, 0.1, 0.2, 0.3, 0.45)]
RATES, ANGLES = Rates(0.3, 0.8, 0.3), Angles(PI / 4, PI / 12)
MISSES = 3
WITHIN = 0.01


@dataclass(frozen=True)
class Setting:
    """A setting of the proportional limit, with the value worked out for it."""

    case: str
    d: int
    n: int
    lam: float
    want: float
    rates: Rates = RATES
    angles: Angles = ANGLES
    strength: float = 1.0

    @property
    def name(self) -> str:
        """What the check is called."""
        rates = f"p={self.rates.p:g}, phi={self.rates.phi:g}, psi={self.rates.psi:g}, " if self.case in "ac" else ""
        return f"limit ({self.case}) {rates}d={self.d}, n={self.n}"


SETTINGS = (
    Setting("a", 200, 1000, 0.01, 1 - 0.3109, Rates(0.3, 1, 1)),
    Setting("a", 200, 1000, 0.01, 1 - 0.2029, Rates(0.3, 1, 0.3)),
    Setting("a", 200, 2000, 0.1, 1 - 0.2426, Rates(0.45, 0.8, 0.3)),
    Setting("a", 200, 4000, 0.1, 1 - 0.5652, Rates(0.8, 1, 0.3)),
    Setting("b", 200, 1000, 0.01, 1 - 0.1793),
    Setting("b", 200, 8000, 0.01, 1 - 0.1403),
    Setting("c", 400, 1600, 1.0, 0.7529),
    Setting("c", 100, 1600, 0.01, 0.7862),
    Setting("d", 100, 1500, 0.05, 0.9024, angles=Angles(PI / 3, PI / 6), strength=1.5),
)


def orthants(unit: Unit) -> list[Row]:
    """p, phi and psi of 20 pairs of angles, isotropic and mixture, counted on drawn rows."""
    rng, rows = unit.rng(), []
    for world in (None, 1.0):
        z = np.array([_deviations(Angles(g, o), world, unit["draws"], rng) for g, o in GRID]).ravel()
        name = "isotropic" if world is None else "mixture"
        inside = Goal(len(z) - MISSES, 0.0, "derived", ">=")
        rows.append(
            measured(f"{name}: of {len(z)} rates, within 3 standard errors", float((np.abs(z) <= 3).sum()), inside)
        )
        spread = 1 / np.sqrt(2 * len(z))
        goal = Goal(1.0, 4.1 * spread, "derived")
        rows.append(
            measured(
                f"{name}: deviations in standard errors, root mean square", float(np.sqrt(np.mean(z**2))), goal, spread
            )
        )
    return rows


def _deviations(angles: Angles, strength: float | None, draws: int, rng: np.random.Generator) -> Floats:
    """How far counted p, phi and psi are from the formula, in standard errors."""
    want = isotropic_rates(angles) if strength is None else mixture_rates(angles, strength)
    x, y = World(3, strength).draw(draws, rng)
    given = Linear(angles)(x, y, rng)
    kept, right = Agreement(angles)(x, y, given, rng), given == y
    of = np.array([draws, right.sum(), (~right).sum()])
    got = np.array([(~right).sum(), (kept & right).sum(), (kept & ~right).sum()]) / of
    wanted = np.array([want.p, want.phi, want.psi])
    return np.asarray((got - wanted) / np.sqrt(wanted * (1 - wanted) / of))


def limits(unit: Unit) -> list[Row]:
    """The limit's values, and simulated rounds of the same size."""
    rng, rows = unit.rng(), []
    for one in SETTINGS:
        rule = case_rule(one.case, one.rates, one.angles, one.strength)
        limit = limit_accuracy(one.case, rule, one.d / one.n, one.lam)
        how = _round(one)
        found = [train(how, rng).accuracy for _ in range(unit["rounds"])]
        rows.append(measured(f"{one.name}: value", limit, Goal(one.want, 5e-4, "derived")))
        rows.append(mean(f"{one.name}: simulated", found, Goal(limit, WITHIN, "derived")))
    return rows


def _round(one: Setting) -> Round:
    world = World(one.d, one.strength if one.case in "cd" else None)
    if one.case in "ac":
        return Round(world, Flips(one.rates.p), ByRates(one.rates.phi, one.rates.psi), one.n, ridge, one.lam)
    return Round(world, Linear(one.angles), Agreement(one.angles), one.n, ridge, one.lam)


def finite(unit: Unit) -> list[Row]:
    """The finite size formula beside rounds without a penalty, and the standard error of p*."""
    rng, rows = unit.rng(), []
    for d, n, wrong in ((20, 200, 0.1), (20, 2000, 0.3), (50, 400, 0.2)):
        want = 1 - angle_at_finite_size(wrong, n, d) / PI
        how = Round(World(d), Flips(wrong), ByRates(1, 1), n, ridge, 0.0)
        found = [train(how, rng).accuracy for _ in range(5 * unit["rounds"])]
        rows.append(mean(f"finite size d={d}, n={n}, wrong {wrong:g}", found, Goal(want, 0.02, "derived")))
    phi, psi, right, wrongs, many = 0.8, 0.3, 400, 250, 40_000
    stars = p_star(rng.binomial(right, phi, many) / right, rng.binomial(wrongs, psi, many) / wrongs)
    formula = p_star_error(phi, psi, right, wrongs)
    goal = Goal(1.0, 0.05, "derived")
    return [
        *rows,
        measured("standard error of p*, drawn over formula", float(np.std(stars)) / formula, goal, (2 * many) ** -0.5),
    ]


def open_answers(unit: Unit) -> list[Row]:
    """Prompts with five wrong answers, between p* and p*_w and beyond: which answer is commonest among the kept."""
    phi, psi, wrongs, rng = 0.9, 0.3, 5, unit.rng()
    star, star_w = float(p_star(phi, psi)), float(p_star(phi, psi, 1 / wrongs))
    rows = []
    for name, p, goal in (
        ("between p* and p*_w", (star + star_w) / 2, Goal(0.98, 0.0, "derived", ">=")),
        ("beyond p*_w", (1 + star_w) / 2, Goal(0.02, 0.0, "derived", "<=")),
    ):
        counts = rng.multinomial(unit["answers"], [1 - p, *[p / wrongs] * wrongs], 200)
        kept = rng.binomial(counts, np.array([phi, *[psi] * wrongs]))
        share = plurality_right(kept[:, 0], kept[:, 1:])
        rows.append(measured(f"open answers {name}: commonest kept right", share, goal))
    return rows
