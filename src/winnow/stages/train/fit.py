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

from winnow.data.errors import UsageError
from winnow.models.tiny.batches import Encoded, encoded, scored
from winnow.models.tiny.tiny import Tiny, device, short_numbers
from winnow.models.tiny.vocabulary import FIRST_WRITTEN, UNKNOWN
from winnow.stages.train.examples import Examples, Order
from winnow.stages.train.settings import Settings

BETAS = (0.9, 0.98)
AT_ONCE = 512
"""Held-out rows whose loss is taken at once."""


@dataclass
class Position:
    """Where training stands: all that a checkpoint has to hold beside the weights and their moments."""

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None
    since_best: int = 0
    over: bool = False


@dataclass(frozen=True)
class Seen:
    """What is told of a step as it ends."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float


class Fitting:
    """A model being trained. `run` does steps; between two of them everything stands in here."""

    def __init__(self, model: Tiny, given: Examples, settings: Settings, held_out: Examples | None) -> None:
        self.model, self.settings, self.position = model, settings, Position()
        self.rows = rows_of(model, given)
        self.held_out = None if held_out is None else held_rows(model, held_out)
        self.left_out = 0 if held_out is None or self.held_out is None else len(held_out) - len(self.held_out)
        self._weights = torch.tensor(given.weights)
        self._even = len(set(given.weights)) == 1
        self.steps = settings.steps_for(len(given))
        self._order = Order([row.lengths for row in self.rows], settings.batch, settings.seed)
        self.optimizer = optimizer(model, settings)
        self.best_weights: dict[str, Tensor] | None = None
        self.accuracy: Callable[[], float] | None = None
        """What tells the share of held-out answers that are right, where training may end by it."""

    def run(self, keep: Callable[[], None], tell: Callable[[Seen], None]) -> None:
        """All steps that are left; `keep` is called where a checkpoint is due."""
        self.model.network.train()
        while self.position.step < self.steps and not self.position.over:
            began = time.perf_counter()
            loss, tokens = self._step()
            spent = max(time.perf_counter() - began, 1e-9)
            self.position.step += 1
            tell(Seen(self.position.step, self.steps, loss, tokens / spent))
            if self.position.step % self.settings.look_every == 0 or self.position.step == self.steps:
                self._look(loss)
            if self.position.step % self.settings.keep_every == 0 and self.position.step < self.steps:
                keep()
        if self.best_weights is not None:
            self.model.network.load_state_dict(self.best_weights)

    def _step(self) -> tuple[float, int]:
        chosen = self._order.rows(self.position.step)
        rows = [self.rows[place] for place in chosen]
        weights = None if self._even else self._weights[torch.from_numpy(chosen)]
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.position.step, self.steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss = loss_of(self.model, rows, weights)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.network.parameters(), self.settings.clip)
        self.optimizer.step()
        return float(loss.detach()), sum(sum(row.lengths) for row in rows)

    def _look(self, loss: float) -> None:
        """A line of the history; with patience, whether training is over and which weights are the best."""
        position = self.position
        line: dict[str, float] = {"step": position.step, "loss": loss}
        if self.held_out is not None:
            line["held_out_loss"] = mean_loss(self.model, self.held_out)
        if self.settings.enough is not None and self.accuracy is not None:
            line["accuracy"] = self.accuracy()
            position.over = line["accuracy"] >= self.settings.enough
        position.history.append(line)
        if self.settings.patience is None or self.held_out is None:
            return
        if position.best is None or line["held_out_loss"] < position.best:
            position.best, position.since_best = line["held_out_loss"], 0
            self.best_weights = {name: one.clone() for name, one in self.model.network.state_dict().items()}
        else:
            position.since_best += 1
            position.over = position.over or position.since_best >= self.settings.patience


def optimizer(model: Tiny, settings: Settings) -> torch.optim.AdamW:
    """AdamW that lets matrices decay, and neither biases nor norms."""
    weights = list(model.network.parameters())
    groups = [
        {"params": [one for one in weights if one.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [one for one in weights if one.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=BETAS, fused=True)


def loss_of(model: Tiny, rows: list[Encoded], weights: Tensor | None) -> Tensor:
    """The mean loss of the tokens written."""
    with short_numbers():
        logits, wanted = scored(model.network, rows, device())
    losses = functional.cross_entropy(logits.float(), wanted - FIRST_WRITTEN, reduction="none")
    if weights is None:
        return losses.mean()
    each = weights.repeat_interleave(torch.tensor([len(row.written) for row in rows])).to(losses.device)
    # A batch whose rows all weigh nothing teaches nothing.
    return (losses * each).sum() / each.sum().clamp(min=1e-12)


def held_rows(model: Tiny, held_out: Examples) -> list[Encoded]:
    """Rows to look at; a completion that the model could never write has no loss to speak of: left out, and counted."""
    rows = [row for row in rows_of(model, held_out) if UNKNOWN not in row.written]
    if not rows:
        problem = "has no completion that the model could write"
        raise UsageError("held_out", problem, "Hold out rows like those that are learned from")
    return rows


def rows_of(model: Tiny, given: Examples) -> list[Encoded]:
    """Each row encoded, once."""
    pairs = zip(given.prompts, given.texts, strict=True)
    return [encoded(model.shape, model.vocabulary, *pair) for pair in pairs]


def mean_loss(model: Tiny, rows: list[Encoded]) -> float:
    """The mean loss over the tokens of these rows."""
    in_length = sorted(rows, key=lambda row: row.lengths)
    total, count = 0.0, sum(len(row.written) for row in rows)
    with torch.inference_mode():
        for first in range(0, len(in_length), AT_ONCE):
            some = in_length[first : first + AT_ONCE]
            total += float(loss_of(model, some, None)) * sum(len(row.written) for row in some)
    return total / max(count, 1)
