"""Evidence that is read shard by shard equals that of the whole table, in whatever order shards are merged."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import winnow
from tests.pipeline.sample_project import run_recipe, write_sample_run
from winnow.stages.measure.evidence import EvidenceRequest, finish_evidence, merge_evidence
from winnow.stages.measure.evidence_reader import EvidenceFold, read_evidence
from winnow.stages.shard_tasks import FoldTask, summarize_shard
from winnow.storage.store import open_store
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_rows


def write_labels(folder: Path) -> None:
    """Write a file with labels of every third candidate, by id."""
    store = open_rows(folder / "run" / "candidates")
    rows = [
        row
        for chunk, roles in store.read_roles(["id"], None)
        for row in zip(roles["id"].to_pylist(), chunk.to_dicts(), strict=True)
    ]
    lines = [f"{id},{int(str(row['gold']) == row['answer'][-2:].strip())}" for id, row in rows]
    (folder / "labels.csv").write_text("\n".join(["candidate_id,correct", *sorted(lines)[::3]]) + "\n")


def read_card(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "run" / "card.json").read_text())["card"]
    return card


@pytest.mark.parametrize("workers", [0, 2])
def test_the_card_of_a_run_equals_that_of_the_command_on_its_verdicts(workers: int, tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    assert run_recipe(recipe, "--set", f"engine.workers={workers}", "--set", "measure.by=gold").code == 0
    whole = winnow.measure(tmp_path / "run" / "verdicts", label="ok", verdict="number", by="gold", seed=3)
    assert read_card(tmp_path) == json.loads(json.dumps(whole.to_dict()))


def test_labels_of_another_file_are_used_in_every_shard(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    assert run_recipe(recipe).code == 0
    write_labels(tmp_path)
    code, _, err = run_recipe(recipe, "--set", "measure={labels: labels.csv, verdict: number}")
    assert code == 0, err
    whole = winnow.measure(tmp_path / "run" / "verdicts", labels=tmp_path / "labels.csv", verdict="number", seed=3)
    assert read_card(tmp_path) == json.loads(json.dumps(whole.to_dict()))
    assert read_card(tmp_path)["labeled"] == 100


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verdicts of a run."""
    recipe = write_sample_run(tmp_path_factory.mktemp("project"))
    assert run_recipe(recipe).code == 0
    return recipe.parent / "run" / "verdicts"


@pytest.mark.parametrize("seed", range(5))
def test_shards_may_be_merged_in_any_order_and_grouping(seed: int, verdicts: Path) -> None:
    request = EvidenceRequest(("number.verdict", "short.verdict"), ("ok",), by="gold")
    shards, columns = range(len(open_store(verdicts).receipt.shards)), Columns(label="ok")
    parts = [summarize_shard(FoldTask(EvidenceFold(request), verdicts, number, columns)) for number in shards]
    rng = random.Random(seed)
    while len(parts) > 1:
        left, right = (parts.pop(rng.randrange(len(parts))) for _ in range(2))
        parts.append(merge_evidence(left, right))
    merged, whole = finish_evidence(parts[0]), read_evidence(open_rows(verdicts, columns), request)
    assert merged.sums == whole.sums
    for name, values in vars(whole.labeled).items():
        np.testing.assert_array_equal(getattr(merged.labeled, name), values)
    assert {name: counts.tolist() for name, counts in merged.counts.items()} == {
        name: counts.tolist() for name, counts in whole.counts.items()
    }
