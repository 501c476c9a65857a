"""Curves over many rounds, from the models in theory.rounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.science.theory.arrays import Ints
from winnow.science.theory.curves.curve import Curve, Row, Settings, line_rows
from winnow.science.theory.rounds import (
    contracting_loop,
    gaussians,
    regression,
    symbols,
)
from winnow.science.theory.rounds.regression import RegressionSize, base_error


def _regression_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    size, rounds, runs = RegressionSize(settings["d"], settings["rows"]), settings["rounds"], settings["runs"]
    b, a = base_error(size), settings["average"]
    simulated_errors = {
        "replace": regression.simulate_replace(size, rounds, runs, rng),
        "accumulate": regression.simulate_accumulate(size, rounds, runs, rng),
        "subsample": regression.simulate_subsample(size, rounds, runs, rng),
        f"averaged, a={a:g}": regression.simulate_averaged(size, rounds, runs, a, rng),
    }
    lines = {name: errors.mean(axis=0) / b for name, errors in simulated_errors.items()}
    lines["replace, formula"] = regression.replace_error(size, rounds) / b
    lines["accumulate, formula"] = regression.accumulate_error(size, rounds) / b
    return line_rows("round", range(1, rounds + 1), lines)


def _editing_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    size, rounds = RegressionSize(settings["d"], settings["rows"]), settings["rounds"]
    b, share = base_error(size), settings["share"]
    processes: dict[str, Callable[[], list[Ints]]] = {
        "all rows once": lambda: regression.disjoint_blocks(size, 1),
        f"{rounds} disjoint blocks": lambda: regression.disjoint_blocks(size, rounds),
        f"{rounds} disjoint blocks, {share:.0%} of all rows": lambda: regression.disjoint_blocks(size, rounds, share),
        f"the same {share:.0%} each round": lambda: regression.fixed_rows(size, share, rounds),
        f"new {share:.0%} each round": lambda: regression.redrawn_rows(size, share, rounds, rng),
    }
    lines = {"claimed, at most": np.full(rounds + 1, 2.0)}
    for name, sets in processes.items():
        runs = [regression.exact_errors(size, sets(), rng) for _ in range(settings["runs"])]
        errors = np.array(runs).mean(axis=0) / b
        lines[name] = np.pad(errors, (0, rounds + 1 - len(errors)), mode="edge")
    return line_rows("edits", range(rounds + 1), lines)


def _gaussian_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    n, rounds, runs = settings["n"], settings["rounds"], settings["runs"]
    v, simulated_means = np.ones(runs), []
    for _ in range(rounds):
        v *= gaussians.simulate_replace(n, 1, runs, rng)
        simulated_means.append(float(v.mean()))
    lines = {
        "replace": gaussians.replace_variance(n, rounds),
        "accumulate": gaussians.accumulate_variance(n, rounds),
        "subsample": gaussians.subsample_variance(n, rounds),
        "subsample, with replacement": gaussians.subsample_variance(n, rounds, "with"),
        "replace, simulated": simulated_means,
    }
    return line_rows("round", range(1, rounds + 1), lines)


def _symbol_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    counts = symbols.zipf_counts(settings["symbols"], settings["tokens"], settings["exponent"])
    rounds = settings["rounds"]
    lines = {
        "expected": symbols.expected_alive(counts, rounds),
        "simulated": symbols.simulate_alive(counts, rounds, rng),
    }
    return line_rows("round", range(1, rounds + 1), {name: line / len(counts) for name, line in lines.items()})


def _center_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    d, n, tau, rounds, offset = (settings[name] for name in ("d", "n", "tau", "rounds", "offset"))
    lines = {
        f"bias {bias:g}": contracting_loop.expected_truth_error(offset, bias, d, n, tau, rounds)
        for bias in (0.0, settings["mild"], settings["strong"])
    }
    start, center = np.zeros(d), np.zeros(d)
    start[0], center[1] = offset, settings["strong"]
    distance = offset**2 + settings["strong"] ** 2
    lines["to the verifier's center"] = contracting_loop.expected_squared_distance(distance, d, n, tau, rounds)
    lines["to the center, one run"] = contracting_loop.simulate_squared_distances(start, center, n, tau, rounds, rng)
    return line_rows("round", range(rounds + 1), lines)


def _real_share_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    counts = symbols.zipf_counts(settings["symbols"], 100 * settings["symbols"])
    real, lines = counts / counts.sum(), {}
    generator = symbols.sharpening_generator(settings["power"])
    for a in settings["shares"]:
        distances, e = symbols.simulate_loop(real, generator, a, settings["rounds"])
        lines[f"real share {a:g}"] = distances
        lines[f"bound at {a:g}"] = symbols.distance_bound(a, e, settings["rounds"])
    return line_rows("round", range(1, settings["rounds"] + 1), lines)


def _weak_label_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    u0, kappa, beta, rounds = (settings[name] for name in ("u0", "kappa", "beta", "rounds"))
    lines = {"focused": contracting_loop.focused_share_solved(u0, kappa, beta, rounds)}
    lines["unfocused"] = contracting_loop.unfocused_share_solved(u0, kappa, beta, rounds)
    for name, focus in (("focused, simulated", True), ("unfocused, simulated", False)):
        lines[name] = contracting_loop.simulate_share_solved(u0, kappa * beta, rounds, focus, settings["prompts"], rng)
    return line_rows("round", range(rounds + 1), lines)


def _budget_rounds(settings: Settings, rng: np.random.Generator) -> list[Row]:
    rho, rounds, total = settings["rho"], settings["rounds"], settings["total"]
    best, constant = contracting_loop.best_budget(rho, rounds, total), contracting_loop.constant_budget(rounds, total)
    lines = {
        f"{name}, adds {contracting_loop.added_error(plan, rho):.4g}": plan
        for name, plan in (("best", best), ("constant", constant))
    }
    return line_rows("round", range(1, rounds + 1), lines)


MANY_ROUNDS = {
    "regression": Curve(
        "error of refitted regression in units of b: replace, accumulate, subsample, averaged",
        {"d": 10, "rows": 100, "rounds": 20, "runs": 200, "average": 0.5},
        _regression_rounds,
        "error / b",
    ),
    "editing": Curve(
        "token editing in the linear model: the claim 2 b and the exact process",
        {"d": 10, "rows": 100, "rounds": 20, "share": 0.25, "runs": 30},
        _editing_rounds,
        "error / b",
        axis="edits",
    ),
    "gaussian": Curve(
        "variance of a Gaussian refitted to its own samples",
        {"n": 10, "rounds": 30, "runs": 20000},
        _gaussian_rounds,
        "variance",
    ),
    "symbols": Curve(
        "share of symbols that survive rounds of resampling",
        {"symbols": 20000, "tokens": 400000, "exponent": 1.0, "rounds": 20},
        _symbol_rounds,
        "share alive",
    ),
    "center": Curve(
        "verified retraining converges to the verifier's center",
        {"d": 2, "n": 200, "tau": 1.0, "rounds": 15, "offset": 0.6, "mild": 0.3, "strong": 1.0},
        _center_rounds,
        "squared distance",
    ),
    "real-share": Curve(
        "a constant share of real data keeps a loop stable: distance and bound",
        {"symbols": 50, "power": 1.1, "shares": (0.0, 0.1, 0.3), "rounds": 30},
        _real_share_rounds,
        "total variation",
    ),
    "weak-labels": Curve(
        "weak labels on failing prompts against weak labels on all",
        {"u0": 0.7, "kappa": 0.5, "beta": 0.1, "rounds": 40, "prompts": 100000},
        _weak_label_rounds,
        "share solved",
    ),
    "budgets": Curve(
        "kept samples per round: the best plan in a contracting loop against a constant one",
        {"rho": 0.8, "rounds": 10, "total": 10000.0},
        _budget_rounds,
        "samples",
    ),
}
