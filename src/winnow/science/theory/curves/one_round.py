"""Curves of one round of selection: against the share wrong, the number of rows, and the limit with its simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from winnow.science.theory.curves.curve import Curve, Row, Settings, line_rows
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.selection.breakdown import SelectionRates, p_star, plurality_accuracy
from winnow.science.theory.simulation.rows import AgreementPolicy, FlipNoise, LinearNoise, Noise, RatePolicy, World
from winnow.science.theory.simulation.training import (
    CASES,
    SelectionCase,
    SimulatedRound,
    logistic,
    ridge,
    simulate_round,
)

GENERATOR_TEST_ROWS = 20_000


def build_round(settings: Settings, p: float, angles: Angles, n: int) -> SimulatedRound:
    """Return the round that the settings describe, for a share p of wrong labels and n raw rows."""
    rates = RatePolicy(settings["phi"], settings["psi"])
    return SimulatedRound(
        _build_world(settings),
        _choose(settings, "noise", {"flips": FlipNoise(p), "linear": LinearNoise(angles)}),
        _choose(settings, "policy", {"rates": rates, "agreement": AgreementPolicy(angles)}),
        n,
        _choose(settings, "loss", {"ridge": ridge, "logistic": logistic}),
        settings["lam"],
    )


def _build_world(settings: Settings) -> World:
    strengths = {"isotropic": None, "mixture": settings["strength"]}
    return World(settings["d"], strengths[_check_choice(settings, "world", strengths)])


def _choose(settings: Settings, setting: str, choices: Mapping[str, Any]) -> Any:
    """The choice that the setting names, or the user's own function."""
    value = settings[setting]
    return value if callable(value) else choices[_check_choice(settings, setting, choices)]


def _check_choice(settings: Settings, setting: str, choices: Iterable[str]) -> str:
    name = settings[setting]
    if name not in choices:
        raise ValueError(f"{setting} {name!r}: is one of {', '.join(choices)}, or your own module:function")
    return str(name)


def _breakdown_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    ps = np.linspace(settings["low"], settings["high"], settings["points"])
    n, students = settings["d"] * settings["ratio"], []
    for p in ps:
        angles = Angles(p * np.pi, settings["verifier"] * np.pi)
        students.append(simulate_round(build_round(settings, p, angles, n), rng).accuracy)
    lines = {"student": students, "generator": 1 - ps}
    if settings["policy"] == "rates" and settings["noise"] == "flips":
        bayes, is_below = _build_world(settings).bayes_accuracy(), ps < p_star(settings["phi"], settings["psi"])
        lines["theorem, without end of rows"] = np.where(is_below, bayes, 1 - bayes)
    return line_rows("p", ps.round(6), lines)


def _selection_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    angles, sizes = Angles(settings["generator"] * np.pi, settings["verifier"] * np.pi), settings["n"]
    rounds = [build_round(settings, settings["p"], angles, n) for n in sizes]
    generator = _generator_accuracy(rounds[0].noise, rounds[0].world, rng.spawn(1)[0])
    lines = {
        "student": [simulate_round(config, rng).accuracy for config in rounds],
        "generator": [generator] * len(rounds),
        "Bayes": [rounds[0].world.bayes_accuracy()] * len(rounds),
    }
    return [row for row in line_rows("n", sizes, lines) if np.isfinite(row["value"])]


def _generator_accuracy(noise: Noise, world: World, rng: np.random.Generator) -> float:
    """The share of right labels: by formula, or counted on drawn rows for the user's own noise."""
    if isinstance(noise, FlipNoise):
        return 1 - noise.p
    if isinstance(noise, LinearNoise):
        return world.accuracy(noise.angles.directions()[1])
    x, y = world.draw(GENERATOR_TEST_ROWS, rng)
    return float((noise(x, y, rng) == y).mean())


def _proportional_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    case = _check_choice(settings, "case", CASES)
    angles = Angles(settings["generator"] * np.pi, settings["verifier"] * np.pi)
    rates = SelectionRates(settings["p"], settings["phi"], settings["psi"])
    selection = SelectionCase(case, rates, angles, settings["strength"])
    d, lam, sizes = settings["d"], settings["lam"], settings["n"]
    limit = [selection.limit_accuracy(d / n, lam) for n in sizes]
    simulated = [simulate_round(selection.simulated_round(d, n, lam), rng).accuracy for n in sizes]
    return line_rows("n", sizes, {"limit": limit, "simulated": simulated})


def _open_answers_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    ps = np.array(settings["p"])
    phi, psi, wrongs = settings["phi"], settings["psi"], settings["wrongs"]
    lines: dict[str, list[float]] = {
        name: [] for name in ("right, raw", "right among kept", "commonest right, raw", "commonest right among kept")
    }
    for p in ps:
        counts = rng.multinomial(settings["draws"], [1 - p, *[p / wrongs] * wrongs], settings["prompts"])
        kept_counts = rng.binomial(counts, np.array([phi, *[psi] * wrongs]))
        for suffix, table in ((", raw", counts), (" among kept", kept_counts)):
            lines[f"right{suffix}"].append(float(table[:, 0].sum() / max(table.sum(), 1)))
            lines[f"commonest right{suffix}"].append(plurality_accuracy(table[:, 0], table[:, 1:]))
    return line_rows("p", ps, lines)


def breakdown_points(settings: Settings) -> dict[str, float]:
    """Return p*, and p*_w if the settings spread wrong answers evenly over `wrongs`."""
    phi, psi = settings["phi"], settings["psi"]
    points = {"p*": float(p_star(phi, psi))}
    if "wrongs" in settings:
        points["p*_w"] = float(p_star(phi, psi, 1 / settings["wrongs"]))
    return points


ROUND_SETTINGS: Settings = {
    "d": 20,
    "world": "isotropic",
    "strength": 1.0,
    "noise": "flips",
    "policy": "rates",
    "loss": "ridge",
    "lam": 1e-6,
    "phi": 1.0,
    "psi": 0.25,
    "verifier": 1 / 12,
}
FUNCTION_SETTINGS = ("noise", "policy", "loss")
ONE_ROUND = {
    "breakdown": Curve(
        "accuracy against the share wrong: the step at p*, where there is one",
        {**ROUND_SETTINGS, "ratio": 2000, "low": 0.02, "high": 0.98, "points": 25},
        _breakdown_curve,
        "accuracy",
        "p",
        FUNCTION_SETTINGS,
        marks=breakdown_points,
    ),
    "selection": Curve(
        "accuracy against the number of rows, for any noise, policy and loss",
        {**ROUND_SETTINGS, "n": (100, 300, 1000, 3000, 10000, 30000), "p": 0.3, "generator": 0.25},
        _selection_curve,
        "accuracy",
        "n",
        FUNCTION_SETTINGS,
        logarithmic=True,
    ),
    "proportional": Curve(
        "the limit d/n beside simulated rounds; case a or b isotropic, c or d mixture; a, c flips, b, d linear",
        {
            "case": "a", "d": 200, "n": (300, 1000, 3000, 10000), "lam": 0.01, "p": 0.3, "phi": 1.0, "psi": 0.3,
            "strength": 1.0, "generator": 0.25, "verifier": 1 / 12,
        },
        _proportional_curve,
        "accuracy",
        "n",
        logarithmic=True,
    ),
    "open-answers": Curve(
        "open answers: what is kept right, and what is commonest among the kept, against p* and p*_w",
        {
            "p": (0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99), "phi": 0.95, "psi": 0.1,
            "wrongs": 20, "draws": 200, "prompts": 400,
        },
        _open_answers_curve,
        "share",
        "p",
        marks=breakdown_points,
    ),
}  # fmt: skip
