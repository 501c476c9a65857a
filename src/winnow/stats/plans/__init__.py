"""Which rows to label, in which order, and when the labels have settled it.

Works on arrays of sides, prompts and labels; reads no table and judges no text.
"""

from __future__ import annotations

from winnow.stats.plans.boundaries import LOOKS, boundaries, looks_for
from winnow.stats.plans.enough import Enough, Rule, Tallied, enough, smallest_uplift
from winnow.stats.plans.look import Labels, Look, look
from winnow.stats.plans.order import numbers
from winnow.stats.plans.plan import BUDGET, Decided, Plan, Sofar, plan

__all__ = [
    "BUDGET",
    "LOOKS",
    "Decided",
    "Enough",
    "Labels",
    "Look",
    "Plan",
    "Rule",
    "Sofar",
    "Tallied",
    "boundaries",
    "enough",
    "look",
    "looks_for",
    "numbers",
    "plan",
    "smallest_uplift",
]
