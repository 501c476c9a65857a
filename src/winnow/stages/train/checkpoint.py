"""A checkpoint: weights, their moments and the position, in one safetensors file that is there whole or not at all.

Promises: going on from it gives the same bytes as never having stopped, on the same machine. It belongs to one work: a
folder in which another training was stopped is refused, not written over.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from winnow.errors import BrokenPromise, UsageError, format_value
from winnow.stages.train.trainer import Trainer, TrainerState
from winnow.storage.atomic_files import write_bytes

CHECKPOINT_NAME = ".checkpoint.safetensors"
MOMENT_NAMES = ("exp_avg", "exp_avg_sq")


def save_checkpoint(folder: Path, identity: str, trainer: Trainer) -> None:
    """Write where training stands."""
    network, state = trainer.model.network, trainer.optimizer.state
    tensors = {f"weight.{name}": tensor for name, tensor in network.state_dict().items()}
    for name, weight in network.named_parameters():
        tensors |= {f"{moment}.{name}": state[weight][moment] for moment in MOMENT_NAMES}
    tensors |= {f"best.{name}": tensor for name, tensor in (trainer.best_weights or {}).items()}
    metadata = {"identity": identity, "position": json.dumps(asdict(trainer.state))}
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # save_file would write under a temporary name of its own first, and a killed training leave that behind.
    write_bytes(folder / CHECKPOINT_NAME, save(on_cpu, metadata))


def resume(folder: Path, identity: str, trainer: Trainer) -> bool:
    """Bring training to where the checkpoint stands; False where there is none."""
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        return False
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            if metadata["identity"] != identity:
                problem = f"{format_value(str(folder))} holds a training of other rows or settings that is not finished"
                raise UsageError("--out", problem, "Name another folder, or remove that one")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dictionary
            _restore_trainer(trainer, tensors, TrainerState(**json.loads(metadata["position"])))
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        problem = f"is not as training wrote it ({type(error).__name__}: {format_value(str(error))})"
        raise BrokenPromise(str(path), problem, "Remove it and train again") from error
    return True


def read_identity(folder: Path) -> str | None:
    """The identity of the training that was stopped here; None where none was, or nothing can be read of it."""
    try:
        with safe_open(folder / CHECKPOINT_NAME, "pt") as file:
            return str(file.metadata()["identity"])
    except (OSError, SafetensorError, KeyError, TypeError):
        return None


def _restore_trainer(trainer: Trainer, tensors: dict[str, torch.Tensor], state: TrainerState) -> None:
    network = trainer.model.network
    network.load_state_dict(_tensors_under("weight.", tensors))
    for name, weight in network.named_parameters():
        trainer.optimizer.state[weight] = {
            "step": torch.tensor(float(state.step), device=weight.device),
            **{moment: tensors[f"{moment}.{name}"].to(weight.device) for moment in MOMENT_NAMES},
        }
    best = _tensors_under("best.", tensors)
    trainer.best_weights = best or None
    trainer.state = state


def _tensors_under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
