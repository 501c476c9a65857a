"""The curves by name."""

from __future__ import annotations

from winnow.theory.curves.curve import Curve
from winnow.theory.curves.many_rounds import MANY_ROUNDS
from winnow.theory.curves.one_round import ONE_ROUND

CURVES: dict[str, Curve] = {**ONE_ROUND, **MANY_ROUNDS}
