"""The progress of training, on a terminal only, so that no log fills with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from winnow.stages.progress import ProgressLine


@dataclass(frozen=True)
class StepReport:
    """A finished training step: its number of how many, its loss, and how fast it was."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float


def make_progress_printer() -> Callable[[StepReport], None]:
    """A function that prints the step, the loss and the rate of a training."""
    line = ProgressLine(plain=False)

    def print_progress(report: StepReport) -> None:
        rate = f"{report.tokens_per_second:,.0f} tokens/s"
        line.update(lambda _: f"train: step {report.step:,} of {report.steps:,}, loss {report.loss:.4f}, {rate}")
        if report.step == report.steps:
            line.close()

    return print_progress
