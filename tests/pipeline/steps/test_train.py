"""A recipe that trains: on what was selected, stored like every result, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from tests.pipeline.sample_project import ended, hashes, project, stages, started
from winnow.models.tiny import TinyModel
from winnow.stages.train import checkpoint

TRAIN = """\
train:
  shape: {kind: decoder, tokenizer: prose, width: 16, heads: 2, encoder_layers: 0, context: 64}
  steps: 60
  batch: 16
  checkpoint_every: 2
"""


def trains(folder: Path) -> Path:
    recipe = project(folder)
    recipe.write_text(recipe.read_text().replace("measure: {label: ok, verdict: number}\n", "") + TRAIN)
    return recipe


@pytest.mark.slow
def test_a_run_killed_while_it_trains_goes_on_to_the_same_model(tmp_path: Path) -> None:
    whole, killed = trains(tmp_path / "whole"), trains(tmp_path / "killed")
    code, said, err = ended(whole, "--json")
    assert code == 0, err
    selected = next(one for one in json.loads(said)["stages"] if one["stage"] == "select")["selected"]
    trained = next(one for one in json.loads(said)["stages"] if one["stage"] == "train")
    assert (trained["rows"], trained["history"][-1]["step"]) == (selected, 60)
    process = started(killed)
    while not (killed.parent / "run" / "student" / checkpoint.CHECKPOINT_NAME).exists():
        sleep(0.005)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (killed.parent / "run" / "student" / "receipt.json").exists()
    assert ended(killed)[0] == 0
    assert hashes(whole.parent / "run") == hashes(killed.parent / "run")
    model = whole.parent / "run" / "student" / "model.safetensors"
    assert model.read_bytes() == (killed.parent / "run" / "student" / model.name).read_bytes()
    assert TinyModel.load(model.parent).complete(["1+2? (3)"])


@pytest.mark.slow
def test_a_trained_model_is_found_again_checked_and_moved_aside_for_other_settings(tmp_path: Path) -> None:
    recipe = trains(tmp_path)
    small = ("--set", "train.steps=3")
    assert ended(recipe, *small)[0] == 0
    code, said, _ = ended(recipe, *small, "--json")
    assert code == 0 and all(stages(said).values())
    command = ["-m", "winnow.cli.main", "check", "store", "run"]
    checked = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "student: intact (model" in checked.stdout
    code, said, _ = ended(recipe, "--set", "train.steps=4", "--json")
    assert stages(said) == {"import": True, "verify": True, "select": True, "train": False}
    assert (tmp_path / "run" / "superseded" / "student.1" / "receipt.json").is_file()


def test_a_training_that_cannot_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    recipe = trains(tmp_path)
    for change, said in (
        ("train.shape.widht=8", "widht: is not a setting of a model. Did you mean 'width'"),
        ("train.steps=0", "steps: 0 must be"),
    ):
        code, _, err = ended(recipe, "--dry-run", "--set", change)
        assert code == 2 and said in err
    assert not (tmp_path / "run").exists()
