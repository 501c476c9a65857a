"""Receipts: which work was done on which sources, where the rows went, and the sha256 of every file written.

A receipt is written last, so a result without one was never finished. It is sealed with the sha256 of its own
content, so an edited receipt is refused. The identity of a result is the sha256 of stage name, version, configuration
and sources as canonical JSON; paths, times and hosts are no part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from winnow.errors import BrokenPromise, format_value
from winnow.storage.atomic_files import write_bytes
from winnow.storage.canonical_json import canonical_json, to_plain
from winnow.storage.locations.location import Location

FORMAT = "winnow-receipt-1"
RECEIPT_NAME = "receipt.json"


@dataclass(frozen=True)
class WorkSpec:
    """A stage applied to sources: enough to tell whether two results are the same work."""

    stage: str
    version: int
    config: dict[str, Any]
    source: dict[str, Any]

    def identity(self) -> str:
        """Return the sha256 of this work, without the paths of its sources."""
        content = {**to_plain(self), "source": remove_paths(self.source)}
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@dataclass(frozen=True)
class RowCounts:
    """How many rows were read, kept, dropped and rejected; `reasons` counts the dropped and rejected ones."""

    rows_in: int
    keep: int
    drop: int = 0
    reject: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def check(self, where: str) -> None:
        """Raise BrokenPromise if the counts do not add up."""
        if self.rows_in != self.keep + self.drop + self.reject or sum(self.reasons.values()) != self.drop + self.reject:
            problem = f"its row counts do not add up ({self})"
            raise BrokenPromise(where, problem, "This is a fault in winnow: please report it")

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a receipt stores them, where `rows_in` is called `in`."""
        counts = to_plain(self)
        return {"in": counts.pop("rows_in"), **counts}


@dataclass(frozen=True)
class Shard:
    """One file of a result."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """The kind of a finished result, the work that made it, its row counts and its files."""

    kind: str
    work: WorkSpec
    books: RowCounts
    shards: list[Shard]

    def write(self, path: Location) -> None:
        """Check the row counts and write the receipt atomically."""
        self.books.check(str(path))
        content = {
            "format": FORMAT,
            "kind": self.kind,
            "identity": self.work.identity(),
            "stage": {"name": self.work.stage, "version": self.work.version, "config": self.work.config},
            "source": self.work.source,
            "books": self.books.to_dict(),
            "shards": to_plain(self.shards),
        }
        write_bytes(path, seal_json(content))


def seal_json(content: dict[str, Any]) -> bytes:
    """Encode a JSON object with the sha256 of its content as one more member, `seal`.

    Half surrogates are allowed, because file names need not be Unicode.
    """
    digest = hashlib.sha256(canonical_json(content).encode("utf-8", "surrogatepass")).hexdigest()
    text = json.dumps({**content, "seal": digest}, indent=1, ensure_ascii=False, sort_keys=True)
    return (text + "\n").encode("utf-8", "surrogatepass")


def parse_sealed(raw: bytes) -> tuple[dict[str, Any], bool]:
    """Parse what `seal_json` wrote.

    Returns:
        The content without its seal, and whether the bytes are exactly what `seal_json` writes for it.

    Raises:
        ValueError, TypeError, AttributeError, RecursionError: The bytes are not a JSON object.
    """
    content = json.loads(raw)
    content.pop("seal", None)
    return content, seal_json(content) == raw


def read_receipt(path: Location) -> Receipt:
    """Read a receipt.

    Raises:
        BrokenPromise: The file is not a receipt, was edited, or contradicts itself.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _not_a_receipt_error(path, error) from error
    return _parse_receipt(path, raw)


# Cached, because a worker reads the same receipt for every shard, and the receipt lists all shards.
@lru_cache(16)
def _parse_receipt(path: Location, raw: bytes) -> Receipt:
    try:
        content, is_seal_valid = parse_sealed(raw)
        format_name, identity = content["format"], content["identity"]
        stage, counts = content["stage"], content["books"]
        receipt = Receipt(
            kind=content["kind"],
            work=WorkSpec(stage["name"], stage["version"], stage["config"], content["source"]),
            books=RowCounts(counts["in"], counts["keep"], counts["drop"], counts["reject"], counts["reasons"]),
            shards=[Shard(s["name"], s["rows"], s["bytes"], s["sha256"]) for s in content["shards"]],
        )
        for part in (receipt, receipt.work, receipt.books, *receipt.shards):
            _check_field_types(part)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _not_a_receipt_error(path, error) from error
    if format_name != FORMAT:
        problem = f"has the format {format_value(str(format_name))}, and this winnow reads {FORMAT}"
        raise BrokenPromise(str(path), problem, "Read it with the winnow that wrote it, or make the store again")
    if not is_seal_valid:
        raise BrokenPromise(str(path), "is not as winnow wrote it (its seal differs)", "Make the store again")
    if identity != receipt.work.identity():
        raise BrokenPromise(str(path), "its identity does not follow from its content", "Make the store again")
    receipt.books.check(str(path))
    for shard in receipt.shards:
        if Path(shard.name).name != shard.name:
            problem = f"names a shard outside its folder ({format_value(shard.name)})"
            raise BrokenPromise(str(path), problem, "Make the store again")
    return receipt


def _not_a_receipt_error(path: Location, error: Exception) -> BrokenPromise:
    problem = f"is not a receipt ({type(error).__name__}: {format_value(str(error))})"
    return BrokenPromise(str(path), problem, "Make the store again")


_TYPE_HINTS = {kind: get_type_hints(kind) for kind in (Receipt, WorkSpec, RowCounts, Shard)}


def _check_field_types(part: Any) -> None:
    for name, kind in _TYPE_HINTS[type(part)].items():
        expected_type = get_origin(kind) or kind
        value = getattr(part, name)
        if type(value) is not expected_type or (
            kind == dict[str, int] and any(type(count) is not int for count in value.values())
        ):
            raise TypeError(f"{name} is not of type {kind}")


def remove_paths(value: Any) -> Any:
    """Copy a structure without any member called `path`."""
    if isinstance(value, dict):
        return {name: remove_paths(inner) for name, inner in value.items() if name != "path"}
    return [remove_paths(inner) for inner in value] if isinstance(value, list) else value
