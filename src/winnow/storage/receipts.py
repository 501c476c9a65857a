"""Receipts: what was done, to which bytes, with which books, and the sha256 of what came out.

The receipt is written last; what has none was never finished. It is sealed by the sha256 of its own content, so an
edited receipt is no receipt. The identity of a stage is the sha256 of its
name, version, configuration and sources as canonical JSON: the same identity is the same work. Paths, times and
hosts are no part of an identity.
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
from winnow.storage.canonical_json import canonical_json
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
        """sha256 of the work, paths left out."""
        content = {
            "stage": self.stage,
            "version": self.version,
            "config": self.config,
            "source": remove_paths(self.source),
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@dataclass(frozen=True)
class RowCounts:
    """Where the rows went. They must balance before a receipt is written."""

    rows_in: int
    keep: int
    drop: int = 0
    reject: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def check(self, where: str) -> None:
        """Refuse books that do not balance."""
        if self.rows_in != self.keep + self.drop + self.reject or sum(self.reasons.values()) != self.drop + self.reject:
            raise BrokenPromise(
                where, f"its books do not balance ({self})", "This is a fault in winnow: please report it"
            )

    def to_dict(self) -> dict[str, Any]:
        """As the receipt holds them."""
        return {
            "in": self.rows_in,
            "keep": self.keep,
            "drop": self.drop,
            "reject": self.reject,
            "reasons": self.reasons,
        }


@dataclass(frozen=True)
class Shard:
    """One file of a result."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What a finished result says of itself."""

    kind: str
    work: WorkSpec
    books: RowCounts
    shards: list[Shard]

    def write(self, path: Location) -> None:
        """The receipt, atomically, after the books were checked."""
        self.books.check(str(path))
        content = {
            "format": FORMAT,
            "kind": self.kind,
            "identity": self.work.identity(),
            "stage": {"name": self.work.stage, "version": self.work.version, "config": self.work.config},
            "source": self.work.source,
            "books": self.books.to_dict(),
            "shards": [shard.__dict__ for shard in self.shards],
        }
        write_bytes(path, seal_json(content))


def seal_json(content: dict[str, Any]) -> bytes:
    """A receipt as it stands on disk; names of files need not be Unicode, so half surrogates pass."""
    digest = hashlib.sha256(canonical_json(content).encode("utf-8", "surrogatepass")).hexdigest()
    text = json.dumps({**content, "seal": digest}, indent=1, ensure_ascii=False, sort_keys=True)
    return (text + "\n").encode("utf-8", "surrogatepass")


def read_receipt(path: Location) -> Receipt:
    """A receipt, refused when it is not one, was edited or contradicts itself."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _not_a_receipt_error(path, error) from error
    return _parse_receipt(path, raw)


@lru_cache(16)
def _parse_receipt(path: Location, raw: bytes) -> Receipt:
    """What these bytes say; a worker meets the same receipt with every shard, and it names all shards."""
    try:
        content = json.loads(raw)
        format_name = content["format"]
        is_seal_valid = seal_json({name: value for name, value in content.items() if name != "seal"}) == raw
        stage, books = content["stage"], content["books"]
        receipt = Receipt(
            kind=content["kind"],
            work=WorkSpec(stage["name"], stage["version"], stage["config"], content["source"]),
            books=RowCounts(books["in"], books["keep"], books["drop"], books["reject"], books["reasons"]),
            shards=[Shard(s["name"], s["rows"], s["bytes"], s["sha256"]) for s in content["shards"]],
        )
        identity = content["identity"]
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
            raise BrokenPromise(
                str(path), f"names a shard outside its folder ({format_value(shard.name)})", "Make the store again"
            )
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
    """The same structure without any member called `path`."""
    if isinstance(value, dict):
        return {name: remove_paths(inner) for name, inner in value.items() if name != "path"}
    if isinstance(value, list):
        return [remove_paths(inner) for inner in value]
    return value
