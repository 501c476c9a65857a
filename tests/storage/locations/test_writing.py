"""A result in a cloud store is the same as a local one, and a half-written result is never used."""

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


@pytest.fixture(params=["s3", "kept"])
def cloud(request: pytest.FixtureRequest) -> tuple[str, Put]:
    """Where to write, on a server and on a file system that refuses to rename; and how objects get there."""
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        return str(bucket), bucket.put
    kept: MemoryFileSystem = request.getfixturevalue("kept")
    return "kept://b", kept.put


def given(put: Put) -> None:
    """The table and its labels."""
    put("t.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
    put("l.csv", LABELS.encode())


def given_here(folder: Path) -> None:
    """The same in a folder."""
    given(lambda key, content: (folder / key).write_bytes(content))


def chain(root: str) -> dict[str, Any]:
    """verify, measure and select, all under this root; what they leave."""
    checked = winnow.verify(f"{root}/t.jsonl", winnow.verifier("number", marker="A:"), out=f"{root}/run/v")
    card = winnow.measure(f"{root}/run/v", labels=f"{root}/l.csv").to_dict()
    chosen = winnow.select(f"{root}/run/v", best_of=3, score="s", out=f"{root}/run/s", control=f"{root}/run/c.csv")
    flat = winnow.select(f"{root}/run/v", passed=True, out=f"{root}/flat.jsonl")
    planned = winnow.plan(f"{root}/run/v", f"{root}/to-label.parquet", budget=8)
    assert len(checked) == 48 and len(chosen) and len(flat) and planned.to_dict()["labels"] == 8
    return {"card": card, "rows": chosen.to_list(), "flat": flat.to_list(), "control": chosen.control.to_list()}  # type: ignore[union-attr]


RECEIPTS = ("run/v/receipt.json", "run/s/receipt.json", "run/c.csv.receipt.json", "flat.jsonl.receipt.json")


def test_the_chain_in_the_cloud_gives_the_bytes_it_gives_here(cloud: tuple[str, Put], tmp_path: Path) -> None:
    root, put = cloud
    given(put)
    given_here(tmp_path)
    (tmp_path / "run").mkdir()
    ours, theirs = chain(str(tmp_path)), chain(root)
    assert theirs == ours
    for name in (*RECEIPTS, "to-label.parquet.receipt.json"):
        here, there = (read_receipt(parse_location(f"{one}/{name}")) for one in (str(tmp_path), root))
        assert here.shards == there.shards
        assert here.work.identity() == there.work.identity()
        assert remove_paths(here.work.source) == remove_paths(there.work.source)
        assert here.work.source.get("files") == there.work.source.get("files")
    assert (tmp_path / "flat.jsonl").read_bytes() == parse_location(f"{root}/flat.jsonl").read_bytes()


def test_the_same_command_again_finds_it_done_and_other_work_is_refused(kept: MemoryFileSystem) -> None:
    given(kept.put)
    winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    before, kept.puts = dict(kept.objects), []
    assert winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v").summary["already_done"]
    with pytest.raises(UsageError, match="'kept://b/v' is a finished store of other work"):
        winnow.verify("kept://b/t.jsonl", "number", out="kept://b/v")
    with pytest.raises(UsageError, match="exists and is not an untouched result of winnow"):
        winnow.select("kept://b/v", passed=True, out="kept://b/l.csv")
    with pytest.raises(UsageError, match="is the table itself|not an untouched result"):
        winnow.select("kept://b/t.jsonl", top_share=0.5, score="s", out="kept://b/t.jsonl")
    assert (kept.objects, kept.puts) == (before, [])
    winnow.select("kept://b/v", passed=True, out="kept://b/s.jsonl")
    winnow.select("kept://b/v", passed=False, distinct=True, out="kept://b/s.jsonl")
    assert len(open_rows("kept://b/s.jsonl").source.receipt()["files"]) == 1


def test_shards_are_put_before_the_receipt_and_each_object_once(kept: MemoryFileSystem) -> None:
    write_numbers(parse_location("kept://b/n"), [[1, 2], [3], []])
    assert kept.puts == [*(f"b/n/part-{number:05d}.parquet" for number in range(3)), "b/n/receipt.json"]
    rows = [batch.column("row").to_pylist() for batch in open_store(parse_location("kept://b/n")).batches()]
    assert [one for part in rows for one in part] == [1, 2, 3]


@pytest.mark.parametrize("breaks", ["part-00000.parquet", "receipt.json"])
def test_a_put_that_fails_in_the_middle_leaves_no_store(kept: MemoryFileSystem, breaks: str) -> None:
    given(kept.put)
    kept.breaks = breaks
    with pytest.raises(EnvironmentFault, match="could not be reached: the connection failed") as told:
        winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    assert told.value.where == f"kept://b/v/{breaks}"
    assert sorted(kept.objects) == ["b/l.csv", "b/t.jsonl"]
    with pytest.raises(UsageError, match="does not exist"):
        open_rows("kept://b/v")
    kept.breaks = None
    winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    assert is_store(parse_location("kept://b/v"))


def test_of_a_store_that_fell_in_the_middle_the_put_is_told_and_the_rest_is_cleared_later(
    kept: MemoryFileSystem,
) -> None:
    given(kept.put)
    kept.breaks, kept.falls = "receipt.json", True
    with pytest.raises(EnvironmentFault) as told:
        winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    assert told.value.where == "kept://b/v/receipt.json"
    assert "b/v/part-00000.parquet" in kept.objects and "b/v/receipt.json" not in kept.objects
    kept.breaks, kept.down = None, False
    with pytest.raises(UsageError, match="is a folder without a receipt"):
        open_rows("kept://b/v")
    winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    assert is_store(parse_location("kept://b/v"))


@pytest.mark.parametrize("breaks", ["s.jsonl", "s.jsonl.receipt.json"])
def test_a_flat_file_that_did_not_get_its_receipt_is_made_again(kept: MemoryFileSystem, breaks: str) -> None:
    given(kept.put)
    kept.breaks = breaks
    with pytest.raises(EnvironmentFault):
        winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/s.jsonl")
    assert "b/s.jsonl.receipt.json" not in kept.objects
    kept.breaks = None
    winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/s.jsonl")
    assert sorted(kept.objects) == ["b/l.csv", "b/s.jsonl", "b/s.jsonl.receipt.json", "b/t.jsonl"]


def test_rows_from_memory_are_kept_in_the_store(kept: MemoryFileSystem) -> None:
    winnow.verify(ROWS, "exact", out="kept://b/v")
    assert sorted(kept.objects) == ["b/v/part-00000.parquet", "b/v/receipt.json", "b/v/source.jsonl"]
    assert [row["id"] for row in winnow.select("kept://b/v", passed=False, top_share=1.0, score="s")][:2] == [
        "c0",
        "c1",
    ]


DYING = """\
import os, sys, winnow
from winnow.storage.receipts import Receipt
Receipt.write = lambda self, path: os._exit(9)
winnow.verify(sys.argv[1] + "/t.jsonl", "exact", out=sys.argv[1] + sys.argv[2])
"""


@pytest.mark.parametrize("out", ["/v", "/v.csv"])
def test_killed_before_the_receipt_is_not_done_and_the_same_command_completes_it(bucket: Bucket, out: str) -> None:
    given(bucket.put)
    died = subprocess.run([sys.executable, "-c", DYING, str(bucket), out], env=dict(os.environ), capture_output=True)
    assert died.returncode == 9, died.stderr
    assert any(key.startswith("v") for key in bucket.listed())
    assert not any("receipt" in key for key in bucket.listed())
    winnow.verify(f"{bucket}/t.jsonl", "exact", out=f"{bucket}{out}")
    wanted = ["v/part-00000.parquet", "v/receipt.json"] if out == "/v" else ["v.csv", "v.csv.receipt.json"]
    assert bucket.listed() == ["l.csv", "t.jsonl", *wanted]
    assert len(open_rows(f"{bucket}{out}").source.receipt()) == 2


@pytest.mark.parametrize("harm", ["flip", "cut", "extra", "gone", "source"])
def test_what_was_damaged_is_refused_before_a_row_is_read(kept: MemoryFileSystem, harm: str) -> None:
    given(kept.put)
    winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    shard = "b/v/part-00000.parquet"
    match harm:
        case "flip":
            content = bytearray(kept.objects[shard])
            content[len(content) // 2] ^= 1
            kept.objects[shard] = bytes(content)
        case "cut":
            kept.objects[shard] = kept.objects[shard][:-1]
        case "extra":
            kept.objects["b/v/other.parquet"] = b"x"
        case "gone":
            del kept.objects[shard]
        case _:
            kept.objects["b/t.jsonl"] += b"\n"
    with pytest.raises(BrokenPromise, match="kept://b/(v/part-00000|v/other|t.jsonl)"):
        open_rows("kept://b/v")


def test_nothing_of_others_is_cleared_away_for_a_store(kept: MemoryFileSystem) -> None:
    given(kept.put)
    kept.objects["b/v/mine.txt"] = b"x"
    with pytest.raises(UsageError, match="'kept://b/v' holds other files"):
        winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/v")
    assert kept.objects["b/v/mine.txt"] == b"x"


def test_a_store_of_one_side_may_be_about_a_table_of_the_other(kept: MemoryFileSystem, tmp_path: Path) -> None:
    given(kept.put)
    given_here(tmp_path)
    winnow.verify("kept://b/t.jsonl", "exact", out=tmp_path / "v")
    winnow.verify(tmp_path / "t.jsonl", "exact", out="kept://b/v")
    ours, theirs = open_store(tmp_path / "v").receipt, open_store(parse_location("kept://b/v")).receipt
    assert ours.shards == theirs.shards and ours.work.identity() == theirs.work.identity()
    assert ours.work.source["files"][0]["path"] == "kept://b/t.jsonl"
    assert theirs.work.source["files"][0]["path"] == str(tmp_path / "t.jsonl")
    assert winnow.select(tmp_path / "v", passed=True).to_list() == winnow.select("kept://b/v", passed=True).to_list()


def test_receipts_name_what_is_beside_them(kept: MemoryFileSystem) -> None:
    given(kept.put)
    winnow.verify("kept://b/t.jsonl", "exact", out="kept://b/deep/v")
    moved = {key.replace("b/", "other/", 1): content for key, content in kept.objects.items()}
    kept.objects |= moved
    said: Receipt = read_receipt(parse_location("kept://other/deep/v/receipt.json"))
    assert said.work.source["files"][0]["path"] == "../../t.jsonl"
    del kept.objects["b/t.jsonl"]
    assert len(winnow.select("kept://other/deep/v", passed=False, top_share=1.0, score="s")) == 48
