"""Which rows to label, in which order, and when the labels have settled the decision. Works on arrays."""

from __future__ import annotations

from winnow.statistics.plans.label_order import draw_numbers
from winnow.statistics.plans.labeling_plan import DecidedRows, make_labeling_plan

__all__ = ["DecidedRows", "draw_numbers", "make_labeling_plan"]
