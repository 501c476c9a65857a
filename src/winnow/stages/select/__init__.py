"""select: the rows to train on, by rules that always apply in the same order, with a control to compare against."""

from winnow.stages.select.rules import Rules
from winnow.stages.select.stage import Request, Selected, intended, select, settled

__all__ = ["Request", "Rules", "Selected", "intended", "select", "settled"]
