"""One recipe gives one set of bytes: whatever the engine, the workers, the batch and the order of the shards."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.sample_project import ended, hashes, project
from winnow.pipeline import run_context
from winnow.pipeline.engines.local import WorkerPool, map_tasks
from winnow.pipeline.recipe import read_recipe
from winnow.pipeline.run import Run


@pytest.fixture(scope="module")
def expected() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        recipe = project(Path(folder))
        code, _, err = ended(recipe)
        assert code == 0, err
        yield hashes(recipe.parent / "run")


def test_a_run_leaves_candidates_verdicts_a_card_a_selection_and_a_control(expected: dict[str, str]) -> None:
    names = {name.partition("/")[0] for name in expected}
    assert names == {"candidates", "verdicts", "card.json", "selected", "control"}
    assert len([name for name in expected if name.startswith("verdicts/part-")]) == 5


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 2, 8])
@pytest.mark.parametrize("batch", [1, 7, 4096])
def test_workers_and_batches_leave_no_trace(workers: int, batch: int, expected: dict[str, str], tmp_path: Path) -> None:
    recipe = project(tmp_path)
    code, _, err = ended(recipe, "--set", f"engine.workers={workers}", "--set", f"engine.batch={batch}")
    assert code == 0, err
    assert hashes(tmp_path / "run") == expected


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_shards_leaves_no_trace(
    seed: int, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shuffled(work: Callable[[Any], Any], tasks: Sequence[Any], count: int, workers: WorkerPool) -> Iterator[Any]:
        return map_tasks(work, random.Random(seed).sample(list(tasks), len(tasks)), count, workers)

    monkeypatch.setattr(run_context, "map_tasks", shuffled)
    monkeypatch.chdir(tmp_path)
    Run(read_recipe(project(tmp_path)), tmp_path).execute()
    assert hashes(tmp_path / "run") == expected


def test_the_inline_engine_is_asked_for_by_name(expected: dict[str, str], tmp_path: Path) -> None:
    recipe = project(tmp_path)
    code, _, err = ended(recipe, "--engine", "inline", "--set", "engine.workers=2")
    assert code == 0, err
    assert hashes(tmp_path / "run") == expected
