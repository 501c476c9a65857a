"""The curves that `winnow simulate` draws, each as tidy rows computed from settings and a seed."""

from __future__ import annotations

from winnow.science.theory.curves.curve import Curve
from winnow.science.theory.curves.many_rounds import MANY_ROUNDS
from winnow.science.theory.curves.one_round import ONE_ROUND

CURVES: dict[str, Curve] = {**ONE_ROUND, **MANY_ROUNDS}
