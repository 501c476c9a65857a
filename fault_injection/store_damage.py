"""Damages every kind of store that a run writes. Each must be refused with an error that names the file and the rule.

Bits are flipped and files truncated at random. The other kinds of damage are in damage_kinds.py.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

from fault_injection.damage_kinds import DAMAGE
from fault_injection.workloads import AreaResult, prepare_folder, run_workload, temporary_folder
from winnow.errors import BrokenPromise, UsageError
from winnow.storage.receipts import RECEIPT_NAME
from winnow.storage.store import open_store
from winnow.tables.open_table import open_rows

KINDS = ("candidates", "verdicts", "selected", "control")
OTHER_DAMAGE = "shards or receipts swapped, missing, edited or added"
OTHER_DAMAGE_REFUSED = "of them refused"
TRUNCATION_EVERY = 11
"""One in this many damages is a truncation; the others are flipped bits."""


def damage_stores(count: int, seed: int = 0) -> AreaResult:
    """Damage this many stores by flipped bits and truncations, and one of each kind in every other way."""
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
                []
                if rule
                else [f"{store.name}/{path.name} with {kind_of_damage} was opened, or its error names another file"]
            )
            path.write_bytes(intact)
        for kind in KINDS:
            _damage_in_other_ways(folder / "out", kind, tally, broken)
            open_store(folder / "out" / kind)
    figures = {"stores damaged": count + tally[OTHER_DAMAGE], "kinds of store": len(KINDS), **tally}
    return AreaResult("damage", {**figures, "damaged stores that opened": len(broken)}, broken)


def _damage_bytes(content: bytes, is_truncated: bool, rng: random.Random) -> tuple[str, bytes]:
    if is_truncated:
        return "truncations", content[: rng.randrange(len(content))]
    at, bit = rng.randrange(len(content)), rng.randrange(8)
    return "flipped bits", content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def find_refusal(store: Path, name: str) -> str | None:
    """Return the rule by which a store is refused because of this file, or None if it is not."""
    try:
        open_store(store)
    except BrokenPromise as error:
        return error.problem if Path(error.where).name == name and error.next_step else None
    return None


def _damage_in_other_ways(out: Path, kind: str, tally: Counter[str], broken: list[str]) -> None:
    """Damage a store in every way of DAMAGE, and remove its receipt."""
    backup = out.with_name("backup")
    shutil.copytree(out / kind, backup)
    for damage, (apply, name, rule) in DAMAGE.items():
        try:
            apply(out / kind)
        except FileNotFoundError:
            # A store with one shard has no other to swap it with.
            applies = False
        else:
            applies = _differs(out / kind, backup)
        if applies:
            problem = find_refusal(out / kind, name) or ""
            tally.update({OTHER_DAMAGE: 1, OTHER_DAMAGE_REFUSED: rule in problem})
            broken += (
                []
                if rule in problem
                else [f"{kind} with {damage} was opened, or refused for another reason ({problem})"]
            )
        _restore(out / kind, backup)
    (out / kind / RECEIPT_NAME).unlink()
    tally[OTHER_DAMAGE] += 1
    try:
        open_rows(out / kind) if kind == "candidates" else open_store(out / kind)
        broken.append(f"{kind} without its receipt was opened")
    except UsageError:
        tally[OTHER_DAMAGE_REFUSED] += 1
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
