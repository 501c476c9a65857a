"""Stores of every kind that a run makes, damaged in every way: none is opened, and what is refused is named.

Flipped bits and truncations fall on any file of a store. The other kinds of damage are those of the tests of stores.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

from fault_injection.workloads import AreaResult, prepare_folder, run_workload, temporary_folder
from tests.storage.test_damage import DAMAGE
from winnow.errors import BrokenPromise, UsageError
from winnow.storage.receipts import RECEIPT_NAME
from winnow.storage.store import open_store
from winnow.tables.open_table import open_rows

KINDS = ("candidates", "verdicts", "selected", "control")
TRUNCATION_EVERY = 11
"""One truncation among so many; the others are flipped bits."""


def damage_stores(count: int, seed: int = 0) -> AreaResult:
    """Damage so many stores by flipped bits and truncations, as many of each kind, and then in each other way."""
    rng, tally, broken = random.Random(seed), Counter[str](), list[str]()
    with temporary_folder() as place:
        folder = prepare_folder(place / "run")
        assert run_workload(folder, "a whole run").code == 0
        for number in range(count):
            store = folder / "out" / KINDS[number % len(KINDS)]
            path = rng.choice(sorted(store.iterdir()))
            kind_of_damage, content = _damage_bytes(
                path.read_bytes(), number // len(KINDS) % TRUNCATION_EVERY == 0, rng
            )
            intact = path.read_bytes()
            path.write_bytes(content)
            rule = find_refusal(store, path.name)
            tally.update({kind_of_damage: 1, f"{kind_of_damage} refused": rule is not None})
            broken += (
                [] if rule else [f"{store.name}/{path.name} with {kind_of_damage} was opened, or another file named"]
            )
            path.write_bytes(intact)
        for kind in KINDS:
            _damage_in_other_ways(folder / "out", kind, tally, broken)
            open_store(folder / "out" / kind)
    return AreaResult("damage", {"stores damaged": count + tally["otherwise"], "kinds of store": len(KINDS), **dict(tally),
                            "opened": len(broken)}, broken)  # fmt: skip


def _damage_bytes(whole: bytes, is_truncated: bool, rng: random.Random) -> tuple[str, bytes]:
    if is_truncated:
        return "truncations", whole[: rng.randrange(len(whole))]
    at, bit = rng.randrange(len(whole)), rng.randrange(8)
    return "flipped bits", whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]


def find_refusal(store: Path, name: str) -> str | None:
    """The rule by which the store is refused, naming this file; None if it is not so."""
    try:
        open_store(store)
    except BrokenPromise as error:
        return error.problem if Path(error.where).name == name and error.next_step else None
    return None


def _damage_in_other_ways(out: Path, kind: str, tally: Counter[str], broken: list[str]) -> None:
    """Swapped shards, files too many, links, edited receipts; shards without a receipt are no store."""
    backup = out.with_name("kept")
    shutil.copytree(out / kind, backup)
    for what, (act, name, rule) in DAMAGE.items():
        try:
            act(out / kind)
        except FileNotFoundError:
            # A kind of store with one shard has no other to swap it with.
            applies = False
        else:
            applies = _differs(out / kind, backup)
        if applies:
            found = find_refusal(out / kind, name) or ""
            tally.update({"otherwise": 1, "otherwise refused": rule in found})
            broken += [] if rule in found else [f"{kind} with {what} was opened, or refused otherwise ({found})"]
        _restore(out / kind, backup)
    (out / kind / RECEIPT_NAME).unlink()
    tally["otherwise"] += 1
    try:
        open_rows(out / kind) if kind == "candidates" else open_store(out / kind)
        broken.append(f"{kind} without its receipt was opened")
    except UsageError:
        tally["otherwise refused"] += 1
    _restore(out / kind, backup)
    shutil.rmtree(backup)


def _differs(left: Path, right: Path) -> bool:
    def content(folder: Path) -> dict[str, bytes | bool]:
        return {p.name: p.is_symlink() or (p.read_bytes() if p.is_file() else b"") for p in folder.iterdir()}

    return content(left) != content(right)


def _restore(store: Path, backup: Path) -> None:
    shutil.rmtree(store)
    shutil.copytree(backup, store)
    (store.parent / "elsewhere").unlink(missing_ok=True)
