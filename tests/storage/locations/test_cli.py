"""Commands accept cloud paths, and their output and files never contain a key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.pipeline.sample_project import RECIPE, hash_results, write_sample_run
from tests.storage.locations.bucket import KEY, SECRET, Bucket
from winnow.cli.main import app

COLUMNS = ("--prompt", "task", "--text", "answer", "--reference", "gold")
LOCAL_ONLY = "a run works in a local folder"


def run_command(*arguments: str, code: int = 0) -> Result:
    """Run a command in this process; it must end with this exit code, without a traceback and without a key."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output and SECRET not in result.output and KEY not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.fixture
def cloud_table(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Change to the folder of a project, whose table is in the bucket, too; return the URI of the table."""
    write_sample_run(tmp_path / "project", prompts=20)
    monkeypatch.chdir(tmp_path / "project")
    return bucket.put("c.jsonl", Path("c.jsonl"))


def test_commands_accept_cloud_paths_and_never_print_or_store_a_key(
    bucket: Bucket, cloud_table: str, tmp_path: Path
) -> None:
    verify = ("verify", cloud_table, *COLUMNS, "--with", "number", "--set", "number.marker=A:", "--out", f"{bucket}/v")
    command = [sys.executable, "-m", "winnow.cli.main", *verify, "--json"]
    process = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), timeout=60)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["rows"] == 100
    assert f"{bucket}/v already holds this result" in run_command(*verify).output
    assert f"{bucket}/v: intact (verdicts, 1 shards" in run_command("check", "store", f"{bucket}/v").output
    assert (
        "right among kept"
        in run_command("measure", f"{bucket}/v", "--label", "ok", "--errors", f"{bucket}/e.jsonl").output
    )
    run_command("select", f"{bucket}/v", "--passed", "--out", f"{bucket}/s.jsonl", "--control", f"{bucket}/c.csv")
    run_command("plan", f"{bucket}/v", "--for", "measure", "--out", f"{bucket}/l.csv")
    run_command("combine", cloud_table, *COLUMNS[:4], "--scores", "judge,ok,judge", "--out", f"{bucket}/w", code=2)
    run_command(
        "forecast", cloud_table, *COLUMNS[:4], "--score", "judge", "--label", "ok", "--out", f"{bucket}/f.json", code=2
    )
    bucket.put("broken.parquet", b"PAR1 and no more")
    run_command("verify", f"{bucket}/broken.parquet", "--with", "exact", "--json", code=2)
    run_command("verify", f"{bucket}/none.parquet", "--with", "exact", "--json", code=2)
    contents = [process.stdout.encode(), process.stderr.encode(), *(bucket.get(key) for key in bucket.list_keys())]
    contents += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(secret.encode() in content for content in contents for secret in (KEY, SECRET))
    assert {"v/receipt.json", "s.jsonl.receipt.json", "c.csv.receipt.json", "e.jsonl"} <= set(bucket.list_keys())


def test_a_run_of_a_cloud_table_writes_the_same_shards(cloud_table: str, bucket: Bucket) -> None:
    run_command("run", "recipe.yaml")
    run_command("run", "recipe.yaml", "--set", f"data.candidates={cloud_table}", "--set", "out=cloud")
    local_shards, cloud_shards = (
        {name: sha256 for name, sha256 in hash_results(Path(out)).items() if name.endswith(".parquet")}
        for out in ("run", "cloud")
    )
    assert cloud_shards == local_shards
    for path in Path("cloud").rglob("*.*"):
        bucket.put(f"copied/{path.relative_to('cloud')}", path)
    assert "verdicts: intact" in run_command("check", "store", f"{bucket}/copied").output
    copied, local = (
        run_command("measure", f"{run}/verdicts", "--verdict", "number", "--label", "ok", "--json").stdout
        for run in (f"{bucket}/copied", "run")
    )
    assert json.loads(copied)["phi"] == json.loads(local)["phi"]
    assert (
        "import: 100 candidates" in run_command("run", "recipe.yaml", "--set", f"data.candidates={cloud_table}").output
    )


def test_a_run_in_the_cloud_and_a_recipe_with_keys_are_refused(cloud_table: str) -> None:
    assert LOCAL_ONLY in run_command("run", "recipe.yaml", "--set", "out=s3://b/run", code=2).output
    Path("other.yaml").write_text(RECIPE.replace("c.jsonl", f"'s3://AKIA:{SECRET}@b/c.jsonl'"))
    for options in ((), ("--dry-run",)):
        run_command("run", "other.yaml", *options, code=2)
    assert not Path("run").exists()
