"""One shard of a selection, and of its control: what is chosen of a shard of candidates, with its books.

The unit of work. What stands done is not written again; what is counted on the way goes with the shard, and sums up
to what a selection of the whole would count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.data.chunks import Rows
from winnow.data.columns import Columns
from winnow.data.places.place import Place
from winnow.data.stores.opening import shard_of
from winnow.data.stores.receipts import Books, Shard, Work
from winnow.data.stores.shards.done import Done, read_done, write_done, write_shard
from winnow.data.table import Table
from winnow.stages.select.choose import REASONS, Chosen, Cuts, prompts_of
from winnow.stages.select.control import draw_control
from winnow.stages.select.outputs import STORED, stored
from winnow.stages.select.pool import identified, rows_of
from winnow.stages.select.shards.choosing import Choosing
from winnow.stages.select.shift import Lengths, per_prompt
from winnow.stages.select.stage import summary_of

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Target:
    """A store that is written: the selection, or its control."""

    folder: Path
    work: Work
    control: bool = False


@dataclass(frozen=True)
class Choice:
    """One shard to choose from: all that another process needs to do it."""

    choosing: Choosing
    cuts: Cuts
    source: Place
    number: int
    name: str
    columns: Columns
    targets: tuple[Target, ...]


def choose(choice: Choice) -> Done:
    """The work on one shard, unless it stands done; without a target it is only counted."""
    standing = [read_done(target.folder, target.work, choice.name) for target in choice.targets]
    whole = [done for done in standing if done is not None]
    if whole and len(whole) == len(standing):
        return whole[0]
    shard, rules = shard_of(choice.source, choice.number, choice.columns), choice.choosing.rules
    lengths = Lengths()
    with choice.choosing.pooled(shard, choice.cuts, lengths) as pool:
        chosen = pool.chooser.chosen()
        rows = control = rows_of(pool.duck, chosen.name)
        if any(target.control for target in choice.targets):
            control = rows_of(pool.duck, draw_control(pool.duck, shard, rules, chosen.name))
        prompts = prompts_of(pool.duck, chosen) if shard.has("prompt") else (0, 0)
    kept, drawn = _stored(shard, (rows, rules.said()), (control, "control"), lengths)
    counts = _counts(chosen, pool.rows, prompts, lengths)
    done = Done(Shard(choice.name, 0, 0, ""), _books(pool.rows, chosen.count, chosen.dropped), counts)
    for target, before in zip(choice.targets, standing, strict=True):
        if before is None:
            written = write_shard(target.folder, choice.name, drawn if target.control else kept, STORED)
            dropped = {"not drawn": pool.rows - len(control)} if target.control else chosen.dropped
            done = Done(written, _books(pool.rows, written.rows, dropped), counts)
            write_done(target.folder, target.work, done)
    return done


def _stored(
    shard: Table, kept: tuple[Rows, str], drawn: tuple[Rows, str], lengths: Lengths
) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
    """The chosen rows and those of the control, each with its rule, as stores hold them."""
    found: list[tuple[pa.RecordBatch, pa.RecordBatch]] = []
    for chunk, parts in identified(shard, [part for part in ("prompt", "text") if shard.has(part)]):
        found.append((stored(chunk, parts, *kept), stored(chunk, parts, *drawn)))
        if "text" in parts:
            where = np.searchsorted(chunk.rows, found[-1][0].column("row").to_numpy())
            lengths.add_kept(parts["text"].take(pa.array(where)))
    return [one for one, _ in found], [other for _, other in found]


def _books(total: int, kept: int, dropped: dict[str, int]) -> Books:
    return Books(total, kept, total - kept, 0, dict(dropped))


def _counts(chosen: Chosen, total: int, prompts: tuple[int, int], lengths: Lengths) -> Counts:
    """What is counted of a shard, in whole numbers, so that shards add up."""
    return {
        "in": {step["rule"]: step["in"] for step in chosen.steps},
        "out": {step["rule"]: step["out"] for step in chosen.steps},
        "rows": {"total": total, "chosen": chosen.count},
        "prompts": dict(zip(("before", "after"), prompts, strict=True)),
        "lengths": asdict(lengths),
    }


def told(table: Table, rule: str, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What all shards counted together, as a selection of the whole says it."""
    ins, outs, rows, prompts = (counts.get(name, {}) for name in ("in", "out", "rows", "prompts"))
    steps = [{"rule": reason, "in": ins[reason], "out": outs[reason]} for reason in REASONS if reason in ins]
    gone = {reason: ins[reason] - outs[reason] for reason in ins}
    total, kept = rows["total"], rows["chosen"]
    chosen = Chosen("", kept, steps, {}, gone.get("undecided", 0), gone.get("without score", 0))
    shift = per_prompt(prompts["before"], prompts["after"], total, kept) if table.has("prompt") else {}
    length = Lengths(**counts["lengths"]).plain()
    return {"rows": kept, **summary_of(table, rule, chosen, total), "shift": {"length": length, **shift}}
