"""The step train trains on the selection; its model is a result like any other, and a killed training continues."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from time import sleep

import pytest

from tests.pipeline.sample_project import (
    hash_results,
    list_already_done,
    run_command,
    run_in_new_process,
    run_recipe,
    start_run,
    write_sample_run,
)
from winnow.models.tiny import TinyModel
from winnow.stages.train import training_folder

TRAIN = """\
train:
  shape: {kind: decoder, tokenizer: prose, width: 16, heads: 2, encoder_layers: 0, context: 64}
  steps: 60
  batch: 16
  checkpoint_every: 2
"""


def write_training_run(folder: Path) -> Path:
    """Write a project whose recipe selects and trains; return the path of the recipe."""
    recipe = write_sample_run(folder)
    recipe.write_text(recipe.read_text().replace("measure: {label: ok, verdict: number}\n", "") + TRAIN)
    return recipe


@pytest.mark.slow
def test_a_run_killed_during_training_continues_to_the_same_model(tmp_path: Path) -> None:
    whole, killed = write_training_run(tmp_path / "whole"), write_training_run(tmp_path / "killed")
    # The bytes of a model depend on the number of threads of the process, which other tests may have changed.
    code, out, err = run_in_new_process(whole, "--json")
    assert code == 0, err
    stages = {stage["stage"]: stage for stage in json.loads(out)["stages"]}
    assert stages["train"]["rows"] == stages["select"]["selected"]
    assert stages["train"]["history"][-1]["step"] == 60
    process = start_run(killed)
    while not (killed.parent / "run" / "student" / training_folder.CHECKPOINT_NAME).exists():
        sleep(0.005)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (killed.parent / "run" / "student" / "receipt.json").exists()
    assert run_in_new_process(killed).code == 0
    assert hash_results(whole.parent / "run") == hash_results(killed.parent / "run")
    model = whole.parent / "run" / "student" / "model.safetensors"
    assert model.read_bytes() == (killed.parent / "run" / "student" / model.name).read_bytes()
    assert TinyModel.load(model.parent).complete(["1+2? (3)"])


@pytest.mark.slow
def test_a_trained_model_is_reused_checked_and_superseded_by_one_with_other_settings(tmp_path: Path) -> None:
    recipe = write_training_run(tmp_path)
    three_steps = ("--set", "train.steps=3")
    assert run_recipe(recipe, *three_steps).code == 0
    code, out, _ = run_recipe(recipe, *three_steps, "--json")
    assert code == 0 and all(list_already_done(out).values())
    assert "student: intact (model" in run_command(tmp_path, "check", "store", "run").out
    _, out, _ = run_recipe(recipe, "--set", "train.steps=4", "--json")
    assert list_already_done(out) == {"import": True, "verify": True, "select": True, "train": False}
    assert (tmp_path / "run" / "superseded" / "student.1" / "receipt.json").is_file()


def test_a_wrong_training_option_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    recipe = write_training_run(tmp_path)
    for change, message in (
        ("train.shape.widht=8", "widht: is not a setting of a model. Did you mean 'width'"),
        ("train.steps=0", "steps: 0 must be"),
    ):
        code, _, err = run_recipe(recipe, "--dry-run", "--set", change)
        assert code == 2 and message in err
    assert not (tmp_path / "run").exists()
