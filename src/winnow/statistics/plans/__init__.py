"""Which rows to label, in which order, and when the labels have settled it.

Works on arrays of sides, prompts and labels; reads no table and judges no text.
"""

from __future__ import annotations

from winnow.statistics.plans.boundaries import LOOK_SIZES, choose_look_sizes, stopping_boundaries
from winnow.statistics.plans.label_order import draw_numbers
from winnow.statistics.plans.labeling_plan import BUDGET, DecidedRows, EarlierLabels, LabelingPlan, make_labeling_plan
from winnow.statistics.plans.required_labels import (
    RequiredLabels,
    SequentialDesign,
    SideTally,
    project_required_labels,
    smallest_detectable_uplift,
)
from winnow.statistics.plans.sequential_test import OrderedLabels, SequentialResult, run_sequential_test

__all__ = [
    "BUDGET",
    "LOOK_SIZES",
    "DecidedRows",
    "EarlierLabels",
    "LabelingPlan",
    "OrderedLabels",
    "RequiredLabels",
    "SequentialDesign",
    "SequentialResult",
    "SideTally",
    "choose_look_sizes",
    "draw_numbers",
    "make_labeling_plan",
    "project_required_labels",
    "run_sequential_test",
    "smallest_detectable_uplift",
    "stopping_boundaries",
]
