"""train: fit a small model to a table, go on where it stopped, and see what it is worth on a held-out one."""

from winnow.stages.train.config import TrainConfig
from winnow.stages.train.progress import make_progress_printer
from winnow.stages.train.stage import TrainRequest, TrainResult, train
from winnow.stages.train.trainer import StepReport

__all__ = ["StepReport", "TrainConfig", "TrainRequest", "TrainResult", "make_progress_printer", "train"]
