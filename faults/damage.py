"""Stores of every kind that a run makes, damaged in every way: none is opened, and what is refused is named.

Flipped bits and truncations fall on any file of a store. The other kinds of damage are those of the tests of stores.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

from data.stores.test_damage import DAMAGE
from faults.acts import Found, ended, folders, made
from winnow.data.errors import BrokenPromise, UsageError
from winnow.data.stores.opening import open_rows
from winnow.data.stores.receipts import NAME
from winnow.data.stores.store import open_store

KINDS = ("candidates", "verdicts", "selected", "control")
CUT = 11
"""One truncation among so many; the others are flipped bits."""


def damage(most: int, seed: int = 0) -> Found:
    """Damage so many stores by flipped bits and truncations, as many of each kind, and then in each other way."""
    draws, tally, broken = random.Random(seed), Counter[str](), list[str]()
    with folders() as place:
        folder = made(place / "run")
        assert ended(folder, "a whole run").code == 0
        for number in range(most):
            store = folder / "out" / KINDS[number % len(KINDS)]
            path = draws.choice(sorted(store.iterdir()))
            what, content = _damaged(path.read_bytes(), number // len(KINDS) % CUT == 0, draws)
            whole = path.read_bytes()
            path.write_bytes(content)
            rule = refused(store, path.name)
            tally.update({what: 1, f"{what} refused": rule is not None})
            broken += [] if rule else [f"{store.name}/{path.name} with {what} was opened, or another file named"]
            path.write_bytes(whole)
        for kind in KINDS:
            _otherwise(folder / "out", kind, tally, broken)
            open_store(folder / "out" / kind)
    return Found("damage", {"stores damaged": most + tally["otherwise"], "kinds of store": len(KINDS), **dict(tally),
                            "opened": len(broken)}, broken)  # fmt: skip


def _damaged(whole: bytes, cut: bool, draws: random.Random) -> tuple[str, bytes]:
    if cut:
        return "truncations", whole[: draws.randrange(len(whole))]
    at, bit = draws.randrange(len(whole)), draws.randrange(8)
    return "flipped bits", whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]


def refused(store: Path, name: str) -> str | None:
    """The rule by which the store is refused, naming this file; None if it is not so."""
    try:
        open_store(store)
    except BrokenPromise as error:
        return error.problem if Path(error.where).name == name and error.next_step else None
    return None


def _otherwise(out: Path, kind: str, tally: Counter[str], broken: list[str]) -> None:
    """Swapped shards, files too many, links, edited receipts; shards without a receipt are no store."""
    kept = out.with_name("kept")
    shutil.copytree(out / kind, kept)
    for what, (act, name, rule) in DAMAGE.items():
        try:
            act(out / kind)
        except FileNotFoundError:
            # A kind of store with one shard has no other to swap it with.
            applies = False
        else:
            applies = _differs(out / kind, kept)
        if applies:
            found = refused(out / kind, name) or ""
            tally.update({"otherwise": 1, "otherwise refused": rule in found})
            broken += [] if rule in found else [f"{kind} with {what} was opened, or refused otherwise ({found})"]
        _put_back(out / kind, kept)
    (out / kind / NAME).unlink()
    tally["otherwise"] += 1
    try:
        open_rows(out / kind) if kind == "candidates" else open_store(out / kind)
        broken.append(f"{kind} without its receipt was opened")
    except UsageError:
        tally["otherwise refused"] += 1
    _put_back(out / kind, kept)
    shutil.rmtree(kept)


def _differs(one: Path, other: Path) -> bool:
    def content(folder: Path) -> dict[str, bytes | bool]:
        return {p.name: p.is_symlink() or (p.read_bytes() if p.is_file() else b"") for p in folder.iterdir()}

    return content(one) != content(other)


def _put_back(store: Path, kept: Path) -> None:
    shutil.rmtree(store)
    shutil.copytree(kept, store)
    (store.parent / "elsewhere").unlink(missing_ok=True)
