"""train: fit a small model to a table, go on where it stopped, and see what it is worth on a held-out one."""

from winnow.stages.train.fit import Seen
from winnow.stages.train.settings import Settings
from winnow.stages.train.stage import Request, Trained, train
from winnow.stages.train.told import told

__all__ = ["Request", "Seen", "Settings", "Trained", "told", "train"]
