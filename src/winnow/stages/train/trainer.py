"""The loop that fits a network to examples, and goes on from where a checkpoint stands.

Promises: on one machine the weights follow from the examples, the settings and where it starts, byte for byte, however
often it was stopped. The loss is the mean over all tokens written, the end included, each weighing what its row weighs;
prompts are read and not learned.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from winnow.errors import UsageError
from winnow.models.tiny.batches import EncodedRow, compute_target_logits, encode_row
from winnow.models.tiny.model import TinyModel, compute_device, reduced_precision
from winnow.models.tiny.vocabulary import FIRST_OUTPUT, UNKNOWN
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.examples import BatchOrder, TrainingExamples
from winnow.stages.train.progress import StepReport

ADAM_BETAS = (0.9, 0.98)
EVAL_BATCH = 512
"""Held-out rows whose loss is taken at once."""


@dataclass
class TrainerState:
    """Where training stands: all that a checkpoint has to hold beside the weights and their moments."""

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None
    since_best: int = 0
    over: bool = False


class Trainer:
    """A model being trained. `run` does steps; between two of them everything stands in here."""

    def __init__(
        self, model: TinyModel, examples: TrainingExamples, config: TrainConfig, held_out: TrainingExamples | None
    ) -> None:
        self.model, self.config, self.state = model, config, TrainerState()
        self.rows = encode_examples(model, examples)
        self.held_out = None if held_out is None else encode_held_out(model, held_out)
        self.unwritable_rows = 0 if held_out is None or self.held_out is None else len(held_out) - len(self.held_out)
        self._weights = torch.tensor(examples.weights)
        self._has_equal_weights = len(set(examples.weights)) == 1
        self.steps = config.total_steps(len(examples))
        self._order = BatchOrder([row.lengths for row in self.rows], config.batch, config.seed)
        self.optimizer = make_optimizer(model, config)
        self.best_weights: dict[str, Tensor] | None = None
        self.measure_accuracy: Callable[[], float] | None = None
        """What tells the share of held-out answers that are right, where training may end by it."""

    def run(self, save_checkpoint: Callable[[], None], on_step: Callable[[StepReport], None]) -> None:
        """All steps that are left; `keep` is called where a checkpoint is due."""
        self.model.network.train()
        while self.state.step < self.steps and not self.state.over:
            start = time.perf_counter()
            loss, tokens = self._train_step()
            seconds = max(time.perf_counter() - start, 1e-9)
            self.state.step += 1
            on_step(StepReport(self.state.step, self.steps, loss, tokens / seconds))
            if self.state.step % self.config.eval_every == 0 or self.state.step == self.steps:
                self._evaluate(loss)
            if self.state.step % self.config.checkpoint_every == 0 and self.state.step < self.steps:
                save_checkpoint()
        if self.best_weights is not None:
            self.model.network.load_state_dict(self.best_weights)

    def _train_step(self) -> tuple[float, int]:
        chosen = self._order.rows(self.state.step)
        rows = [self.rows[index] for index in chosen]
        weights = None if self._has_equal_weights else self._weights[torch.from_numpy(chosen)]
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate(self.state.step, self.steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss = batch_loss(self.model, rows, weights)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.network.parameters(), self.config.clip)
        self.optimizer.step()
        return float(loss.detach()), sum(sum(row.lengths) for row in rows)

    def _evaluate(self, loss: float) -> None:
        """A line of the history; with patience, whether training is over and which weights are the best."""
        state = self.state
        line: dict[str, float] = {"step": state.step, "loss": loss}
        if self.held_out is not None:
            line["held_out_loss"] = mean_loss(self.model, self.held_out)
        if self.config.target_accuracy is not None and self.measure_accuracy is not None:
            line["accuracy"] = self.measure_accuracy()
            state.over = line["accuracy"] >= self.config.target_accuracy
        state.history.append(line)
        if self.config.patience is None or self.held_out is None:
            return
        if state.best is None or line["held_out_loss"] < state.best:
            state.best, state.since_best = line["held_out_loss"], 0
            self.best_weights = {name: weight.clone() for name, weight in self.model.network.state_dict().items()}
        else:
            state.since_best += 1
            state.over = state.over or state.since_best >= self.config.patience


def make_optimizer(model: TinyModel, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW that lets matrices decay, and neither biases nor norms."""
    weights = list(model.network.parameters())
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=ADAM_BETAS, fused=True)


def batch_loss(model: TinyModel, rows: list[EncodedRow], weights: Tensor | None) -> Tensor:
    """The mean loss of the tokens written."""
    with reduced_precision():
        logits, targets = compute_target_logits(model.network, rows, compute_device())
    losses = functional.cross_entropy(logits.float(), targets - FIRST_OUTPUT, reduction="none")
    if weights is None:
        return losses.mean()
    token_weights = weights.repeat_interleave(torch.tensor([len(row.target) for row in rows])).to(losses.device)
    # A batch whose rows all weigh nothing teaches nothing.
    return (losses * token_weights).sum() / token_weights.sum().clamp(min=1e-12)


def encode_held_out(model: TinyModel, held_out: TrainingExamples) -> list[EncodedRow]:
    """Rows to look at; a completion that the model could never write has no loss to speak of: left out, and counted."""
    rows = [row for row in encode_examples(model, held_out) if UNKNOWN not in row.target]
    if not rows:
        problem = "has no completion that the model could write"
        raise UsageError("held_out", problem, "Hold out rows like those that are learned from")
    return rows


def encode_examples(model: TinyModel, examples: TrainingExamples) -> list[EncodedRow]:
    """Each row encoded, once."""
    pairs = zip(examples.prompts, examples.texts, strict=True)
    return [encode_row(model.model_config, model.vocabulary, *pair) for pair in pairs]


def mean_loss(model: TinyModel, rows: list[EncodedRow]) -> float:
    """The mean loss over the tokens of these rows."""
    by_length = sorted(rows, key=lambda row: row.lengths)
    total, count = 0.0, sum(len(row.target) for row in rows)
    with torch.inference_mode():
        for first in range(0, len(by_length), EVAL_BATCH):
            batch = by_length[first : first + EVAL_BATCH]
            total += float(batch_loss(model, batch, None)) * sum(len(row.target) for row in batch)
    return total / max(count, 1)
