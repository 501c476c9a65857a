"""Small tables and stores for the tests of this folder to damage, move and read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.data.places.place import Place
from winnow.data.stores.opening import open_rows
from winnow.data.stores.receipts import Books, Receipt, Work, sealed
from winnow.data.stores.store import StoreWriter, prepare
from winnow.data.table import Table
from winnow.stages.verify import Verified, verify
from winnow.verifiers.named import verifier

WORK = Work("count", 1, {"by": 1}, {"format": "memory", "files": []})


def rows(count: int = 6) -> list[dict[str, Any]]:
    """Candidates, two a prompt."""
    return [{"id": f"c{i}", "prompt": f"q{i // 2}", "text": "yes" if i % 3 else "no"} for i in range(count)]


def write_rows(path: Path, count: int = 6) -> Path:
    """Candidates in a file of JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(count)), encoding="utf-8")
    return path


def agrees(completions: Sequence[str]) -> list[bool]:
    """Passes whoever says yes."""
    return [text == "yes" for text in completions]


def verified(given: object, out: Path) -> Verified:
    """The verdicts of `agrees`, in a store or a flat file."""
    return verify(open_rows(given), [verifier(agrees)], out)


def dicts(table: Table) -> list[dict[str, Any]]:
    """Every row of a table."""
    return [row for chunk in table.source.chunks(table.bad) for row in chunk.dicts()]


def verdicts(given: object) -> list[Any]:
    """The verdicts a store or a flat file holds beside its rows."""
    return [next(value for name, value in row.items() if name.endswith(".verdict")) for row in dicts(open_rows(given))]


def counted(folder: Place, shards: Sequence[Sequence[int]]) -> Receipt:
    """A store of whole numbers with these shards."""
    prepare(folder)
    with StoreWriter(folder, "count", WORK, pa.schema([("row", pa.int64())])) as store:
        for shard in shards:
            store.write(pa.RecordBatch.from_pydict({"row": pa.array(shard, pa.int64())}))
            store._flush()
        total = sum(map(len, shards))
        return store.finish(Books(total, total))


def edited(path: Path, *keys: str | int, to: object) -> None:
    """Change one member of a receipt and seal it again, as somebody would who knows how."""
    content = json.loads(path.read_bytes())
    content.pop("seal")
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    path.write_bytes(sealed(content))
