"""Curves of one round: accuracy against the share wrong, the number of rows, and the limit beside the simulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from winnow.theory.curves.curve import Curve, Row, Settings, rows
from winnow.theory.selection.angles import Angles
from winnow.theory.selection.breakdown import Rates, p_star, plurality_right
from winnow.theory.selection.limit import Rule, accuracy_mixture, error_isotropic
from winnow.theory.selection.rules import isotropic_agreement, isotropic_flips, mixture_agreement, mixture_flips
from winnow.theory.worlds.losses import Loss, logistic, ridge
from winnow.theory.worlds.noise import Flips, Linear, Noise
from winnow.theory.worlds.policies import Agreement, ByRates, Policy
from winnow.theory.worlds.training import Round, train
from winnow.theory.worlds.world import World

LOSSES: dict[str, Loss] = {"ridge": ridge, "logistic": logistic}
NOISES, POLICIES, WORLDS = ("flips", "linear"), ("rates", "agreement"), ("isotropic", "mixture")
CASES = ("a", "b", "c", "d")
LABELED = 20_000  # rows on which a generator is judged


def world(settings: Settings) -> World:
    """isotropic, or a mixture of the given strength."""
    known(settings["world"], "world", WORLDS)
    return World(settings["d"], settings["strength"] if settings["world"] == "mixture" else None)


def noise(settings: Settings, p: float, angles: Angles) -> Noise:
    """flips, linear, or a function of the user's."""
    named = settings["noise"]
    if callable(named):
        return named  # type: ignore[no-any-return]
    return Flips(p) if known(named, "noise", NOISES) == "flips" else Linear(angles)


def policy(settings: Settings, angles: Angles) -> Policy:
    """rates, agreement, or a function of the user's."""
    named = settings["policy"]
    if callable(named):
        return named  # type: ignore[no-any-return]
    by_rates = known(named, "policy", POLICIES) == "rates"
    return ByRates(settings["phi"], settings["psi"]) if by_rates else Agreement(angles)


def loss(settings: Settings) -> Loss:
    """ridge, logistic, or a function of the user's."""
    named = settings["loss"]
    return named if callable(named) else LOSSES[known(named, "loss", tuple(LOSSES))]


def known(name: Any, setting: str, names: tuple[str, ...]) -> str:
    """The name, if it is one; a ValueError names the setting and what it may be."""
    if name not in names:
        raise ValueError(f"{setting} {name!r}: is one of {', '.join(names)}, or a function of yours, module:function")
    return str(name)


def breakdown(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Accuracy against p: flips step at p*; labels of a linear generator with the same p, phi and psi do not."""
    ps = np.linspace(settings["low"], settings["high"], settings["points"])
    n = settings["d"] * settings["ratio"]
    students = []
    for p in ps:
        angles = Angles(p * np.pi, settings["verifier"] * np.pi)
        how = Round(
            world(settings), noise(settings, p, angles), policy(settings, angles), n, loss(settings), settings["lam"]
        )
        students.append(train(how, rng).accuracy)
    theorem = np.where(
        ps < p_star(settings["phi"], settings["psi"]), world(settings).bayes(), 1 - world(settings).bayes()
    )
    lines = {"student": students, "generator": 1 - ps}
    if settings["policy"] == "rates" and settings["noise"] == "flips":
        lines["theorem, without end of rows"] = theorem
    return rows("p", ps.round(6), lines)


def selection(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Accuracy against the number of raw rows, for any noise, policy and loss, beside the generator's labels."""
    angles = Angles(settings["generator"] * np.pi, settings["verifier"] * np.pi)
    w, labels, kept = world(settings), noise(settings, settings["p"], angles), policy(settings, angles)
    rounds = [Round(w, labels, kept, n, loss(settings), settings["lam"]) for n in settings["n"]]
    generator = _right(labels, w, rng.spawn(1)[0])
    found = [train(how, rng).accuracy for how in rounds]
    lines = {"student": found, "generator": [generator] * len(found), "Bayes": [w.bayes()] * len(found)}
    return [row for row in rows("n", settings["n"], lines) if np.isfinite(row["value"])]


def _right(labels: Noise, w: World, rng: np.random.Generator) -> float:
    """How often the generator's labels are right: by its formula, or counted where it has none."""
    if isinstance(labels, Flips):
        return 1 - labels.p
    if isinstance(labels, Linear):
        return w.accuracy(labels.angles.directions()[1])
    x, y = w.draw(LABELED, rng)
    return float((labels(x, y, rng) == y).mean())


def proportional(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Accuracy in the limit d / n fixed beside simulated rounds of the same d and n, in one of the cases a to d."""
    case = known(settings["case"], "case", CASES)
    angles = Angles(settings["generator"] * np.pi, settings["verifier"] * np.pi)
    rates = Rates(settings["p"], settings["phi"], settings["psi"])
    strength = settings["strength"] if case in "cd" else None
    rule = case_rule(case, rates, angles, settings["strength"])
    labels: Noise = Flips(rates.p) if case in "ac" else Linear(angles)
    kept: Policy = ByRates(rates.phi, rates.psi) if case in "ac" else Agreement(angles)
    d, lam = settings["d"], settings["lam"]
    limit = [limit_accuracy(case, rule, d / n, lam) for n in settings["n"]]
    simulated = [train(Round(World(d, strength), labels, kept, n, ridge, lam), rng).accuracy for n in settings["n"]]
    return rows("n", settings["n"], {"limit": limit, "simulated": simulated})


def case_rule(case: str, rates: Rates, angles: Angles, strength: float) -> Rule:
    """P, K and b of a case."""
    return {
        "a": lambda: isotropic_flips(rates),
        "b": lambda: isotropic_agreement(angles),
        "c": lambda: mixture_flips(rates, strength),
        "d": lambda: mixture_agreement(angles, strength),
    }[case]()


def limit_accuracy(case: str, rule: Rule, kappa: float, lam: float) -> float:
    """Accuracy in the limit."""
    return accuracy_mixture(rule, kappa, lam) if case in "cd" else 1 - error_isotropic(rule, kappa, lam)


def open_answers(settings: Settings, rng: np.random.Generator) -> list[Row]:
    """Open answers: kept share right and commonest kept answer, against the share wrong; p* is not where they turn."""
    ps = np.array(settings["p"])
    phi, psi, wrongs = settings["phi"], settings["psi"], settings["wrongs"]
    lines: dict[str, list[float]] = {
        name: [] for name in ("right, raw", "right among kept", "commonest right, raw", "commonest right among kept")
    }
    for p in ps:
        counts = rng.multinomial(settings["draws"], [1 - p, *[p / wrongs] * wrongs], settings["prompts"])
        kept = rng.binomial(counts, np.array([phi, *[psi] * wrongs]))
        for name, found in zip(lines, _shares(counts, kept), strict=True):
            lines[name].append(found)
    return rows("p", ps, lines)


def stars(settings: Settings) -> dict[str, float]:
    """Where p* stands, and p*_w where wrong answers are spread evenly over `wrongs`."""
    phi, psi = settings["phi"], settings["psi"]
    found = {"p*": float(p_star(phi, psi))}
    if "wrongs" in settings:
        found["p*_w"] = float(p_star(phi, psi, 1 / settings["wrongs"]))
    return found


def _shares(counts: Any, kept: Any) -> list[float]:
    share = [float(table[:, 0].sum() / max(table.sum(), 1)) for table in (counts, kept)]
    most = [plurality_right(table[:, 0], table[:, 1:]) for table in (counts, kept)]
    return [*share, *most]


ROUND: Settings = {
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
IDEAS = ("noise", "policy", "loss")
ONE_ROUND = {
    "breakdown": Curve(
        "accuracy against the share wrong: the step at p*, where there is one",
        {**ROUND, "ratio": 2000, "low": 0.02, "high": 0.98, "points": 25},
        breakdown,
        "p",
        "accuracy",
        IDEAS,
        marks=stars,
    ),
    "selection": Curve(
        "accuracy against the number of rows, for any noise, policy and loss",
        {**ROUND, "n": (100, 300, 1000, 3000, 10000, 30000), "p": 0.3, "generator": 0.25},
        selection,
        "n",
        "accuracy",
        IDEAS,
        logarithmic=True,
    ),
    "proportional": Curve(
        "the limit d/n beside simulated rounds; case a or b isotropic, c or d mixture; a, c flips, b, d linear",
        {
            "case": "a", "d": 200, "n": (300, 1000, 3000, 10000), "lam": 0.01, "p": 0.3, "phi": 1.0, "psi": 0.3,
            "strength": 1.0, "generator": 0.25, "verifier": 1 / 12,
        },
        proportional,
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
        open_answers,
        "p",
        "share",
        marks=stars,
    ),
}  # fmt: skip
