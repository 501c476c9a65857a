"""A table in a cloud store is read by ranges and gives the same rows as a local one, in every format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import winnow
from tests.storage.locations.bucket import Bucket
from tests.storage.locations.memory_filesystem import MemoryFileSystem
from winnow.errors import UsageError
from winnow.storage.locations.location import find_matching_files, parse_location
from winnow.storage.locations.object_path import ObjectReader
from winnow.storage.receipts import remove_paths
from winnow.tables.open_table import open_rows

ROWS: list[dict[str, Any]] = [{"id": f"c{i}", "prompt": f"q{i // 2}", "text": f"t{i}é", "n": i} for i in range(40)]


def encode_rows(folder: Path, ending: str, rows: list[dict[str, Any]]) -> bytes:
    """Encode rows in the format of this ending."""
    path = folder / f"rows.{ending}"
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    table = pa.Table.from_pylist(rows)
    match ending.split("."):
        case ["jsonl", *_]:
            path.write_bytes(lines)
        case ["csv", *_]:
            with path.open("wb") as file:
                pyarrow.csv.write_csv(table, file)
        case ["parquet"]:
            pq.write_table(table, path, row_group_size=8)
        case _:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
    if ending.endswith(".gz"):
        return gzip.compress(path.read_bytes())
    return bytes(pa.compress(path.read_bytes(), "zstd", asbytes=True)) if ending.endswith(".zst") else path.read_bytes()


def read_all(source: object) -> list[dict[str, Any]]:
    table = open_rows(source)
    return [row for chunk in table.source.chunks(table.bad_rows) for row in chunk.to_dicts()]


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "csv.zst", "parquet", "arrow"])
def test_every_format_gives_the_same_rows_and_source_record(bucket: Bucket, tmp_path: Path, ending: str) -> None:
    content = encode_rows(tmp_path, ending, ROWS)
    (local := tmp_path / f"t.{ending}").write_bytes(content)
    remote = bucket.put(f"a/t.{ending}", content)
    assert read_all(remote) == read_all(str(local))
    local_table, remote_table = open_rows(str(local)), open_rows(remote)
    assert remote_table.name == remote
    assert remove_paths(remote_table.source.receipt()) == remove_paths(local_table.source.receipt())
    row = next(iter(remote_table.read_rows(pa.array([7]).to_numpy())))
    assert [r["id"] for r in row.to_dicts()] == ["c7"]
    assert remote_table.locate_row(7).startswith(f"{remote}:")


def test_a_pattern_matches_the_same_files_as_in_a_local_folder(bucket: Bucket, tmp_path: Path) -> None:
    for number in range(3):
        part = ROWS[number * 10 : number * 10 + 10]
        bucket.put(f"run/part-{number}.parquet", encode_rows(tmp_path, "parquet", part))
        bucket.put(f"run/deep/er/part-{number}.jsonl", encode_rows(tmp_path, "jsonl", part))
    bucket.put("run/_SUCCESS", b"")
    assert read_all(f"{bucket}/run/*.parquet") == ROWS[:30]
    assert read_all(f"{bucket}/run/part-[12].parquet") == ROWS[10:30]
    assert read_all(f"{bucket}/**/part-?.jsonl") == ROWS[:30]
    assert read_all(f"{bucket}/run/*/*/part-0.jsonl") == ROWS[:10]
    with pytest.raises(UsageError, match="matches no file"):
        open_rows(f"{bucket}/run/*.csv")
    with pytest.raises(UsageError, match=r"without a receipt.*Name its files: 's3://.*/run/\*\.parquet'"):
        open_rows(f"{bucket}/run")


PATTERNS = ["a/*", "a/**", "**/x*", "**/*.j", "a/**/x?", "**", "a/.*", "*/*/x[12]", "**/c/**"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_match_as_glob_does(memory: MemoryFileSystem, tmp_path: Path, pattern: str) -> None:
    for name in ("x1", "a/x1", "a/x2.j", "a/.hidden", "a/b/x1", "a/b/c/x2", "a/b/c/d/y.j", "a/.h/x1", "z.j"):
        memory.objects[f"b/{name}"] = b""
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    local = [str(Path(str(path)).relative_to(tmp_path)) for path in find_matching_files(f"{tmp_path}/{pattern}")]
    assert [str(path).removeprefix("memory://b/") for path in find_matching_files(f"memory://b/{pattern}")] == local


def test_a_saved_dataset_is_read(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("saved/data-0.arrow", encode_rows(tmp_path, "arrow", ROWS))
    bucket.put("saved/state.json", json.dumps({"_data_files": [{"filename": "data-0.arrow"}]}).encode())
    assert read_all(f"{bucket}/saved") == ROWS


def test_one_of_table_and_labels_may_be_local_and_the_other_remote(bucket: Bucket, tmp_path: Path) -> None:
    rows = [{**row, "number.verdict": "pass" if row["n"] % 2 else "fail"} for row in ROWS]
    labels = "candidate_id,correct\n" + "".join(f"c{i},{int(i % 2 or i == 4)}\n" for i in range(20))
    (tmp_path / "l.csv").write_text(labels)
    table = bucket.put("t.jsonl.gz", encode_rows(tmp_path, "jsonl.gz", rows))
    label_files = bucket.put("l.csv", labels.encode()), tmp_path / "l.csv"
    cards = [winnow.measure(source, labels=file).to_dict() for source in (table, rows) for file in label_files]
    assert cards[0]["labeled"] == 20
    assert cards[0]["phi"] == cards[1]["phi"] == cards[2]["phi"] == cards[3]["phi"]


def test_of_a_parquet_file_only_the_needed_columns_are_read(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    table = pa.table({"id": [str(i) for i in range(2000)], "text": [os.urandom(2000).hex() for _ in range(2000)]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=500, compression="none", use_dictionary=False)
    uri, size = bucket.put("wide.parquet", sink.getvalue().to_pybytes()), sink.getvalue().size
    read_sizes = record_read_sizes(monkeypatch)
    opened = open_rows(uri)
    assert sum(len(chunk) for chunk, _ in opened.read_roles(["id"])) == 2000
    opened.source.receipt()
    assert 0 < sum(read_sizes) < size / 20


def record_read_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many bytes each later read of an object returns."""
    from winnow.storage.locations.object_path import ObjectPath

    read_sizes: list[int] = []
    original = ObjectPath.open_random_access

    def open_recorded(path: ObjectPath) -> Any:
        return pa.PythonFile(RecordingFile(original(path), read_sizes), mode="r")

    monkeypatch.setattr(ObjectPath, "open_random_access", open_recorded)
    return read_sizes


class RecordingFile:
    """An open object that records the size of each read."""

    closed = False

    def __init__(self, file: Any, read_sizes: list[int]) -> None:
        self._file, self._read_sizes = file, read_sizes
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        block = bytes(self._file.read(size))
        self._read_sizes.append(len(block))
        return block

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def test_the_ranges_of_an_object_that_is_read_grow(memory: MemoryFileSystem) -> None:
    content = bytes(range(256)) * (1 << 15)
    memory.objects["b/x"] = content
    with ObjectReader(parse_location("memory://b/x")) as file:  # type: ignore[arg-type]
        sizes = []
        while block := file.read(1 << 14):
            sizes.append(len(block))
        assert sum(sizes) == len(content)
        assert file.seek(-10, 2) == len(content) - 10
        assert file.read(100) == content[-10:]
        assert file.seek(5) == 5 and file.read(3) == content[5:8]
        assert file.tell() == 8
    with parse_location("memory://b/x").open("rb") as whole:
        assert whole.read(10) == content[:10]
        assert whole.read() == content[10:]
