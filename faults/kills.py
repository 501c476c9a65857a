"""Runs killed at random moments, all their processes at once, and begun again until one ends.

Moments are uniform over the time an undisturbed run takes. What a receipt acknowledged is never made again, and in the
end every byte is that of an undisturbed run and nothing is left over. One start in `POOLED` has two worker processes.
Each hand draws its own moments, over the time that a run takes beside those of the other hands.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from faults.acts import Found, Started, State, each, folders, made, state, survivors, unlike
from winnow.data.errors import WinnowError
from winnow.data.stores.receipts import NAME, read_receipt
from winnow.runs.folder import RECIPE

POOLED = 4
TURNS = 3
STORES = ("candidates", "verdicts", "selected", "control")


@dataclass(frozen=True)
class Share:
    """What one hand throws: so many kills, one start in `pooled` with workers."""

    kills: int
    seed: str
    pooled: int


@dataclass
class Tally:
    """What the kills of one hand did."""

    wanted: State
    seconds: dict[int, float]
    kills: int = 0
    runs: int = 0
    fell: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def kills(most: int, seed: int = 0, pooled: int = POOLED, hands: int = 1) -> Found:
    """Kill so often, over as many runs as that takes."""
    shares = [Share(most // hands + (hand < most % hands), f"{seed}.{hand}", pooled) for hand in range(hands)]
    tallies = list(each(_kills, shares, hands))
    first = tallies[0]
    broken = [word for tally in tallies for word in tally.broken]
    broken += [f"undisturbed, {word}" for tally in tallies[1:] for word in unlike(tally.wanted, first.wanted)]
    seconds = {workers: max(tally.seconds[workers] for tally in tallies) for workers in first.seconds}
    figures = {
        "kills": sum(tally.kills for tally in tallies),
        "runs": sum(tally.runs for tally in tallies),
        "seed": seed,
        "seconds undisturbed": {f"{workers} workers": round(value, 2) for workers, value in seconds.items()},
        "fell": dict(sorted(sum((tally.fell for tally in tallies), Counter[str]()).items())),
        "lost, doubled, corrupt or left over": len(broken),
    }
    return Found("kills", figures, broken)


def _kills(share: Share) -> Tally:
    """The kills of one hand."""
    draws, starts = random.Random(share.seed), 0
    with folders() as place:
        template = made(place / "template")
        tally = Tally(*_undisturbed(template, place))
        while tally.kills < share.kills:
            folder = place / f"run {tally.runs}"
            shutil.copytree(template, folder)
            tally.runs += 1
            acknowledged: dict[str, tuple[int, int]] = {}
            killed = True
            while killed:
                workers = 0 if starts % share.pooled else 2
                starts += 1
                # After the last kill the run may end.
                patience = draws.uniform(0, tally.seconds[workers]) if tally.kills < share.kills else 120
                killed, words = _killed(folder, workers, patience)
                words += _done_again(folder / "out", acknowledged)
                tally.kills += killed
                tally.fell[_reached(folder / "out")] += killed
                tally.broken += [f"run {tally.runs}, start {starts} of seed {share.seed}: {word}" for word in words]
            words = [*unlike(_results(folder), tally.wanted), *survivors(folder)]
            tally.broken += [f"run {tally.runs} of seed {share.seed}: {word}" for word in words]
            shutil.rmtree(folder)
    return tally


def _undisturbed(template: Path, place: Path) -> tuple[State, dict[int, float]]:
    """What a run leaves that nothing happens to, and the least time it takes, with and without workers."""
    states, seconds = [], {}
    for workers in (0, 2):
        took = []
        for turn in range(TURNS):
            folder = place / f"{workers} workers, {turn}"
            shutil.copytree(template, folder)
            started = Started(folder, workers)
            start = perf_counter()
            started.begin()
            told = started.end()
            took.append(perf_counter() - start)
            if told.code:
                raise AssertionError(f"the undisturbed run ended with {told.code}: {told.err}")
            states.append(_results(folder))
        seconds[workers] = min(took)
    if unalike := [one for one in states if one != states[0]]:
        raise AssertionError(f"undisturbed runs leave different bytes: {unlike(states[0], unalike[0])}")
    return states[0], seconds


def _results(folder: Path) -> State:
    """All that is left but the recipe, which says how many workers the last run had."""
    return {name: sha256 for name, sha256 in state(folder / "out").items() if name != RECIPE}


def _killed(folder: Path, workers: int, patience: float) -> tuple[bool, list[str]]:
    """Begin a run, kill it after some time; whether it had not ended before."""
    started = Started(folder, workers)
    started.begin()
    if killed := not started.within(patience):
        started.kill()
    told = started.end()
    if killed and told.code == 0:
        # It ended in the moment between.
        return False, []
    if not killed and told.code:
        return False, [f"ended with {told.code}: {told.err.strip()[-500:]}"]
    return killed, []


def _done_again(out: Path, acknowledged: dict[str, tuple[int, int]]) -> list[str]:
    """Shards that a receipt named and that are gone or were written anew; those named since are remembered."""
    words = []
    for name, known in acknowledged.items():
        path = out / name
        if not path.is_file() or _file(path) != known:
            words.append(f"{name} was acknowledged, and {'made again' if path.is_file() else 'lost'}")
    for path in out.rglob("part-*.parquet"):
        if _named(path):
            acknowledged.setdefault(str(path.relative_to(out)), _file(path))
    return words


def _file(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _named(shard: Path) -> bool:
    """Whether a receipt, of the shard or of its store, says that the shard is done."""
    if (shard.parent / f".{shard.name}.receipt.json").is_file():
        return True
    try:
        return any(one.name == shard.name for one in read_receipt(shard.parent / NAME).shards)
    except WinnowError:
        return False


def _reached(out: Path) -> str:
    """The first stage that has not left its result."""
    names = {"candidates": f"candidates/{NAME}", "verdicts": f"verdicts/{NAME}", "card": "card.json"}
    names |= {name: f"{name}/{NAME}" for name in STORES[2:]}
    return next((f"before {name}" for name, path in names.items() if not (out / path).is_file()), "at the end")
