"""A recipe always gives the same bytes, whatever the engine, workers, batch size and order of shards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.sample_project import hash_results, run_recipe, write_sample_run
from winnow.pipeline import run_context
from winnow.pipeline.engines.local import WorkerPool, map_tasks
from winnow.pipeline.recipe import read_recipe
from winnow.pipeline.run import execute_recipe


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hashes of the results of an undisturbed run without workers."""
    recipe = write_sample_run(tmp_path_factory.mktemp("expected"))
    code, _, err = run_recipe(recipe)
    assert code == 0, err
    return hash_results(recipe.parent / "run")


def test_a_run_writes_candidates_verdicts_a_card_a_selection_and_a_control(expected: dict[str, str]) -> None:
    assert {name.partition("/")[0] for name in expected} == {
        "candidates",
        "verdicts",
        "card.json",
        "selected",
        "control",
    }
    assert len([name for name in expected if name.startswith("verdicts/part-")]) == 5


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "batch"), [(0, 1), (0, 7), (1, 4096), (2, 7), (8, 1)])
def test_workers_and_batch_size_do_not_change_a_byte(
    workers: int, batch: int, expected: dict[str, str], tmp_path: Path
) -> None:
    recipe = write_sample_run(tmp_path)
    code, _, err = run_recipe(recipe, "--set", f"engine.workers={workers}", "--set", f"engine.batch={batch}")
    assert code == 0, err
    assert hash_results(tmp_path / "run") == expected


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_shards_does_not_change_a_byte(
    seed: int, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def map_shuffled(
        work: Callable[[Any], Any], tasks: Sequence[Any], count: int, workers: WorkerPool
    ) -> Iterator[Any]:
        return map_tasks(work, random.Random(seed).sample(list(tasks), len(tasks)), count, workers)

    monkeypatch.setattr(run_context, "map_tasks", map_shuffled)
    monkeypatch.chdir(tmp_path)
    execute_recipe(read_recipe(write_sample_run(tmp_path)), tmp_path)
    assert hash_results(tmp_path / "run") == expected


def test_the_inline_engine_uses_no_workers(
    expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(WorkerPool, "executor")
    recipe = write_sample_run(tmp_path)
    code, _, err = run_recipe(recipe, "--engine", "inline", "--set", "engine.workers=2")
    assert code == 0, err
    assert hash_results(tmp_path / "run") == expected
