"""A fault at every system call of a commit: killed before it, or failed as by a full, broken or foreign disk.

After each fault what stands in the folder is old or new and never torn, a fault that is no kill ends in words with exit
code 3 and the path, and the same command again leaves what a run leaves that nothing happened to.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fault_injection.tracing import (
    PARTIAL,
    FailurePoint,
    SystemCall,
    attach_strace,
    calls_inside,
    can_trace,
    injection_options,
    parse_calls,
)
from fault_injection.workloads import (
    WORKLOADS,
    AreaResult,
    FileHashes,
    ProcessResult,
    WorkloadProcess,
    describe_differences,
    hash_files,
    map_in_processes,
    prepare_folder,
    run_workload,
    temporary_folder,
)
from winnow.errors import BrokenPromise, UsageError
from winnow.storage.file_bytes import file_sha256
from winnow.storage.receipts import RECEIPT_NAME
from winnow.storage.store import open_store

FAULTS = {
    "create": ("KILL", "ENOSPC", "EIO", "EACCES"),
    "write": ("KILL", "ENOSPC", "EIO"),
    "force": ("KILL", "ENOSPC", "EIO"),
    "rename": ("KILL", "ENOSPC", "EIO", "EXDEV"),
    "remove": ("KILL", "EIO"),
    "folder": ("KILL", "ENOSPC", "EACCES"),
}
REPLACING_RUN = "a run that takes the place of another"
RESUMED_RUN = "a run over what another left unfinished"
SHARD_RECEIPT = ".receipt.json"


@dataclass(frozen=True)
class FaultPoint:
    """One fault at one place of one act."""

    act: str
    place: str
    kind: str
    fault: str
    call: SystemCall | int


@dataclass(frozen=True)
class Baseline:
    """What an act starts from, and what it leaves when nothing happens to it."""

    template: Path
    before: FileHashes
    after: FileHashes
    points: list[FaultPoint]


def inject_syscall_faults(
    count: int | None = None, seed: int = 0, strace: bool | None = None, processes: int = 1
) -> AreaResult:
    """Throw every fault at every call, or `most` of them drawn at random, of each act as many as of the others."""
    by_strace = can_trace() if strace is None else strace
    rng, tally, broken = random.Random(seed), Counter[str](), list[str]()
    with temporary_folder() as place:
        bases = [run_baseline(act, place / str(number), by_strace) for number, act in enumerate(WORKLOADS)]
        share = None if count is None else -(-count // len(WORKLOADS))
        samples = [(base, point) for base in bases for point in _sample_points(base.points, share, rng)]
        tries = [(replace(base, points=[]), point, place / f"try {turn}") for turn, (base, point) in enumerate(samples)]
        for (_, point), (words, hit) in zip(
            samples, map_in_processes(_inject_fault_task, tries, processes), strict=True
        ):
            tally.update({"hit": 1, point.fault: 1} if hit else {"missed": 1})
            broken += [f"{point.fault} at {point.place} ({point.act}): {word}" for word in words]
    if tally["missed"] > tally["hit"] / 20:
        broken.append(f"{tally['missed']} faults met another call than was meant: nothing is known of those")
    figures = {
        "how": "strace" if by_strace else "fail points, without single writes",
        "acts": len(WORKLOADS),
        "points": tally.pop("hit"),
        "met another call": tally.pop("missed", 0),
        **dict(sorted(tally.items())),
        "torn, lost or otherwise ended": len(broken),
    }
    return AreaResult("points", figures, broken)


def _sample_points(candidates: list[FaultPoint], share: int | None, rng: random.Random) -> list[FaultPoint]:
    return candidates if share is None or share >= len(candidates) else rng.sample(candidates, share)


def _inject_fault_task(task: tuple[Baseline, FaultPoint, Path]) -> tuple[list[str], bool]:
    return inject_fault(*task)


def run_baseline(workload: str, place: Path, by_strace: bool) -> Baseline:
    """The act done once without a fault, its calls being listed."""
    place.mkdir()
    template, folder = prepare_folder(place / "template", workload), place / "once"
    shutil.copytree(template, folder)
    before, out = hash_files(template / "out"), folder / "out"
    if by_strace:
        result = _trace_workload(folder, workload, None)
        main, found = result[1], calls_inside(parse_calls(folder / "log", folder), out)
        traced_calls = [(call.place(out), call.kind, call) for call in found if call.thread == main]
        call_list: list[tuple[str, str, SystemCall | int]] = [*traced_calls]
    else:
        result = (run_workload(folder, workload, FailurePoint(0, "", out, folder / "log")), 0)
        lines = (folder / "log").read_text().splitlines()
        call_list = [(line.partition(" ")[2], line.partition(" ")[0], nth) for nth, line in enumerate(lines, 1)]
    if result[0].code:
        raise AssertionError(
            f"{workload} ended with {result[0].code} though nothing happened to it: {result[0].stderr}"
        )
    # What is the same in a whole run is tried there.
    fault_points = [
        FaultPoint(workload, place, kind, fault, call)
        for place, kind, call in call_list
        if workload != RESUMED_RUN or "candidates" in place
        for fault in FAULTS[kind]
        if workload != REPLACING_RUN or fault in ("KILL", "EXDEV") or kind in ("remove", "folder")
    ]
    return Baseline(template, before, hash_files(out), fault_points)


def _trace_workload(folder: Path, workload: str, point: FaultPoint | None) -> tuple[ProcessResult, int]:
    """The act under strace, and the thread that does it."""
    started = WorkloadProcess(folder, workload)
    options = [] if point is None else _strace_options(point, folder / "out", started.pid)
    with attach_strace(started.pid, folder / "log", options):
        started.begin()
        return started.wait(), started.pid


def _strace_options(point: FaultPoint, out: Path, process: int) -> list[str]:
    assert isinstance(point.call, SystemCall)
    return injection_options(point.call, point.fault, out, process)


def inject_fault(base: Baseline, point: FaultPoint, folder: Path) -> tuple[list[str], bool]:
    """What a fault broke, in words, and whether it met the call that was meant."""
    shutil.copytree(base.template, folder)
    out = folder / "out"
    if isinstance(point.call, int):
        result, has_hit = (
            run_workload(folder, point.act, FailurePoint(point.call, point.fault, out, folder / "log")),
            True,
        )
    else:
        result, thread = _trace_workload(folder, point.act, point)
        found = [
            one for one in parse_calls(folder / "log", folder) if one.thread == thread and one.name == point.call.name
        ]
        # Of a file that is made strace shows that file alone.
        expected_turn = point.call.turn if point.kind == "create" else point.call.nth
        matching_calls = [one for one in found if one.nth == expected_turn and one in calls_inside(iter([one]), out)]
        has_hit = [one.place(out) for one in matching_calls] == [point.place]
    problems = [*_check_ending(result, point, base, out), *find_torn_files(out, base.before, base.after)]
    repeat = run_workload(folder, point.act)
    if repeat.code:
        problems.append(f"the same command again ended with {repeat.code}: {repeat.stderr.strip()[-300:]}")
    problems += [f"after the same command again {word}" for word in describe_differences(hash_files(out), base.after)]
    shutil.rmtree(folder)
    return problems, has_hit


def _check_ending(result: ProcessResult, point: FaultPoint, base: Baseline, out: Path) -> Iterator[str]:
    if point.fault == "KILL":
        if result.code != -9:
            yield f"it was to be killed and ended with {result.code}"
    elif "Traceback" in result.stderr:
        yield f"a traceback: {result.stderr.strip().splitlines()[-1]}"
    elif result.code == 3:
        if "out" not in result.stderr:
            yield f"exit code 3 without the path: {result.stderr.strip()}"
    elif result.code:
        yield f"it ended with {result.code}, and not with 3: {result.stderr.strip()[-300:]}"
    elif point.kind != "remove":
        # What could not be cleared away may be left to the next run, and nothing else.
        yield from (f"it ended well, but {word}" for word in describe_differences(hash_files(out), base.after))


def find_torn_files(out: Path, before: FileHashes, after: FileHashes) -> list[str]:
    """What stands there and is neither what was there before nor what an undisturbed act leaves."""
    problems = []
    for name, sha256 in hash_files(out).items():
        file_name = Path(name).name
        if PARTIAL.search(file_name):
            continue
        if file_name.startswith("."):
            problems += [] if _is_json(out / name) else [f"{name} is torn"]
            problems += _check_shard_of_receipt(out / name) if file_name.endswith(SHARD_RECEIPT) else []
        elif sha256 not in (before.get(name), after.get(name)):
            problems.append(f"{name} is neither old nor new")
    for folder in {path.parent for path in out.rglob("part-*")}:
        try:
            open_store(folder)
        except UsageError:
            problems += [f"{folder.name} has a receipt and is refused"] if (folder / RECEIPT_NAME).exists() else []
        except BrokenPromise as error:
            problems.append(str(error))
    return problems


def _check_shard_of_receipt(receipt: Path) -> list[str]:
    """The receipt comes last: what it names is there, byte for byte."""
    if not _is_json(receipt):
        return []
    shard_record = json.loads(receipt.read_bytes())["shard"]
    shard = receipt.with_name(shard_record["name"])
    is_intact = shard.is_file() and file_sha256(shard) == shard_record["sha256"]
    return [] if is_intact else [f"{receipt.name} is there and its shard is not"]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
