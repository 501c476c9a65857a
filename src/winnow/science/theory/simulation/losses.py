"""What the student minimizes over kept rows. n counts raw rows, so lam means the same whatever is kept.

ridge: (1/n) sum (y' - w.x)^2 / 2 + lam |w|^2 / 2, solved exactly; the theory of selection/ is about this loss.
logistic: (1/n) sum log(1 + exp(-y' w.x)) + lam |w|^2 / 2. With an oracle that passes rows by their latent label and a
linear generator it drifts back to the generator as n grows [derived].
Your own loss is any function (x, labels, n, lam) -> w over the kept rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from winnow.science.theory.arrays import Floats

Loss = Callable[[Floats, Floats, int, float], Floats]

MAX_NEWTON_STEPS, STEP_TOLERANCE = 60, 1e-9


def ridge(x: Floats, labels: Floats, n: int, lam: float) -> Floats:
    """Return the w of penalized least squares."""
    return solve_ridge_from_sums(x.T @ x, x.T @ labels, n, lam)


def solve_ridge_from_sums(second: Floats, first: Floats, n: int, lam: float) -> Floats:
    """Return the w of ridge from X'X and X'y' of the kept rows; the shortest solution if it is not unique."""
    matrix = second / n + lam * np.eye(len(first))
    if lam == 0:
        return np.asarray(np.linalg.lstsq(matrix, first / n, rcond=None)[0])
    return np.asarray(np.linalg.solve(matrix, first / n))


def logistic(x: Floats, labels: Floats, n: int, lam: float) -> Floats:
    """Return the w of logistic loss by Newton's method with step halving; separable rows need lam > 0."""
    signed = x * labels[:, None]
    w = np.zeros(x.shape[1])
    value = _logistic_value(signed, w, n, lam)
    for _ in range(MAX_NEWTON_STEPS):
        wrong = expit(-(signed @ w))
        gradient = lam * w - signed.T @ wrong / n
        weighted = signed * (wrong * (1 - wrong))[:, None]
        step = np.linalg.solve(signed.T @ weighted / n + lam * np.eye(len(w)), gradient)
        decrease, size = float(gradient @ step), 1.0
        while (candidate_value := _logistic_value(signed, w - size * step, n, lam)) > value - 1e-4 * size * decrease:
            size /= 2
            if size < STEP_TOLERANCE:
                return w
        w, value = w - size * step, candidate_value
        if decrease < STEP_TOLERANCE * STEP_TOLERANCE:
            break
    return w


def _logistic_value(signed: Floats, w: Floats, n: int, lam: float) -> float:
    return float(np.logaddexp(0, -(signed @ w)).sum() / n + lam * (w @ w) / 2)
