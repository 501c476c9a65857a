"""A result in a cloud store equals a local one, and a half-written result is never used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.storage.locations.bucket import Bucket
from tests.storage.locations.memory_filesystem import MemoryFileSystem
from tests.storage.sample_stores import write_numbers
from winnow.errors import BrokenPromise, EnvironmentFault, UsageError
from winnow.storage.locations.location import parse_location
from winnow.storage.receipts import Receipt, read_receipt, remove_paths
from winnow.storage.store import is_store, open_store
from winnow.tables.open_table import open_rows

ROWS: list[dict[str, Any]] = [
    {"id": f"c{i}", "prompt": f"{i // 4}+1?", "text": f"A: {i % 5}", "reference": str(i // 4 + 1), "s": i / 50}
    for i in range(48)
]
LABELS = "candidate_id,correct\n" + "".join(f"c{i},{int(i % 5 == i // 4 + 1)}\n" for i in range(0, 48, 2))

Put = Callable[[str, bytes], object]


@pytest.fixture(params=["s3", "memory"])
def cloud(request: pytest.FixtureRequest) -> tuple[str, Put]:
    """Return the root of a bucket, on a server or in memory, and the function that puts objects there."""
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        return str(bucket), bucket.put
    memory: MemoryFileSystem = request.getfixturevalue("memory")
    return "memory://b", memory.put


def put_inputs(put: Put) -> None:
    """Put the table and its labels."""
    put("t.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
    put("l.csv", LABELS.encode())


def put_inputs_in_folder(folder: Path) -> None:
    """Write the table and its labels to a folder."""
    put_inputs(lambda key, content: (folder / key).write_bytes(content))


def run_all_stages(root: str) -> dict[str, Any]:
    """Verify, measure, select and plan under this root, and return the results."""
    verified = winnow.verify(f"{root}/t.jsonl", winnow.verifier("number", marker="A:"), out=f"{root}/run/v")
    card = winnow.measure(f"{root}/run/v", labels=f"{root}/l.csv").to_dict()
    selected = winnow.select(f"{root}/run/v", best_of=3, score="s", out=f"{root}/run/s", control=f"{root}/run/c.csv")
    flat = winnow.select(f"{root}/run/v", passed=True, out=f"{root}/flat.jsonl")
    planned = winnow.plan(f"{root}/run/v", f"{root}/to-label.parquet", budget=8)
    assert len(verified) == 48 and len(selected) and len(flat) and planned.to_dict()["labels"] == 8
    return {"card": card, "rows": selected.to_list(), "flat": flat.to_list(), "control": selected.control.to_list()}  # type: ignore[union-attr]


RECEIPTS = ("run/v/receipt.json", "run/s/receipt.json", "run/c.csv.receipt.json", "flat.jsonl.receipt.json")


def test_results_in_the_cloud_have_the_bytes_of_local_results(cloud: tuple[str, Put], tmp_path: Path) -> None:
    root, put = cloud
    put_inputs(put)
    put_inputs_in_folder(tmp_path)
    (tmp_path / "run").mkdir()
    assert run_all_stages(root) == run_all_stages(str(tmp_path))
    for name in (*RECEIPTS, "to-label.parquet.receipt.json"):
        local, remote = (read_receipt(parse_location(f"{folder}/{name}")) for folder in (str(tmp_path), root))
        assert local.shards == remote.shards
        assert local.work.identity() == remote.work.identity()
        assert remove_paths(local.work.source) == remove_paths(remote.work.source)
        assert local.work.source.get("files") == remote.work.source.get("files")
    assert (tmp_path / "flat.jsonl").read_bytes() == parse_location(f"{root}/flat.jsonl").read_bytes()


def test_a_finished_result_is_not_written_again_and_other_work_is_refused(memory: MemoryFileSystem) -> None:
    put_inputs(memory.put)
    winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    before, memory.uploads = dict(memory.objects), []
    assert winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v").summary["already_done"]
    with pytest.raises(UsageError, match="'memory://b/v' is a finished store of other work"):
        winnow.verify("memory://b/t.jsonl", "number", out="memory://b/v")
    with pytest.raises(UsageError, match="exists and is not an untouched result of winnow"):
        winnow.select("memory://b/v", passed=True, out="memory://b/l.csv")
    with pytest.raises(UsageError, match="is the table itself|not an untouched result"):
        winnow.select("memory://b/t.jsonl", top_share=0.5, score="s", out="memory://b/t.jsonl")
    assert (memory.objects, memory.uploads) == (before, [])
    winnow.select("memory://b/v", passed=True, out="memory://b/s.jsonl")
    winnow.select("memory://b/v", passed=False, distinct=True, out="memory://b/s.jsonl")
    assert len(open_rows("memory://b/s.jsonl").source.receipt()["files"]) == 1


def test_shards_are_uploaded_before_the_receipt_and_each_object_once(memory: MemoryFileSystem) -> None:
    write_numbers(parse_location("memory://b/n"), [[1, 2], [3], []])
    assert memory.uploads == [*(f"b/n/part-{number:05d}.parquet" for number in range(3)), "b/n/receipt.json"]
    batches = open_store(parse_location("memory://b/n")).batches()
    assert [row for batch in batches for row in batch.column("row").to_pylist()] == [1, 2, 3]


@pytest.mark.parametrize("failing_name", ["part-00000.parquet", "receipt.json"])
def test_an_upload_that_fails_halfway_leaves_no_store(memory: MemoryFileSystem, failing_name: str) -> None:
    put_inputs(memory.put)
    memory.failing_name = failing_name
    with pytest.raises(EnvironmentFault, match="could not be reached: the connection failed") as error:
        winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    assert error.value.where == f"memory://b/v/{failing_name}"
    assert sorted(memory.objects) == ["b/l.csv", "b/t.jsonl"]
    with pytest.raises(UsageError, match="does not exist"):
        open_rows("memory://b/v")
    memory.failing_name = None
    winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    assert is_store(parse_location("memory://b/v"))


def test_shards_left_when_the_connection_was_lost_are_removed_by_the_next_command(
    memory: MemoryFileSystem,
) -> None:
    put_inputs(memory.put)
    memory.failing_name, memory.stays_down = "receipt.json", True
    with pytest.raises(EnvironmentFault) as error:
        winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    assert error.value.where == "memory://b/v/receipt.json"
    assert "b/v/part-00000.parquet" in memory.objects and "b/v/receipt.json" not in memory.objects
    memory.failing_name, memory.is_down = None, False
    with pytest.raises(UsageError, match="is a folder without a receipt"):
        open_rows("memory://b/v")
    winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    assert is_store(parse_location("memory://b/v"))


@pytest.mark.parametrize("failing_name", ["s.jsonl", "s.jsonl.receipt.json"])
def test_a_flat_file_without_its_receipt_is_written_again(memory: MemoryFileSystem, failing_name: str) -> None:
    put_inputs(memory.put)
    memory.failing_name = failing_name
    with pytest.raises(EnvironmentFault):
        winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/s.jsonl")
    assert "b/s.jsonl.receipt.json" not in memory.objects
    memory.failing_name = None
    winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/s.jsonl")
    assert sorted(memory.objects) == ["b/l.csv", "b/s.jsonl", "b/s.jsonl.receipt.json", "b/t.jsonl"]


def test_rows_from_memory_are_embedded_in_the_store(memory: MemoryFileSystem) -> None:
    winnow.verify(ROWS, "exact", out="memory://b/v")
    assert sorted(memory.objects) == ["b/v/part-00000.parquet", "b/v/receipt.json", "b/v/source.jsonl"]
    assert [row["id"] for row in winnow.select("memory://b/v", passed=False, top_share=1.0, score="s")][:2] == [
        "c0",
        "c1",
    ]


DIE_BEFORE_RECEIPT = """\
import os, sys, winnow
from winnow.storage.receipts import Receipt
Receipt.write = lambda self, path: os._exit(9)
winnow.verify(sys.argv[1] + "/t.jsonl", "exact", out=sys.argv[1] + sys.argv[2])
"""


@pytest.mark.parametrize("out", ["/v", "/v.csv"])
def test_a_command_killed_before_the_receipt_can_be_repeated(bucket: Bucket, out: str) -> None:
    put_inputs(bucket.put)
    process = subprocess.run(
        [sys.executable, "-c", DIE_BEFORE_RECEIPT, str(bucket), out], env=dict(os.environ), capture_output=True
    )
    assert process.returncode == 9, process.stderr
    assert any(key.startswith("v") for key in bucket.list_keys())
    assert not any("receipt" in key for key in bucket.list_keys())
    winnow.verify(f"{bucket}/t.jsonl", "exact", out=f"{bucket}{out}")
    expected = ["v/part-00000.parquet", "v/receipt.json"] if out == "/v" else ["v.csv", "v.csv.receipt.json"]
    assert bucket.list_keys() == ["l.csv", "t.jsonl", *expected]
    assert len(open_rows(f"{bucket}{out}").source.receipt()) == 2


@pytest.mark.parametrize("damage", ["flipped bit", "truncation", "extra file", "missing shard", "changed source"])
def test_a_damaged_store_is_refused_when_it_is_opened(memory: MemoryFileSystem, damage: str) -> None:
    put_inputs(memory.put)
    winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    shard = "b/v/part-00000.parquet"
    match damage:
        case "flipped bit":
            content = bytearray(memory.objects[shard])
            content[len(content) // 2] ^= 1
            memory.objects[shard] = bytes(content)
        case "truncation":
            memory.objects[shard] = memory.objects[shard][:-1]
        case "extra file":
            memory.objects["b/v/other.parquet"] = b"x"
        case "missing shard":
            del memory.objects[shard]
        case _:
            memory.objects["b/t.jsonl"] += b"\n"
    with pytest.raises(BrokenPromise, match="memory://b/(v/part-00000|v/other|t.jsonl)"):
        open_rows("memory://b/v")


def test_other_files_are_not_removed_for_a_store(memory: MemoryFileSystem) -> None:
    put_inputs(memory.put)
    memory.objects["b/v/mine.txt"] = b"x"
    with pytest.raises(UsageError, match="'memory://b/v' holds other files"):
        winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/v")
    assert memory.objects["b/v/mine.txt"] == b"x"


def test_one_of_store_and_table_may_be_local_and_the_other_remote(memory: MemoryFileSystem, tmp_path: Path) -> None:
    put_inputs(memory.put)
    put_inputs_in_folder(tmp_path)
    winnow.verify("memory://b/t.jsonl", "exact", out=tmp_path / "v")
    winnow.verify(tmp_path / "t.jsonl", "exact", out="memory://b/v")
    local, remote = open_store(tmp_path / "v").receipt, open_store(parse_location("memory://b/v")).receipt
    assert local.shards == remote.shards and local.work.identity() == remote.work.identity()
    assert local.work.source["files"][0]["path"] == "memory://b/t.jsonl"
    assert remote.work.source["files"][0]["path"] == str(tmp_path / "t.jsonl")
    assert winnow.select(tmp_path / "v", passed=True).to_list() == winnow.select("memory://b/v", passed=True).to_list()


def test_receipts_have_relative_paths_so_that_a_folder_can_be_moved(memory: MemoryFileSystem) -> None:
    put_inputs(memory.put)
    winnow.verify("memory://b/t.jsonl", "exact", out="memory://b/deep/v")
    moved = {key.replace("b/", "other/", 1): content for key, content in memory.objects.items()}
    memory.objects |= moved
    receipt: Receipt = read_receipt(parse_location("memory://other/deep/v/receipt.json"))
    assert receipt.work.source["files"][0]["path"] == "../../t.jsonl"
    del memory.objects["b/t.jsonl"]
    assert len(winnow.select("memory://other/deep/v", passed=False, top_share=1.0, score="s")) == 48
