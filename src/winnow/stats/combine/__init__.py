"""One verifier from several weak ones, with labels or without.

Works on arrays of votes and scores; reads no table, and refuses rather than guesses.
"""

from __future__ import annotations

from winnow.stats.combine.combine import Combined, combine, combine_labeled, majority
from winnow.stats.combine.dependence import Refused
from winnow.stats.combine.stack import Labeled
from winnow.stats.combine.votes import cut

__all__ = ["Combined", "Labeled", "Refused", "combine", "combine_labeled", "cut", "majority"]
