"""Boundaries of a group sequential test: the standard errors that settle a decision at each interim look.

Looking again after every batch of labels would find a difference sooner or later even where there is none. The error
rate (5% in all) is therefore spent over the looks, evenly in the logarithm of the number of labels. The boundaries are
exact for normal estimates whose information grows with the labels.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from winnow.statistics.card_inputs import Floats

LOOK_SIZES = (25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000)
LEVEL = 0.95
GRID_POINTS = 129  # Gauss-Legendre nodes; more would change no boundary by 1e-9
BISECTIONS = 60
FARTHEST = 12.0


def choose_look_sizes(budget: int) -> tuple[int, ...]:
    """Return the looks for a budget: the default ones, and one when the budget is used up."""
    return tuple(sorted({*LOOK_SIZES, budget})) if budget < LOOK_SIZES[-1] else LOOK_SIZES


def cumulative_error(sizes: tuple[int, ...], level: float = LEVEL) -> Floats:
    """Return the error rate spent up to each look; the last look has spent all."""
    labels = np.asarray(sizes, dtype=np.float64)
    start = labels[0] / 2
    shares: Floats = np.log(labels / start) / math.log(labels[-1] / start)
    return (1 - level) * shares


@lru_cache(maxsize=64)
def stopping_boundaries(sizes: tuple[int, ...] = LOOK_SIZES, level: float = LEVEL) -> tuple[float, ...]:
    """Return, for each look, the number of standard errors that settles it in either direction."""
    steps = np.diff(cumulative_error(sizes, level), prepend=0.0) / 2
    unit, weights = np.polynomial.legendre.leggauss(GRID_POINTS)
    bounds: list[float] = []
    nodes, mass = np.zeros(1), np.ones(1)  # without labels the estimate is 0
    for index, step in enumerate(steps):
        carried_over = math.sqrt(sizes[index - 1] / sizes[index]) if index else 0.0
        spread = math.sqrt(1 - carried_over * carried_over)
        bound = _solve_boundary(carried_over * nodes, spread, mass, float(step))
        next_nodes = unit * bound
        density = np.exp(-(((next_nodes[:, None] - carried_over * nodes) / spread) ** 2) / 2)
        density = density @ mass / (spread * math.sqrt(2 * math.pi))
        nodes, mass = next_nodes, density * weights * bound
        bounds.append(bound)
    return tuple(bounds)


def _solve_boundary(centers: Floats, spread: float, mass: Floats, error: float) -> float:
    """Return the boundary that is first crossed at this look with probability `error`."""
    low, high = 0.0, FARTHEST
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = float(mass @ ndtr((centers - middle) / spread))
        low, high = (middle, high) if above > error else (low, middle)
    return high
