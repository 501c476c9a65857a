"""Checks of closed forms against values worked out for them; nothing here is random."""

from __future__ import annotations

import numpy as np

from winnow.science.studies.framework.check import Goal, Row, check_row
from winnow.science.studies.framework.study import StudyUnit
from winnow.science.theory.selection.angles import Angles, bisector_error, isotropic_rates
from winnow.science.theory.selection.breakdown import SelectionRates, p_star, precision_of_kept
from winnow.science.theory.selection.proportional_limit import error_isotropic
from winnow.science.theory.selection.rule_moments import isotropic_agreement

PI = np.pi
PRINTED_TOLERANCE = 6e-5  # four decimals as printed
NOISY = {0.0: 1.0, 0.1: 0.909, 0.25: 0.8, 0.5: 0.667, 0.65: 0.606, 1.0: 0.5}
ISOTROPIC = {
    "0": (0.0, (1, 0, 1, 0.75, 0.1250)),
    "pi/12": (PI / 12, (0.9373, 0.1453, 0.8658, 0.7393, 0.1346)),
    "pi/6": (PI / 6, (0.8621, 0.2529, 0.7732, 0.7098, 0.1602)),
    "pi/4": (PI / 4, (0.7778, 0.3333, 0.7000, 0.6667, 0.1959)),
    "pi/3": (PI / 3, (0.6878, 0.3967, 0.6342, 0.6150, 0.2378)),
}
"""The angle of the verifier and, for th_g = pi/4: phi, psi, p*, keep rate, and the error with infinitely many rows."""
GAME_OF_24 = SelectionRates(0.96, 0.95, 0.10)
SIZES = np.geomspace(300, 1e7, 60)


def closed_form_checks(unit: StudyUnit) -> list[Row]:
    """Check every value that a formula gives."""
    rows = [check_row(f"p* at q={q:g}", float(p_star(1.0, q)), Goal(want, 6e-4, "paper")) for q, want in NOISY.items()]
    printed = Goal(0.0, PRINTED_TOLERANCE, "derived")
    for name, (verifier, expected) in ISOTROPIC.items():
        angles = Angles(PI / 4, verifier)
        rates = isotropic_rates(angles)
        got = (rates.phi, rates.psi, rates.p_star, rates.keep, bisector_error(angles))
        worst = float(np.max(np.abs(np.subtract(got, expected))))
        rows.append(check_row(f"th_o={name}: largest deviation of five values", worst, printed))
    rule = isotropic_agreement(Angles(PI / 4, PI / 12))
    accuracies = [1 - error_isotropic(rule, 200 / n, 1e-6) for n in SIZES]
    least_rise = float(np.min(np.diff(accuracies)))
    precision = precision_of_kept(GAME_OF_24)
    times_cleaner = precision / (1 - GAME_OF_24.p)
    return [
        *rows,
        check_row("eps*", float(p_star(0.8, 0.3)), Goal(0.7273, PRINTED_TOLERANCE, "derived")),
        check_row("p* without selection", float(p_star(0.37, 0.37)), Goal(0.5, 1e-12, "paper")),
        check_row("game of 24: margin p* - p", GAME_OF_24.p_star - GAME_OF_24.p, Goal(-0.055, 6e-4, "derived")),
        check_row("game of 24: kept share right", precision, Goal(0.285, 2e-3, "derived")),
        check_row("game of 24: times cleaner", times_cleaner, Goal(7.0, 0.0, "sign", ">=")),
        check_row("ridge, weak verifier: accuracy never falls in n", least_rise, Goal(0.0, 0.0, "sign", ">=")),
    ]
