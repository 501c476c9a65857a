"""Small tables and stores that tests damage, move and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.stages.verify.stage import Verified, verify
from winnow.storage.locations.location import Location
from winnow.storage.receipts import Receipt, RowCounts, WorkSpec, seal_json
from winnow.storage.store import prepare_store_folder, write_store
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table
from winnow.verifiers.registry import make_verifier

WORK = WorkSpec("count", 1, {"by": 1}, {"format": "memory", "files": []})
SCHEMA = pa.schema([("row", pa.int64())])


def make_rows(count: int = 6) -> list[dict[str, Any]]:
    """Return candidates, two for each prompt."""
    return [{"id": f"c{i}", "prompt": f"q{i // 2}", "text": "yes" if i % 3 else "no"} for i in range(count)]


def write_rows(path: Path, count: int = 6) -> Path:
    """Write candidates to a file of JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in make_rows(count)), encoding="utf-8")
    return path


def accept_yes(completions: Sequence[str]) -> list[bool]:
    """Pass every text that is `yes`."""
    return [text == "yes" for text in completions]


def write_verdicts(source: object, out: Path) -> Verified:
    """Write the verdicts of `accept_yes` to a store or a flat file."""
    return verify(open_rows(source), [make_verifier(accept_yes)], out)


def read_dicts(table: Table) -> list[dict[str, Any]]:
    """Return all rows of a table."""
    return [row for chunk in table.source.chunks(table.bad_rows) for row in chunk.to_dicts()]


def read_verdicts(source: object) -> list[Any]:
    """Return the verdicts in a store or a flat file."""
    return [
        next(value for name, value in row.items() if name.endswith(".verdict")) for row in read_dicts(open_rows(source))
    ]


def write_numbers(folder: Location, shards: Sequence[Sequence[int]]) -> Receipt:
    """Write a store of whole numbers with these shards."""
    prepare_store_folder(folder)
    batches = [pa.RecordBatch.from_pydict({"row": pa.array(shard, pa.int64())}) for shard in shards]
    total = sum(map(len, shards))
    return write_store(folder, "count", WORK, SCHEMA, batches, lambda: RowCounts(total, total), shard_rows=0)


def edit_receipt(path: Path, *keys: str | int, to: object) -> None:
    """Change one member of a receipt and seal it again."""
    content = json.loads(path.read_bytes())
    content.pop("seal")
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    path.write_bytes(seal_json(content))
