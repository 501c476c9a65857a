"""How far an estimate must stand from nothing at each look, so that looking often does not mislead.

Looking again after every batch of labels finds a difference sooner or later even where there is none. The chance of
that error (5% in all) is therefore split over the looks, evenly in the logarithm of the number of labels: each
doubling may spend as much as the one before, whichever size of difference turns up. The boundaries are exact for
estimates that are normal and whose information grows with the labels.

It does not judge labels: that is look.py.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]

LOOK_SIZES = (25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000)
LEVEL = 0.95
GRID_POINTS = 129  # Gauss-Legendre: more changes no boundary by 1e-9
BISECTIONS = 60
FARTHEST = 12.0


def choose_look_sizes(budget: int) -> tuple[int, ...]:
    """The looks of a project whose first budget is this: the usual ones, and one when the budget is used up."""
    return tuple(sorted({*LOOK_SIZES, budget})) if budget < LOOK_SIZES[-1] else LOOK_SIZES


def cumulative_error(sizes: tuple[int, ...], level: float = LEVEL) -> Floats:
    """The share of errors that all looks up to each one may have spent; the last has spent all."""
    labels = np.asarray(sizes, dtype=np.float64)
    start = labels[0] / 2
    shares: Floats = np.log(labels / start) / math.log(labels[-1] / start)
    return (1 - level) * shares


@lru_cache(maxsize=64)
def stopping_boundaries(sizes: tuple[int, ...] = LOOK_SIZES, level: float = LEVEL) -> tuple[float, ...]:
    """For each look the number of standard errors that settles it, in either direction."""
    steps = np.diff(cumulative_error(sizes, level), prepend=0.0) / 2
    unit, weights = np.polynomial.legendre.leggauss(GRID_POINTS)
    bounds: list[float] = []
    nodes, mass = np.zeros(1), np.ones(1)  # before any label the estimate stands at nothing
    for index, step in enumerate(steps):
        carried_over = math.sqrt(sizes[index - 1] / sizes[index]) if index else 0.0
        spread = math.sqrt(1 - carried_over * carried_over)
        bound = _solve_boundary(carried_over * nodes, spread, mass, float(step))
        next_nodes = unit * bound
        density = (
            np.exp(-(((next_nodes[:, None] - carried_over * nodes) / spread) ** 2) / 2)
            @ mass
            / (spread * math.sqrt(2 * math.pi))
        )
        nodes, mass = next_nodes, density * weights * bound
        bounds.append(bound)
    return tuple(bounds)


def _solve_boundary(centers: Floats, spread: float, mass: Floats, error: float) -> float:
    """Where the chance to step above, not having stepped out before, is `error`."""
    low, high = 0.0, FARTHEST
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = float(mass @ ndtr((centers - middle) / spread))
        low, high = (middle, high) if above > error else (low, middle)
    return high
