"""Kills runs at random moments, all their processes at once, and starts them again until they end.

The moments are uniform over the time of an undisturbed run. A shard with a receipt must never be written again, and in
the end every byte must equal that of an undisturbed run. One start in `POOLED_EVERY` uses two worker processes. The
kills are divided among several processes, each of which draws its own moments.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from fault_injection.workloads import (
    AreaResult,
    FileHashes,
    WorkloadProcess,
    describe_differences,
    find_survivors,
    hash_files,
    map_in_processes,
    prepare_folder,
    temporary_folder,
)
from winnow.errors import WinnowError
from winnow.pipeline.run_folder import RECIPE
from winnow.storage.receipts import RECEIPT_NAME, read_receipt

POOLED_EVERY = 4
BASELINE_RUNS = 3
STORES = ("candidates", "verdicts", "selected", "control")


@dataclass(frozen=True)
class KillShare:
    """The kills of one process: their number, the seed, and how many starts there are for each one with workers."""

    kills: int
    seed: str
    pooled: int


@dataclass
class KillTally:
    """The results of the kills of one process."""

    expected: FileHashes
    seconds: dict[int, float]
    kills: int = 0
    runs: int = 0
    kills_by_stage: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def inject_kills(count: int, seed: int = 0, pooled: int = POOLED_EVERY, processes: int = 1) -> AreaResult:
    """Kill this many times, in as many runs as that takes."""
    shares = [
        KillShare(count // processes + (number < count % processes), f"{seed}.{number}", pooled)
        for number in range(processes)
    ]
    tallies = list(map_in_processes(_inject_share, shares, processes))
    first = tallies[0]
    broken = [problem for tally in tallies for problem in tally.broken]
    for tally in tallies[1:]:
        broken += [
            f"undisturbed runs differ: {change}" for change in describe_differences(tally.expected, first.expected)
        ]
    seconds = {workers: max(tally.seconds[workers] for tally in tallies) for workers in first.seconds}
    figures = {
        "kills": sum(tally.kills for tally in tallies),
        "runs": sum(tally.runs for tally in tallies),
        "seed": seed,
        "seconds of a run without kills": {f"{workers} workers": round(value, 2) for workers, value in seconds.items()},
        "kills by stage": dict(sorted(sum((tally.kills_by_stage for tally in tallies), Counter[str]()).items())),
        "results lost, duplicated or corrupt, processes left over": len(broken),
    }
    return AreaResult("kills", figures, broken)


def _inject_share(share: KillShare) -> KillTally:
    rng, starts = random.Random(share.seed), 0
    with temporary_folder() as place:
        template = prepare_folder(place / "template")
        tally = KillTally(*_measure_baseline(template, place))
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
                patience = rng.uniform(0, tally.seconds[workers]) if tally.kills < share.kills else 120
                killed, problems = _start_and_kill(folder, workers, patience)
                problems += _find_lost_shards(folder / "out", acknowledged)
                tally.kills += killed
                tally.kills_by_stage[_find_reached_stage(folder / "out")] += killed
                tally.broken += [f"run {tally.runs}, start {starts} of seed {share.seed}: {text}" for text in problems]
            problems = [*describe_differences(_hash_results(folder), tally.expected), *find_survivors(folder)]
            tally.broken += [f"run {tally.runs} of seed {share.seed}: {text}" for text in problems]
            shutil.rmtree(folder)
    return tally


def _measure_baseline(template: Path, place: Path) -> tuple[FileHashes, dict[int, float]]:
    """Return the results of undisturbed runs and their shortest time in seconds, without and with two workers."""
    states, seconds = [], {}
    for workers in (0, 2):
        durations = []
        for number in range(BASELINE_RUNS):
            folder = place / f"{workers} workers, {number}"
            shutil.copytree(template, folder)
            process = WorkloadProcess(folder, workers)
            start = perf_counter()
            process.begin()
            result = process.wait()
            durations.append(perf_counter() - start)
            if result.code:
                raise AssertionError(f"the undisturbed run ended with {result.code}: {result.stderr}")
            states.append(_hash_results(folder))
        seconds[workers] = min(durations)
    if different := [state for state in states if state != states[0]]:
        raise AssertionError(f"undisturbed runs leave different bytes: {describe_differences(states[0], different[0])}")
    return states[0], seconds


def _hash_results(folder: Path) -> FileHashes:
    """Hash all results except the recipe, which contains the number of workers of the last run."""
    return {name: sha256 for name, sha256 in hash_files(folder / "out").items() if name != RECIPE}


def _start_and_kill(folder: Path, workers: int, seconds: float) -> tuple[bool, list[str]]:
    """Start a run and kill it after some time; return whether it was killed before it ended, and what went wrong."""
    process = WorkloadProcess(folder, workers)
    process.begin()
    if was_killed := not process.ends_within(seconds):
        process.kill()
    result = process.wait()
    if was_killed and result.code == 0:
        # It ended just before the kill.
        return False, []
    if not was_killed and result.code:
        return False, [f"ended with {result.code}: {result.stderr.strip()[-500:]}"]
    return was_killed, []


def _find_lost_shards(out: Path, acknowledged: dict[str, tuple[int, int]]) -> list[str]:
    """List shards with a receipt that were lost or written again, and add those that have a receipt now."""
    problems = []
    for name, known in acknowledged.items():
        path = out / name
        if not path.is_file() or _file_identity(path) != known:
            problems.append(f"{name} had a receipt and was {'written again' if path.is_file() else 'lost'}")
    for path in out.rglob("part-*.parquet"):
        if _has_receipt(path):
            acknowledged.setdefault(str(path.relative_to(out)), _file_identity(path))
    return problems


def _file_identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _has_receipt(shard: Path) -> bool:
    """Whether the shard is finished: it has a receipt, or the receipt of its store names it."""
    if (shard.parent / f".{shard.name}.receipt.json").is_file():
        return True
    try:
        return any(entry.name == shard.name for entry in read_receipt(shard.parent / RECEIPT_NAME).shards)
    except WinnowError:
        return False


def _find_reached_stage(out: Path) -> str:
    """Name the first stage without a result."""
    names = {"candidates": f"candidates/{RECEIPT_NAME}", "verdicts": f"verdicts/{RECEIPT_NAME}", "card": "card.json"}
    names |= {name: f"{name}/{RECEIPT_NAME}" for name in STORES[2:]}
    return next((f"before {name}" for name, path in names.items() if not (out / path).is_file()), "at the end")
