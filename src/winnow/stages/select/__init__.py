"""select: the rows to train on, by rules that always apply in the same order, with a control to compare against."""

from winnow.stages.select.rules import SelectionRules
from winnow.stages.select.stage import Selected, SelectRequest, planned_work, resolve_request, select

__all__ = ["SelectRequest", "Selected", "SelectionRules", "planned_work", "resolve_request", "select"]
