"""A recipe is checked completely; an error names the key, the value, the rule and the next step, with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.pipeline.sample_project import RECIPE, run_recipe, write_sample_run
from winnow.errors import UsageError
from winnow.pipeline.recipe import Recipe, read_recipe, run_store_names


def write_recipe(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
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
def test_the_error_for_a_wrong_change_names_key_value_and_rule(change: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_recipe(write_recipe(tmp_path), (change,))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_a_file_that_is_not_a_recipe_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_recipe(write_recipe(tmp_path, text))
    assert message in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")


def test_changes_apply_to_keys_of_sections_and_entries_of_lists(tmp_path: Path) -> None:
    changes = ("verify.number.marker=B:", "verify.1.threshold=0.9", "select.control=false", "data.shards=2", "seed=9")
    recipe = read_recipe(write_recipe(tmp_path), changes)
    assert recipe.verify is not None and recipe.select is not None
    assert [verifier.model_extra for verifier in recipe.verify.root] == [{"marker": "B:"}, {"threshold": 0.9}]
    assert (recipe.select.control, recipe.data.shards, recipe.seed) == (False, 2, 9)


def test_the_resolved_recipe_is_equal_to_the_recipe(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path))
    assert Recipe.model_validate(yaml.safe_load(recipe.to_yaml())) == recipe


def test_the_json_schema_has_every_key_and_allows_no_other() -> None:
    schema = Recipe.model_json_schema()
    assert set(schema["properties"]) == set(Recipe.model_fields)
    sections = [schema, *(section for name, section in schema["$defs"].items() if name != "VerifyEntry")]
    assert all(section["additionalProperties"] is False for section in sections if section["type"] == "object")


def test_a_dry_run_describes_the_steps_and_writes_nothing(tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    before = sorted(tmp_path.iterdir())
    code, out, err = run_recipe(recipe, "--dry-run")
    assert (code, err) == (0, "")
    assert "verify: by number, short" in out
    assert "best 1 of 3, top 0.5" in out
    assert sorted(path for path in tmp_path.iterdir() if path.name != "__pycache__") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.candidates=none.jsonl", "none.jsonl"),
        ("verify.0.use=nmber", "Did you mean 'number'"),
        ("verify.0.markr=x", "Did you mean 'marker'"),
        ("verify.1.use=checks:none", "none"),
        ("data.columns.text=nothing", "nothing"),
    ],
)
def test_a_dry_run_finds_the_errors_that_the_run_would_find(change: str, message: str, tmp_path: Path) -> None:
    recipe = write_sample_run(tmp_path)
    for options in (["--dry-run"], []):
        code, _, err = run_recipe(recipe, "--set", change, *options)
        assert code == 2, err
        assert message in err


def test_the_json_of_a_run_is_one_document_with_the_row_counts_of_each_stage(tmp_path: Path) -> None:
    code, out, _ = run_recipe(write_sample_run(tmp_path), "--json")
    assert code == 0
    stages = json.loads(out)["stages"]
    assert [stage["stage"] for stage in stages] == ["import", "verify", "measure", "select"]
    for stage in stages[:2]:
        assert stage["in"] == stage["keep"] + stage["drop"] + stage["reject"] == 300
    assert stages[2]["card"]["decision"] == "helps"
    assert stages[3]["selected"] > 0


def test_a_missing_recipe_ends_with_exit_code_2(tmp_path: Path) -> None:
    code, _, err = run_recipe(tmp_path / "recipe.yaml")
    assert code == 2 and "cannot be read" in err


def test_the_store_names_are_those_of_all_steps_in_order() -> None:
    assert run_store_names() == ("candidates", "edits", "verdicts", "selected", "control", "student")
