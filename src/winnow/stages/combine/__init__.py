"""The stage combine: one verifier out of several weak ones."""

from __future__ import annotations

from winnow.stages.combine.stage import Combination, CombineConfig, combine

__all__ = ["Combination", "CombineConfig", "combine"]
