"""A card summed up shard by shard is the card of the whole, in whichever order the shards come."""

from __future__ import annotations

import json
import random
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pipeline.sample_project import ended, project
from winnow import api
from winnow.stages.measure.evidence import EvidenceRequest, build_evidence, read_evidence
from winnow.stages.measure.shard_evidence import merge_evidence
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
    whole = api.measure(tmp_path / "run" / "verdicts", label="ok", verdict="number", by="gold", seed=3)
    assert card(tmp_path) == json.loads(json.dumps(whole.to_dict()))


def test_labels_of_another_file_reach_every_shard(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert ended(recipe)[0] == 0
    labels_in_a_file(tmp_path)
    changes = ("--set", "measure={labels: labels.csv, verdict: number}")
    code, _, err = ended(recipe, *changes)
    assert code == 0, err
    whole = api.measure(tmp_path / "run" / "verdicts", labels=tmp_path / "labels.csv", verdict="number", seed=3)
    assert card(tmp_path) == json.loads(json.dumps(whole.to_dict()))
    assert card(tmp_path)["labeled"] == 100


@pytest.mark.parametrize("seed", range(5))
def test_shards_may_be_merged_in_any_order_and_grouping(seed: int, tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert ended(recipe)[0] == 0
    path = tmp_path / "run" / "verdicts"
    asked = EvidenceRequest(("number.verdict", "short.verdict"), ("ok",), by="gold")
    count = len(open_store(path).receipt.shards)
    parts = [
        summarize_shard(FoldTask(EvidenceFold(asked), path, number, Columns(label="ok"))) for number in range(count)
    ]
    draws = random.Random(seed)
    while len(parts) > 1:
        one, other = (parts.pop(draws.randrange(len(parts))) for _ in range(2))
        parts.append(merge_evidence(one, other))
    merged, whole = (
        build_evidence(reduce(merge_evidence, parts), asked),
        read_evidence(open_rows(path, Columns(label="ok")), asked),
    )
    assert merged.by_prompt == whole.by_prompt
    for name in ("row", "key", "prompt", "verdict", "drawn", "slice"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(whole, name))
    for name in ("kept", "decided", "rows"):
        for side in ("in_table", "in_slice"):
            np.testing.assert_array_equal(getattr(getattr(merged, side), name), getattr(getattr(whole, side), name))
    assert {name: values.tolist() for name, values in merged.counts.items()} == {
        name: values.tolist() for name, values in whole.counts.items()
    }
