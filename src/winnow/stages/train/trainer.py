"""The training loop: fits a network to examples, from the start or from the state of a checkpoint.

On one machine, the examples, the settings and the initial weights determine the final weights byte for byte, however
often training was stopped. The loss is the mean over all tokens of completions, including the end token, weighted by
`winnow_weight`; the tokens of prompts have no loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from winnow.errors import UsageError
from winnow.models.tiny.model import TinyModel, reduced_precision
from winnow.models.tiny.network import compute_target_logits
from winnow.models.tiny.vocabulary import FIRST_OUTPUT, UNKNOWN, EncodedRow, encode_row
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.examples import BatchOrder, TrainingExamples

ADAM_BETAS = (0.9, 0.98)
EVAL_BATCH = 512
"""How many held-out rows are evaluated at once."""


@dataclass(frozen=True)
class StepReport:
    """A finished training step: its number, the number of all steps, its loss and its speed."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float


@dataclass
class TrainerState:
    """The state that a checkpoint holds besides the weights and the moments of the optimizer."""

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None
    since_best: int = 0
    over: bool = False


class Trainer:
    """A model that is being trained.

    Args:
        model: The model, whose weights are changed in place.
        examples: The rows to learn.
        config: The options.
        held_out: The rows on which the loss is evaluated.
        measure_accuracy: Measures the share of right answers, if training can stop at a target accuracy.
    """

    def __init__(
        self,
        model: TinyModel,
        examples: TrainingExamples,
        config: TrainConfig,
        held_out: TrainingExamples | None = None,
        measure_accuracy: Callable[[], float] | None = None,
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
        self._measure_accuracy = measure_accuracy

    def run(self, save_checkpoint: Callable[[], None], on_step: Callable[[StepReport], None]) -> None:
        """Do all remaining steps, and call `save_checkpoint` after every `checkpoint_every` steps."""
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
        """Add a line to the history; with patience or a target accuracy, decide whether training is over."""
        state = self.state
        line: dict[str, float] = {"step": state.step, "loss": loss}
        if self.held_out is not None:
            line["held_out_loss"] = mean_loss(self.model, self.held_out)
        if self.config.target_accuracy is not None and self._measure_accuracy is not None:
            line["accuracy"] = self._measure_accuracy()
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
    """AdamW with weight decay on matrices only, not on biases and norms."""
    weights = list(model.network.parameters())
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=ADAM_BETAS, fused=True)


def batch_loss(model: TinyModel, rows: list[EncodedRow], weights: Tensor | None) -> Tensor:
    """The weighted mean loss over the tokens of the completions."""
    with reduced_precision():
        logits, targets = compute_target_logits(model.network, rows)
    losses = functional.cross_entropy(logits.float(), targets - FIRST_OUTPUT, reduction="none")
    if weights is None:
        return losses.mean()
    token_weights = weights.repeat_interleave(torch.tensor([len(row.target) for row in rows])).to(losses.device)
    # The loss of a batch whose weights are all 0 is 0.
    return (losses * token_weights).sum() / token_weights.sum().clamp(min=1e-12)


def encode_held_out(model: TinyModel, held_out: TrainingExamples) -> list[EncodedRow]:
    """Encode held-out rows, without those whose completion has a token that the model does not know."""
    rows = [row for row in encode_examples(model, held_out) if UNKNOWN not in row.target]
    if not rows:
        problem = "has no completion that the model could write"
        raise UsageError("held_out", problem, "Hold out rows like those that are learned from")
    return rows


def encode_examples(model: TinyModel, examples: TrainingExamples) -> list[EncodedRow]:
    """Encode the prompt and the completion of each example with the tokens of the model."""
    pairs = zip(examples.prompts, examples.texts, strict=True)
    return [encode_row(model.model_config, model.vocabulary, *pair) for pair in pairs]


def mean_loss(model: TinyModel, rows: list[EncodedRow]) -> float:
    """The mean loss over the tokens of the completions."""
    by_length = sorted(rows, key=lambda row: row.lengths)
    total, count = 0.0, sum(len(row.target) for row in rows)
    with torch.inference_mode():
        for first in range(0, len(by_length), EVAL_BATCH):
            batch = by_length[first : first + EVAL_BATCH]
            total += float(batch_loss(model, batch, None)) * sum(len(row.target) for row in batch)
    return total / max(count, 1)
