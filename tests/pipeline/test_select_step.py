"""The selection of a run equals that of the command on its verdicts; a finished one is reported, not made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.pipeline.sample_project import hash_results, run_recipe, write_sample_run
from winnow.storage.store import open_store
from winnow.tables.open_table import open_rows

MANY = "verdict: number, score: judge, best_of: 4, keep: 2, top_share: 0.6, distinct: true, max_rows: 37, control: true"


def selection_report(out: str) -> dict[str, Any]:
    """Return the report of the step select from the JSON document of a run."""
    report: dict[str, Any] = next(stage for stage in json.loads(out)["stages"] if stage["stage"] == "select")
    return report


def read_candidates(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "c.jsonl").read_text().splitlines()]


def write_candidates(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def read_store(store: Path) -> list[dict[str, Any]]:
    return [row for batch in open_store(store).batches() for row in batch.to_pylist()]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_selection_of_a_run_equals_that_of_the_command_on_its_verdicts(workers: int, tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    code, out, err = run_recipe(recipe, "--json", "--set", f"select={{{MANY}}}", "--set", f"engine.workers={workers}")
    assert code == 0, err
    rules: dict[str, Any] = {"best_of": 4, "keep": 2, "top_share": 0.6, "distinct": True, "max_rows": 37, "seed": 3}
    whole, control = tmp_path / "whole", tmp_path / "whole control"
    columns: dict[str, Any] = {"verdict": "number", "score": "judge"}
    expected = winnow.select(tmp_path / "run/verdicts", out=whole, control=control, **columns, **rules)
    assert read_store(tmp_path / "run/selected") == read_store(whole)
    assert read_store(tmp_path / "run/control") == read_store(control)
    different = {"out", "control", "table", "stage", "already_done"}
    report = {name: value for name, value in selection_report(out).items() if name not in different}
    assert report == {name: value for name, value in expected.summary.items() if name not in different}
    assert len(open_rows(tmp_path / "run/selected").names()) == len(open_rows(whole).names())


def test_a_finished_selection_is_reported_again_also_if_its_stored_counts_are_damaged(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    first, again = (selection_report(run_recipe(recipe, "--json").out) for _ in range(2))
    assert (first.pop("already_done"), again.pop("already_done")) == (False, True)
    assert first == again
    stored_counts = tmp_path / "run/.selection.json"
    damaged = stored_counts.read_bytes().replace(b'"chosen": ', b'"chosen": 1')
    assert damaged != stored_counts.read_bytes()
    stored_counts.write_bytes(damaged)
    recounted = selection_report(run_recipe(recipe, "--json").out)
    assert recounted.pop("already_done") is True
    assert recounted == first


def test_a_control_that_is_added_later_does_not_change_the_selection(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    assert run_recipe(recipe).code == 0
    before = hash_results(tmp_path / "run")
    shutil.rmtree(tmp_path / "run/control")
    assert run_recipe(recipe, "--set", "select.control=false").code == 0
    assert not (tmp_path / "run/control").exists()
    assert run_recipe(recipe).code == 0
    assert hash_results(tmp_path / "run") == before


def test_without_prompts_rules_that_need_the_whole_table_are_applied_to_it(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    rows = [{"id": str(n), "answer": r["answer"], "judge": r["judge"]} for n, r in enumerate(read_candidates(tmp_path))]
    write_candidates(tmp_path, rows)
    changes = ("--set", "data.columns={text: answer}", "--set", "measure=null", "--set", "verify=null")
    rules: list[dict[str, Any]] = [{"top_share": 0.2}, {"top_share": 0.5, "distinct": True}]
    for rule in rules:
        section = json.dumps({"score": "judge", "control": "distinct" in rule, **rule})
        code, out, err = run_recipe(recipe, "--json", *changes, "--set", f"select={section}")
        assert code == 0, err
        expected = winnow.select(tmp_path / "run/candidates", score="judge", seed=3, **rule)
        assert selection_report(out)["selected"] == len(expected)
        selected = {row["candidate_id"] for row in read_store(tmp_path / "run/selected")}
        assert selected == {row["id"] for row in expected}


def test_shards_may_be_empty(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path, 3)
    write_candidates(tmp_path, [{"id": str(n), **row} for n, row in enumerate(read_candidates(tmp_path))])
    code, _, err = run_recipe(recipe, "--set", "data.shards=9")
    assert code == 0, err
    assert [shard.rows for shard in open_store(tmp_path / "run/candidates").receipt.shards].count(0) >= 6


def test_all_lines_of_a_shard_may_lack_a_column_that_others_have(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    rows = read_candidates(tmp_path)
    for row in rows:
        if row["task"] != rows[0]["task"]:
            row.pop("judge")
    write_candidates(tmp_path, rows)
    code, out, err = run_recipe(recipe, "--json", "--set", "select={score: judge, top_share: 1.0, passed: false}")
    assert code == 0, err
    assert selection_report(out)["selected"] == 5


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{passed: true}", "select.passed: "),
        ("{max_rows: 0}", "select.max_rows: 0 must be at least 1"),
        ("{keep: 2, threshold: 0}", "select.keep: needs best_of"),
        ("{threshold: 0, mix_real: c.jsonl, real_share: 0.5}", "select.mix_real: a run keeps its selection in a store"),
        ("{verdict: nobody}", "select.verdict: 'nobody' is not a column of verdicts"),
    ],
)
def test_an_error_names_the_key_of_the_recipe(section: str, message: str, tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path, 3)
    code, _, err = run_recipe(recipe, "--set", "verify=null", "--set", "measure=null", "--set", f"select={section}")
    assert code == 2
    assert message in err
