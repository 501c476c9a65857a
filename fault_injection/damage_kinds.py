"""Kinds of damage to a finished store of three shards, and the error by which each is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path


def _swap(store: Path) -> None:
    """Exchange the names of two shards."""
    first, second = store / "part-00000.parquet", store / "part-00001.parquet"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def _link(name: str) -> Callable[[Path], None]:
    """Move a file out of the store and put a link in its place."""

    def apply(store: Path) -> None:
        (store / name).rename(store.parent / "elsewhere")
        (store / name).symlink_to(store.parent / "elsewhere")

    return apply


def _replace_by_folder(store: Path) -> None:
    """Put a folder in the place of a shard."""
    (store / "part-00001.parquet").unlink()
    (store / "part-00001.parquet").mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "shards swapped": (_swap, "part-00000.parquet", "its sha256 differs"),
    "a shard gone": (lambda s: (s / "part-00002.parquet").unlink(), "part-00002.parquet", "is not a file of the store"),
    "a shard that is a folder": (_replace_by_folder, "part-00001.parquet", "is not a file of the store"),
    "a shard that is a link": (_link("part-00001.parquet"), "part-00001.parquet", "is not a file of the store"),
    "a receipt that is a link": (_link("receipt.json"), "receipt.json", "is a link"),
    "a shard too many": (
        lambda s: shutil.copy(s / "part-00000.parquet", s / "part-00003.parquet"),
        "part-00003.parquet",
        "is in the store but not in its receipt",
    ),
    "a file beside the shards": (lambda s: (s / "notes.txt").write_text("x"), "notes.txt", "not in its receipt"),
    "an empty receipt": (lambda s: (s / "receipt.json").write_text(""), "receipt.json", "is not a receipt"),
    "a receipt that is a list": (lambda s: (s / "receipt.json").write_text("[]"), "receipt.json", "is not a receipt"),
    "a receipt with a space more": (
        lambda s: (s / "receipt.json").write_bytes((s / "receipt.json").read_bytes() + b" "), "receipt.json", "seal"
    ),
    "books edited so that they balance": (
        lambda s: (s / "receipt.json").write_text(
            (s / "receipt.json").read_text().replace('"in": 10', '"in": 9').replace('"keep": 10', '"keep": 9')
        ),
        "receipt.json",
        "is not as winnow wrote it (its seal differs)",
    ),
}  # fmt: skip
"""By name: the function that damages a store, the file that the error names, and the rule that it states."""
