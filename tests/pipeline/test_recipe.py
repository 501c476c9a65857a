"""A recipe is checked whole: what is wrong with it is said by key, value, rule and next step, with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.pipeline.sample_project import RECIPE, ended, project
from winnow.errors import UsageError
from winnow.pipeline.recipe import Recipe, read_recipe, recipe_json_schema, run_store_names


def recipe(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("select.topshare=1", "select.topshare: is not a key of a recipe. Did you mean 'top_share'"),
        ("data.colums.text=a", "data.colums: is not a key of a recipe. Did you mean 'columns'"),
        ("data.columns.txt=a", "data.columns.txt: is not a key of a recipe. Did you mean 'text'"),
        ("mesure.label=ok", "mesure: is not a key of a recipe. Did you mean 'measure'"),
        ("select.top_share=7", "select.top_share: 7 must be at most 1"),
        ("select.keep=0", "select.keep: 0 must be at least 1"),
        ("select.best_of=few", "select.best_of"),
        ("engine.workers=-1", "engine.workers: -1"),
        ("measure.labels_drawn=twice", "measure.labels_drawn"),
        ("measure.classes=3", "measure.classes: 3"),
        ("seed=one", "seed: 'one'"),
        ("verify=[]", "verify: []"),
        ("verify.5.marker=x", "--set verify.5.marker=x: '5' is not an entry of the list"),
        ("verify.numbr.marker=x", "Did you mean 'number'"),
        ("seed.more=1", "'seed' holds a value, not keys"),
        ("no equals", "--set: 'no equals' is not of the form a.b=value"),
        ("select.keep=[", "--set: '[' is not YAML"),
    ],
)
def test_a_wrong_change_names_its_key_its_value_and_the_rule(change: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_recipe(recipe(tmp_path), (change,))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: 1\nout: run\n", "data: is missing"),
        ("data: {candidates: c.jsonl}\n", "out: is missing"),
        ("a: [1\nb: 2", "recipe.yaml:2: is not YAML"),
        ("- 1\n", "is not a recipe"),
        ("", "is not a recipe"),
        ("data: !!python/object/apply:os.system ['true']\nout: run\n", "is not YAML"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_recipe(recipe(tmp_path, text))
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")


def test_changes_reach_into_parts_and_lists(tmp_path: Path) -> None:
    changes = ("verify.number.marker=B:", "verify.1.threshold=0.9", "select.control=false", "data.shards=2", "seed=9")
    read = read_recipe(recipe(tmp_path), changes)
    assert read.verify is not None and read.select is not None
    assert [one.model_extra for one in read.verify.root] == [{"marker": "B:"}, {"threshold": 0.9}]
    assert (read.select.control, read.data.shards, read.seed) == (False, 2, 9)


def test_the_resolved_recipe_says_the_same(tmp_path: Path) -> None:
    read = read_recipe(recipe(tmp_path))
    assert Recipe.model_validate(yaml.safe_load(read.to_yaml())) == read


def test_the_schema_for_editors_knows_every_key_and_allows_no_other() -> None:
    schema = recipe_json_schema()
    assert set(schema["properties"]) == set(Recipe.model_fields)
    parts = [schema, *(part for name, part in schema["$defs"].items() if name not in ("Use", "VerifyEntry"))]
    assert all(part["additionalProperties"] is False for part in parts if part["type"] == "object")


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path: Path) -> None:
    made = project(tmp_path)
    before = sorted(tmp_path.iterdir())
    code, out, err = ended(made, "--dry-run")
    assert (code, err) == (0, "")
    assert "verify: by number, short" in out
    assert "select: passed, best 1 of 3, top 0.5" in out or "best 1 of 3, top 0.5" in out
    assert sorted(path for path in tmp_path.iterdir() if path.name != "__pycache__") == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("data.candidates=none.jsonl", "none.jsonl"),
        ("verify.0.use=nmber", "Did you mean 'number'"),
        ("verify.0.markr=x", "Did you mean 'marker'"),
        ("verify.1.use=checks:none", "none"),
        ("data.columns.text=nothing", "nothing"),
    ],
)
def test_a_dry_run_meets_what_the_run_would_meet(change: str, says: str, tmp_path: Path) -> None:
    made = project(tmp_path)
    for options in (["--dry-run"], []):
        code, _, err = ended(made, "--set", change, *options)
        assert (code, "Traceback" in err) == (2, False), err
        assert says in err


def test_the_json_of_a_run_is_one_document_with_the_books_of_each_stage(tmp_path: Path) -> None:
    made = project(tmp_path)
    code, out, _ = ended(made, "--json")
    told = json.loads(out)
    assert code == 0
    assert [one["stage"] for one in told["stages"]] == ["import", "verify", "measure", "select"]
    for one in told["stages"][:2]:
        assert one["in"] == one["keep"] + one["drop"] + one["reject"] == 300
    assert told["stages"][2]["card"]["decision"] == "helps"
    assert told["stages"][3]["selected"] > 0


def test_no_recipe_is_a_usage_error(tmp_path: Path) -> None:
    made = project(tmp_path)
    made.rename(tmp_path / "other.yaml")
    code, _, err = ended(made)
    assert code == 2 and "cannot be read" in err


def test_every_store_a_step_leaves_is_looked_after() -> None:
    assert run_store_names() == ("candidates", "edits", "verdicts", "selected", "control", "student")
