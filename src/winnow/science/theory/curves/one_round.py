"""Curves of one round: accuracy against the share wrong, the number of rows, and the limit beside the simulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from winnow.science.theory.curves.curve import Curve, Row, Settings, line_rows
from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.selection.breakdown import SelectionRates, p_star, plurality_accuracy
from winnow.science.theory.selection.proportional_limit import RuleMoments, accuracy_mixture, error_isotropic
from winnow.science.theory.selection.rule_moments import (
    isotropic_agreement,
    isotropic_flips,
    mixture_agreement,
    mixture_flips,
)
from winnow.science.theory.simulation.losses import Loss, logistic, ridge
from winnow.science.theory.simulation.noise import FlipNoise, LinearNoise, Noise
from winnow.science.theory.simulation.policies import AgreementPolicy, Policy, RatePolicy
from winnow.science.theory.simulation.training import SimulatedRound, simulate_round
from winnow.science.theory.simulation.world import World

LOSSES: dict[str, Loss] = {"ridge": ridge, "logistic": logistic}
NOISES, POLICIES, WORLDS = ("flips", "linear"), ("rates", "agreement"), ("isotropic", "mixture")
CASES = ("a", "b", "c", "d")
LABELED_ROWS = 20_000  # rows on which a generator is judged


def build_world(settings: Settings) -> World:
    """isotropic, or a mixture of the given strength."""
    check_choice(settings["world"], "world", WORLDS)
    return World(settings["d"], settings["strength"] if settings["world"] == "mixture" else None)


def build_noise(settings: Settings, p: float, angles: Angles) -> Noise:
    """flips, linear, or a function of the user's."""
    choice = settings["noise"]
    if callable(choice):
        return choice  # type: ignore[no-any-return]
    return FlipNoise(p) if check_choice(choice, "noise", NOISES) == "flips" else LinearNoise(angles)


def build_policy(settings: Settings, angles: Angles) -> Policy:
    """rates, agreement, or a function of the user's."""
    choice = settings["policy"]
    if callable(choice):
        return choice  # type: ignore[no-any-return]
    by_rates = check_choice(choice, "policy", POLICIES) == "rates"
    return RatePolicy(settings["phi"], settings["psi"]) if by_rates else AgreementPolicy(angles)


def choose_loss(settings: Settings) -> Loss:
    """ridge, logistic, or a function of the user's."""
    choice = settings["loss"]
    return choice if callable(choice) else LOSSES[check_choice(choice, "loss", tuple(LOSSES))]


def check_choice(name: Any, setting: str, names: tuple[str, ...]) -> str:
    """The name, if it is one; a ValueError names the setting and what it may be."""
    if name not in names:
        raise ValueError(f"{setting} {name!r}: is one of {', '.join(names)}, or a function of yours, module:function")
    return str(name)


def breakdown_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Accuracy against p: flips step at p*; labels of a linear generator with the same p, phi and psi do not."""
    ps = np.linspace(settings["low"], settings["high"], settings["points"])
    n = settings["d"] * settings["ratio"]
    students = []
    for p in ps:
        angles = Angles(p * np.pi, settings["verifier"] * np.pi)
        simulated_round = SimulatedRound(
            build_world(settings),
            build_noise(settings, p, angles),
            build_policy(settings, angles),
            n,
            choose_loss(settings),
            settings["lam"],
        )
        students.append(simulate_round(simulated_round, rng).accuracy)
    theorem = np.where(
        ps < p_star(settings["phi"], settings["psi"]),
        build_world(settings).bayes_accuracy(),
        1 - build_world(settings).bayes_accuracy(),
    )
    lines = {"student": students, "generator": 1 - ps}
    if settings["policy"] == "rates" and settings["noise"] == "flips":
        lines["theorem, without end of rows"] = theorem
    return line_rows("p", ps.round(6), lines)


def selection_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Accuracy against the number of raw rows, for any noise, policy and loss, beside the generator's labels."""
    angles = Angles(settings["generator"] * np.pi, settings["verifier"] * np.pi)
    data_world, noise_model, keep_policy = (
        build_world(settings),
        build_noise(settings, settings["p"], angles),
        build_policy(settings, angles),
    )
    rounds = [
        SimulatedRound(data_world, noise_model, keep_policy, n, choose_loss(settings), settings["lam"])
        for n in settings["n"]
    ]
    generator = _generator_accuracy(noise_model, data_world, rng.spawn(1)[0])
    accuracies = [simulate_round(how, rng).accuracy for how in rounds]
    lines = {
        "student": accuracies,
        "generator": [generator] * len(accuracies),
        "Bayes": [data_world.bayes_accuracy()] * len(accuracies),
    }
    return [row for row in line_rows("n", settings["n"], lines) if np.isfinite(row["value"])]


def _generator_accuracy(noise_model: Noise, data_world: World, rng: np.random.Generator) -> float:
    """How often the generator's labels are right: by its formula, or counted where it has none."""
    if isinstance(noise_model, FlipNoise):
        return 1 - noise_model.p
    if isinstance(noise_model, LinearNoise):
        return data_world.accuracy(noise_model.angles.directions()[1])
    x, y = data_world.draw(LABELED_ROWS, rng)
    return float((noise_model(x, y, rng) == y).mean())


def proportional_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Accuracy in the limit d / n fixed beside simulated rounds of the same d and n, in one of the cases a to d."""
    case = check_choice(settings["case"], "case", CASES)
    angles = Angles(settings["generator"] * np.pi, settings["verifier"] * np.pi)
    rates = SelectionRates(settings["p"], settings["phi"], settings["psi"])
    strength = settings["strength"] if case in "cd" else None
    moments = case_moments(case, rates, angles, settings["strength"])
    noise_model: Noise = FlipNoise(rates.p) if case in "ac" else LinearNoise(angles)
    keep_policy: Policy = RatePolicy(rates.phi, rates.psi) if case in "ac" else AgreementPolicy(angles)
    d, lam = settings["d"], settings["lam"]
    limit = [limit_accuracy(case, moments, d / n, lam) for n in settings["n"]]
    simulated = [
        simulate_round(SimulatedRound(World(d, strength), noise_model, keep_policy, n, ridge, lam), rng).accuracy
        for n in settings["n"]
    ]
    return line_rows("n", settings["n"], {"limit": limit, "simulated": simulated})


def case_moments(case: str, rates: SelectionRates, angles: Angles, strength: float) -> RuleMoments:
    """P, K and b of a case."""
    return {
        "a": lambda: isotropic_flips(rates),
        "b": lambda: isotropic_agreement(angles),
        "c": lambda: mixture_flips(rates, strength),
        "d": lambda: mixture_agreement(angles, strength),
    }[case]()


def limit_accuracy(case: str, moments: RuleMoments, kappa: float, lam: float) -> float:
    """Accuracy in the limit."""
    return accuracy_mixture(moments, kappa, lam) if case in "cd" else 1 - error_isotropic(moments, kappa, lam)


def open_answers_curve(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Open answers: kept share right and commonest kept answer, against the share wrong; p* is not where they turn."""
    ps = np.array(settings["p"])
    phi, psi, wrongs = settings["phi"], settings["psi"], settings["wrongs"]
    lines: dict[str, list[float]] = {
        name: [] for name in ("right, raw", "right among kept", "commonest right, raw", "commonest right among kept")
    }
    for p in ps:
        counts = rng.multinomial(settings["draws"], [1 - p, *[p / wrongs] * wrongs], settings["prompts"])
        kept_counts = rng.binomial(counts, np.array([phi, *[psi] * wrongs]))
        for name, share_right in zip(lines, _shares_right(counts, kept_counts), strict=True):
            lines[name].append(share_right)
    return line_rows("p", ps, lines)


def breakdown_points(settings: Settings) -> dict[str, float]:
    """Where p* stands, and p*_w where wrong answers are spread evenly over `wrongs`."""
    phi, psi = settings["phi"], settings["psi"]
    points = {"p*": float(p_star(phi, psi))}
    if "wrongs" in settings:
        points["p*_w"] = float(p_star(phi, psi, 1 / settings["wrongs"]))
    return points


def _shares_right(counts: Any, kept_counts: Any) -> list[float]:
    share = [float(table[:, 0].sum() / max(table.sum(), 1)) for table in (counts, kept_counts)]
    most = [plurality_accuracy(table[:, 0], table[:, 1:]) for table in (counts, kept_counts)]
    return [*share, *most]


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
        breakdown_curve,
        "p",
        "accuracy",
        FUNCTION_SETTINGS,
        marks=breakdown_points,
    ),
    "selection": Curve(
        "accuracy against the number of rows, for any noise, policy and loss",
        {**ROUND_SETTINGS, "n": (100, 300, 1000, 3000, 10000, 30000), "p": 0.3, "generator": 0.25},
        selection_curve,
        "n",
        "accuracy",
        FUNCTION_SETTINGS,
        logarithmic=True,
    ),
    "proportional": Curve(
        "the limit d/n beside simulated rounds; case a or b isotropic, c or d mixture; a, c flips, b, d linear",
        {
            "case": "a", "d": 200, "n": (300, 1000, 3000, 10000), "lam": 0.01, "p": 0.3, "phi": 1.0, "psi": 0.3,
            "strength": 1.0, "generator": 0.25, "verifier": 1 / 12,
        },
        proportional_curve,
        "n",
        "accuracy",
        logarithmic=True,
    ),
    "open-answers": Curve(
        "open answers: what is kept right, and what is commonest among the kept, against p* and p*_w",
        {
            "p": (0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99), "phi": 0.95, "psi": 0.1,
            "wrongs": 20, "draws": 200, "prompts": 400,
        },
        open_answers_curve,
        "p",
        "share",
        marks=breakdown_points,
    ),
}  # fmt: skip
