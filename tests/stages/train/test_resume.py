"""A training that is stopped at any moment and continued ends with the same bytes."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from tests.stages.train.training_rows import PAIR, SMALL, copied
from winnow.api.rows import train
from winnow.errors import BrokenPromise, UsageError
from winnow.models.tiny import TinyModel
from winnow.stages.train import training_folder

torch.set_num_threads(1)


def bytes_of(folder: Path) -> dict[str, str]:
    """The sha256 of all that is part of the result."""
    found = sorted(path for path in folder.iterdir() if path.name != "log.jsonl")
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.slow
def test_training_killed_at_twenty_random_moments_ends_with_the_same_bytes(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed_training.py")
    done = subprocess.run([sys.executable, script, tmp_path, "20"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["20", "20"]
    whole, killed = bytes_of(tmp_path / "whole"), bytes_of(tmp_path / "killed")
    assert whole == killed
    assert set(whole) == {"model.safetensors", "config.json", "history.json", "evaluation.json", "receipt.json"}


def test_the_same_call_again_finds_the_model_and_other_work_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "m"
    first = train(copied(40), shape=SMALL, out=out, steps=5, batch=8)
    before = bytes_of(out)
    again = train(copied(40), shape=SMALL, out=out, steps=5, batch=8, checkpoint_every=2)
    assert again.summary["already_done"] and not first.summary["already_done"]
    assert again.model.logprobs(["ab"], ["ba"]) == first.model.logprobs(["ab"], ["ba"])
    assert (again.history, again.evaluation) == (first.history, first.evaluation)
    assert bytes_of(out) == before
    for changed in ({"lr": 1e-3}, {"seed": 1}, {"steps": 6}):
        with pytest.raises(UsageError, match="is a finished store of other work"):
            train(copied(40), shape=SMALL, out=out, **{"steps": 5, "batch": 8, **changed})  # type: ignore[arg-type]
    for given, held in ((copied(41), None), (copied(40), copied(3))):
        with pytest.raises(UsageError, match="is a finished store of other work"):
            train(given, shape=SMALL, out=out, steps=5, batch=8, held_out=held)


def test_an_unfinished_training_of_other_settings_is_refused(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    out = tmp_path / "m"

    def stop(seen: object) -> None:
        if getattr(seen, "step", 0) == 4:
            raise Stopped

    import winnow
    from winnow.stages.train.config import TrainConfig
    from winnow.stages.train.stage import TrainRequest
    from winnow.stages.train.stage import train as run

    request = TrainRequest(SMALL, TrainConfig(steps=9, batch=8, checkpoint_every=2), out)
    with pytest.raises(Stopped):
        run(winnow.table(copied(40)), request, stop)
    assert (out / training_folder.CHECKPOINT_NAME).is_file()
    with pytest.raises(UsageError, match="holds a training of other rows or settings that is not finished"):
        train(copied(40), shape=SMALL, out=out, steps=8, batch=8)
    (out / training_folder.CHECKPOINT_NAME).write_bytes(b"torn")
    with pytest.raises(BrokenPromise, match="is not as training wrote it"):
        train(copied(40), shape=SMALL, out=out, steps=9, batch=8)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(UsageError, match="holds other files"):
        train(copied(40), shape=SMALL, out=tmp_path, steps=2)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_damaged_model_is_refused_and_the_file_named(tmp_path: Path) -> None:
    out = tmp_path / "m"
    train(copied(40), shape=SMALL, out=out, steps=2, batch=8)
    weights = bytearray((out / "model.safetensors").read_bytes())
    weights[-3] ^= 1
    (out / "model.safetensors").write_bytes(weights)
    with pytest.raises(BrokenPromise, match="model.safetensors: is not the file its receipt names"):
        train(copied(40), shape=SMALL, out=out, steps=2, batch=8)
    (out / "model.safetensors").write_bytes(b"x" * 20)
    with pytest.raises(BrokenPromise, match="contains no complete model"):
        TinyModel.load(out)


def test_training_continues_from_a_base_model_which_is_part_of_the_identity(tmp_path: Path) -> None:
    base = tmp_path / "base"
    rows = [{"prompt": "+|a x", "text": "a b"}, {"prompt": "-|b", "text": "b"}] * 10
    first = train(rows, shape=PAIR, out=base, steps=20, batch=8)
    more = train(rows, base=base, out=tmp_path / "more", steps=1, batch=8, lr=1e-9)
    assert more.model.logprobs(["+|a x"], ["a b"])[0] == pytest.approx(
        first.model.logprobs(["+|a x"], ["a b"])[0], 1e-3
    )
    with pytest.raises(UsageError, match="has a token that the model in .*base does not know"):
        train([{"prompt": "a", "text": "zebra"}], base=base, steps=1)
    with pytest.raises(UsageError, match="is not the folder of a model"):
        train(rows, base=tmp_path, out=tmp_path / "none", steps=1)
