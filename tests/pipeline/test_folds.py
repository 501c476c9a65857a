"""Evidence read shard by shard is that of the whole table, in whatever order shards are merged."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import winnow
from tests.pipeline.sample_project import ended, project
from winnow.stages.measure.evidence import EvidenceRequest, finish_evidence, merge_evidence
from winnow.stages.measure.evidence_reader import read_evidence
from winnow.stages.measure.shard_fold import EvidenceFold
from winnow.stages.shard_tasks import FoldTask, summarize_shard
from winnow.storage.store import open_store
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_rows


def labels_in_a_file(folder: Path) -> None:
    """Every third candidate labeled, by id, in another file."""
    store = open_rows(folder / "run" / "candidates")
    rows = [
        row
        for chunk, parts in store.read_roles(["id"], None)
        for row in zip(parts["id"].to_pylist(), chunk.to_dicts(), strict=True)
    ]
    marks = [f"{one},{int(str(row['gold']) == row['answer'][-2:].strip())}" for one, row in rows]
    (folder / "labels.csv").write_text("\n".join(["candidate_id,correct", *sorted(marks)[::3]]) + "\n")


def card(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run" / "card.json").read_text())["card"]
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_the_card_of_a_run_is_that_of_the_command_on_its_verdicts(workers: int, tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert ended(recipe, "--set", f"engine.workers={workers}", "--set", "measure.by=gold")[0] == 0
    whole = winnow.measure(tmp_path / "run" / "verdicts", label="ok", verdict="number", by="gold", seed=3)
    assert card(tmp_path) == json.loads(json.dumps(whole.to_dict()))


def test_labels_of_another_file_reach_every_shard(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert ended(recipe)[0] == 0
    labels_in_a_file(tmp_path)
    changes = ("--set", "measure={labels: labels.csv, verdict: number}")
    code, _, err = ended(recipe, *changes)
    assert code == 0, err
    whole = winnow.measure(tmp_path / "run" / "verdicts", labels=tmp_path / "labels.csv", verdict="number", seed=3)
    assert card(tmp_path) == json.loads(json.dumps(whole.to_dict()))
    assert card(tmp_path)["labeled"] == 100


@pytest.mark.parametrize("seed", range(5))
def test_shards_may_be_merged_in_any_order_and_grouping(seed: int, tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert ended(recipe)[0] == 0
    path = tmp_path / "run" / "verdicts"
    request = EvidenceRequest(("number.verdict", "short.verdict"), ("ok",), by="gold")
    shards, columns = range(len(open_store(path).receipt.shards)), Columns(label="ok")
    parts = [summarize_shard(FoldTask(EvidenceFold(request), path, number, columns)) for number in shards]
    draws = random.Random(seed)
    while len(parts) > 1:
        left, right = (parts.pop(draws.randrange(len(parts))) for _ in range(2))
        parts.append(merge_evidence(left, right))
    merged, whole = finish_evidence(parts[0]), read_evidence(open_rows(path, columns), request)
    assert merged.sums == whole.sums
    for name, values in vars(whole.labeled).items():
        np.testing.assert_array_equal(getattr(merged.labeled, name), values)
    assert {name: counts.tolist() for name, counts in merged.counts.items()} == {
        name: counts.tolist() for name, counts in whole.counts.items()
    }
