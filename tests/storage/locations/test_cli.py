"""Commands with cloud paths as a person types them; no key is ever in their output or files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.pipeline.sample_project import RECIPE, hashes, project
from tests.storage.locations.bucket import KEY, SECRET, Bucket
from winnow.cli.main import app

COLUMNS = ("--prompt", "task", "--text", "answer", "--reference", "gold")
PROBLEM = "a run works in a local folder"


def said(*arguments: str, code: int = 0) -> Result:
    """What a command says, in this process; it must end with this code and without a traceback."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output and SECRET not in result.output and KEY not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.fixture
def there(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project whose table is in the bucket too."""
    project(tmp_path / "project", prompts=20)
    monkeypatch.chdir(tmp_path / "project")
    return bucket.put("c.jsonl", Path("c.jsonl"))


def test_commands_take_paths_in_the_cloud_and_keep_the_keys_to_themselves(
    bucket: Bucket, there: str, tmp_path: Path
) -> None:
    verify = ("verify", there, *COLUMNS, "--with", "number", "--set", "number.marker=A:", "--out", f"{bucket}/v")
    command = [sys.executable, "-m", "winnow.cli.main", *verify, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 100
    assert f"{bucket}/v already holds this result" in said(*verify).output
    assert f"{bucket}/v: intact (verdicts, 1 shards" in said("check", "store", f"{bucket}/v").output
    assert "right among kept" in said("measure", f"{bucket}/v", "--label", "ok", "--errors", f"{bucket}/e.jsonl").output
    said("select", f"{bucket}/v", "--passed", "--out", f"{bucket}/s.jsonl", "--control", f"{bucket}/c.csv")
    said("plan", f"{bucket}/v", "--for", "measure", "--out", f"{bucket}/l.csv")
    said("combine", there, *COLUMNS[:4], "--scores", "judge,ok,judge", "--out", f"{bucket}/w", code=2)
    said("forecast", there, *COLUMNS[:4], "--score", "judge", "--label", "ok", "--out", f"{bucket}/f.json", code=2)
    bucket.put("broken.parquet", b"PAR1 and no more")
    said("verify", f"{bucket}/broken.parquet", "--with", "exact", "--json", code=2)
    said("verify", f"{bucket}/none.parquet", "--with", "exact", "--json", code=2)
    everything = [done.stdout.encode(), done.stderr.encode(), *(bucket.get(key) for key in bucket.listed())]
    everything += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(secret.encode() in content for content in everything for secret in (KEY, SECRET))
    assert {"v/receipt.json", "s.jsonl.receipt.json", "c.csv.receipt.json", "e.jsonl"} <= set(bucket.listed())


def test_a_run_takes_its_table_from_the_cloud_and_gives_the_same_shards(there: str, bucket: Bucket) -> None:
    said("run", "recipe.yaml")
    said("run", "recipe.yaml", "--set", f"data.candidates={there}", "--set", "out=far")
    ours, theirs = hashes(Path("run")), hashes(Path("far"))
    assert {name: one for name, one in theirs.items() if name.endswith(".parquet")} == {
        name: one for name, one in ours.items() if name.endswith(".parquet")
    }
    for path in Path("far").rglob("*.*"):
        bucket.put(f"copied/{path.relative_to('far')}", path)
    assert "verdicts: intact" in said("check", "store", f"{bucket}/copied").output
    copied, here = (
        said("measure", f"{one}/verdicts", "--verdict", "number", "--label", "ok", "--json").stdout
        for one in (f"{bucket}/copied", "run")
    )
    assert json.loads(copied)["phi"] == json.loads(here)["phi"]
    assert "import: 100 candidates" in said("run", "recipe.yaml", "--set", f"data.candidates={there}").output


def test_a_run_in_the_cloud_is_refused_and_keys_in_a_recipe_are(there: str) -> None:
    assert PROBLEM in said("run", "recipe.yaml", "--set", "out=s3://b/run", code=2).output
    Path("other.yaml").write_text(RECIPE.replace("c.jsonl", f"'s3://AKIA:{SECRET}@b/c.jsonl'"))
    for more in ((), ("--dry-run",)):
        said("run", "other.yaml", *more, code=2)
    assert not Path("run").exists()
