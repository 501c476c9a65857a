"""One round: draw, label, keep, train, and how right the student is.

Promises: for ridge the rows are never all in memory; where noise and policy look at a few coordinates only, they are
not drawn at all (sufficient.py), and the student has the same distribution. Other losses get all kept rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.theory.arrays import Bools, Floats
from winnow.theory.worlds.losses import Loss, ridge, solve_ridge
from winnow.theory.worlds.noise import Flips, Noise
from winnow.theory.worlds.policies import ByRates, Policy
from winnow.theory.worlds.sufficient import Sums, mixture_flips, sums
from winnow.theory.worlds.world import World

CHUNK = 4096


@dataclass(frozen=True)
class Round:
    """How one round goes. n counts raw rows."""

    world: World
    noise: Noise
    policy: Policy
    n: int
    loss: Loss = ridge
    lam: float = 0.01


@dataclass(frozen=True)
class Outcome:
    """The student's signed accuracy, and what it was trained on."""

    accuracy: float
    kept: int
    wrong: int


def train(how: Round, rng: np.random.Generator) -> Outcome:
    """One round, by the fastest way that is exact."""
    if how.loss is not ridge:
        return _general(how, rng)
    if isinstance(how.noise, Flips) and isinstance(how.policy, ByRates) and how.world.strength is not None:
        return _by_counts(how, how.noise, how.policy, rng)
    seen = max(_sees(how.noise, how.world.d), _sees(how.policy, how.world.d), 1)
    return _by_sums(how, seen, rng) if seen < how.world.d else chunked(how, rng)


def _sees(part: object, d: int) -> int:
    return int(getattr(part, "sees", d))


def _student(how: Round, found: Sums, wrong: int) -> Outcome:
    if not found.rows:
        return Outcome(float("nan"), 0, 0)
    return Outcome(how.world.accuracy(solve_ridge(found.second, found.first, how.n, how.lam)), found.rows, wrong)


def _by_counts(how: Round, noise: Flips, policy: ByRates, rng: np.random.Generator) -> Outcome:
    wrong = int(rng.binomial(how.n, noise.p))
    kept = int(rng.binomial(how.n - wrong, policy.phi)), int(rng.binomial(wrong, policy.psi))
    assert how.world.strength is not None
    return _student(how, mixture_flips(*kept, how.world.d, how.world.strength, rng), kept[1])


def _by_sums(how: Round, seen: int, rng: np.random.Generator) -> Outcome:
    low, y = how.world.draw(how.n, rng, seen)
    given = how.noise(low, y, rng)
    keep = how.policy(low, y, given, rng)
    wrong = int((given != y)[keep].sum())
    return _student(how, sums(low[keep], given[keep], how.world.d, rng), wrong)


def chunked(how: Round, rng: np.random.Generator) -> Outcome:
    """Ridge over rows drawn in chunks, in single precision: for noise and policies that look at all of x."""
    d = how.world.d
    second, first, rows, wrong = np.zeros((d, d)), np.zeros(d), 0, 0
    for x, given, bad in _chunks(how, rng):
        second += x.T @ x
        first += x.T @ given
        rows, wrong = rows + len(x), wrong + int(bad.sum())
    return _student(how, Sums(second, first, rows), wrong)


def _chunks(how: Round, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Bools]]:
    """Kept rows, their given labels, and which are wrong; the rows of a chunk are overwritten by the next."""
    # Drawing is nearly all of the work: a faster source of bits, and the same memory again and again.
    fast = np.random.Generator(np.random.SFC64(rng.integers(2**63)))
    room: Any = np.empty((min(CHUNK, how.n), how.world.d), np.float32)
    for start in range(0, how.n, CHUNK):
        count = min(CHUNK, how.n - start)
        x = room[:count]
        fast.standard_normal(out=x, dtype=np.float32)
        if how.world.strength is None:
            y: Any = np.where(x[:, 0] > 0, np.float32(1), np.float32(-1))
        else:
            y = np.where(rng.random(count, dtype=np.float32) < 0.5, np.float32(1), np.float32(-1))
            x[:, 0] += np.float32(how.world.strength) * y
        given: Any = np.asarray(how.noise(x, y, rng), np.float32)
        keep = np.asarray(how.policy(x, y, given, rng), bool)
        yield x[keep], given[keep], np.asarray(given != y)[keep]


def _general(how: Round, rng: np.random.Generator) -> Outcome:
    x, y = how.world.draw(how.n, rng)
    given = np.asarray(how.noise(x, y, rng), float)
    keep = np.asarray(how.policy(x, y, given, rng), bool)
    if not keep.any():
        return Outcome(float("nan"), 0, 0)
    w = how.loss(x[keep], given[keep], how.n, how.lam)
    return Outcome(how.world.accuracy(w), int(keep.sum()), int((given != y)[keep].sum()))
