"""The stage combine: one verifier out of several weak ones."""

from __future__ import annotations

from winnow.stages.decide.combine.stage import Combination, Combining, combine

__all__ = ["Combination", "Combining", "combine"]
