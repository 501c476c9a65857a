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

from winnow.data.errors import BrokenPromise, UsageError, shown
from winnow.data.stores.atomic import write_bytes
from winnow.stages.train.fit import Fitting, Position

NAME = ".checkpoint.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")


def keep(folder: Path, identity: str, fitting: Fitting) -> None:
    """Write where training stands."""
    network, state = fitting.model.network, fitting.optimizer.state
    tensors = {f"weight.{name}": one for name, one in network.state_dict().items()}
    for name, weight in network.named_parameters():
        tensors |= {f"{moment}.{name}": state[weight][moment] for moment in MOMENTS}
    tensors |= {f"best.{name}": one for name, one in (fitting.best_weights or {}).items()}
    about = {"identity": identity, "position": json.dumps(asdict(fitting.position))}
    on_cpu = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    # save_file would write under a temporary name of its own first, and a killed training leave that behind.
    write_bytes(folder / NAME, save(on_cpu, about))


def go_on(folder: Path, identity: str, fitting: Fitting) -> bool:
    """Bring training to where the checkpoint stands; False where there is none."""
    path = folder / NAME
    if not path.is_file():
        return False
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata()
            if about["identity"] != identity:
                problem = f"{shown(str(folder))} holds a training of other rows or settings that is not finished"
                raise UsageError("--out", problem, "Name another folder, or remove that one")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dictionary
            _restore(fitting, tensors, Position(**json.loads(about["position"])))
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        problem = f"is not as training wrote it ({type(error).__name__}: {shown(str(error))})"
        raise BrokenPromise(str(path), problem, "Remove it and train again") from error
    return True


def belongs_to(folder: Path) -> str | None:
    """The identity of the training that was stopped here; None where none was, or nothing can be read of it."""
    try:
        with safe_open(folder / NAME, "pt") as file:
            return str(file.metadata()["identity"])
    except (OSError, SafetensorError, KeyError, TypeError):
        return None


def _restore(fitting: Fitting, tensors: dict[str, torch.Tensor], position: Position) -> None:
    network = fitting.model.network
    network.load_state_dict(_under("weight.", tensors))
    for name, weight in network.named_parameters():
        fitting.optimizer.state[weight] = {
            "step": torch.tensor(float(position.step), device=weight.device),
            **{moment: tensors[f"{moment}.{name}"].to(weight.device) for moment in MOMENTS},
        }
    best = _under("best.", tensors)
    fitting.best_weights = best or None
    fitting.position = position


def _under(start: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}
