"""The selection of a run is that of the command on its verdicts, and is said again without being made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.pipeline.sample_project import ended, hashes, project
from winnow.storage.store import open_store
from winnow.tables.open_table import open_rows

MANY = "verdict: number, score: judge, best_of: 4, keep: 2, top_share: 0.6, distinct: true, max_rows: 37, control: true"


def said(out: str) -> dict[str, Any]:
    """What the run says of its selection."""
    found: dict[str, Any] = next(one for one in json.loads(out)["stages"] if one["stage"] == "select")
    return found


def rows(store: Path) -> list[dict[str, Any]]:
    return [row for batch in open_store(store).batches() for row in batch.to_pylist()]


def by_command(folder: Path) -> Any:
    rules: dict[str, Any] = {"best_of": 4, "keep": 2, "top_share": 0.6, "distinct": True, "max_rows": 37, "seed": 3}
    whole, control = folder / "whole", folder / "drawn"
    return winnow.select(folder / "run/verdicts", out=whole, control=control, verdict="number", score="judge", **rules)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_selection_of_a_run_is_that_of_the_command_on_its_verdicts(workers: int, tmp_path: Path) -> None:
    recipe = project(tmp_path)
    code, out, err = ended(recipe, "--json", "--set", f"select={{{MANY}}}", "--set", f"engine.workers={workers}")
    assert code == 0, err
    whole = by_command(tmp_path)
    assert rows(tmp_path / "run/selected") == rows(tmp_path / "whole")
    assert rows(tmp_path / "run/control") == rows(tmp_path / "drawn")
    differ = ("out", "control", "table", "stage", "already_done")
    mine, its = ({name: said_[name] for name in said_ if name not in differ} for said_ in (said(out), whole.summary))
    assert mine == its
    assert len(open_rows(tmp_path / "run/selected").names()) == len(open_rows(tmp_path / "whole").names())


def test_what_stands_finished_is_said_again_in_the_same_words(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    first, again = (said(ended(recipe, "--json")[1]) for _ in range(2))
    assert (first.pop("already_done"), again.pop("already_done")) == (False, True)
    assert first == again
    kept = tmp_path / "run/.selection.json"
    kept.write_bytes(kept.read_bytes().replace(b'"chosen": ', b'"chosen": 1'))
    counted = said(ended(recipe, "--json")[1])
    assert counted.pop("already_done") is True
    assert counted == first


def test_a_control_asked_for_later_leaves_the_selection_as_it_stands(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    assert ended(recipe)[0] == 0
    before = hashes(tmp_path / "run")
    shutil.rmtree(tmp_path / "run/control")
    assert ended(recipe, "--set", "select.control=false")[0] == 0
    assert not (tmp_path / "run/control").exists()
    assert ended(recipe)[0] == 0
    assert hashes(tmp_path / "run") == before


def test_without_prompts_what_only_the_whole_table_knows_is_chosen_in_one_piece(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    kept = [{name: row[name] for name in ("answer", "judge")} for row in lines]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"id": str(n), **row}) + "\n" for n, row in enumerate(kept)))
    alone = ("--set", "data.columns={text: answer}", "--set", "measure=null", "--set", "verify=null")
    for rule in ("{score: judge, top_share: 0.2}", "{score: judge, top_share: 0.5, distinct: true, control: true}"):
        code, out, err = ended(recipe, "--json", *alone, "--set", f"select={rule}")
        assert code == 0, err
        more: dict[str, Any] = {"distinct": True} if "distinct" in rule else {}
        share = 0.5 if more else 0.2
        whole = winnow.select(tmp_path / "run/candidates", score="judge", top_share=share, seed=3, **more)
        assert said(out)["selected"] == len(whole)
        taken = {row["candidate_id"] for row in rows(tmp_path / "run/selected")}
        assert taken == {row["id"] for row in whole}


def test_shards_without_rows_are_shards_like_others(tmp_path: Path) -> None:
    recipe = project(tmp_path, 3)
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    marked = [{"id": str(n), **row} for n, row in enumerate(lines)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in marked))
    code, _, err = ended(recipe, "--set", "data.shards=9")
    assert code == 0, err
    assert [shard.rows for shard in open_store(tmp_path / "run/candidates").receipt.shards].count(0) >= 6


def test_lines_of_a_shard_may_lack_a_column_that_others_have(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    first = lines[0]["task"]
    for row in lines:
        if row["task"] != first:
            row.pop("judge")
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    code, out, err = ended(recipe, "--json", "--set", "select={score: judge, top_share: 1.0, passed: false}")
    assert code == 0, err
    assert said(out)["selected"] == 5


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
    recipe = project(tmp_path, 3)
    code, _, err = ended(recipe, "--set", "verify=null", "--set", "measure=null", "--set", f"select={section}")
    assert code == 2
    assert message in err
