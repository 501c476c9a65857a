"""Injects a fault at every system call of a commit: a kill before the call, or an error as from a full or broken disk.

After each fault every result must be old or new and never torn. A failed call must end in a message with the path and
exit code 3. The same command again must leave what an undisturbed run leaves.
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
    """One fault at one system call of one workload."""

    workload: str
    place: str
    kind: str
    fault: str
    call: SystemCall | int


@dataclass(frozen=True)
class Baseline:
    """What a workload starts from, and what it leaves without a fault."""

    template: Path
    before: FileHashes
    after: FileHashes
    points: list[FaultPoint]


def inject_syscall_faults(
    count: int | None = None, seed: int = 0, strace: bool | None = None, processes: int = 1
) -> AreaResult:
    """Inject every fault at every call, or `count` of them at random, the same number for each workload."""
    by_strace = can_trace() if strace is None else strace
    rng, tally, broken = random.Random(seed), Counter[str](), list[str]()
    with temporary_folder() as place:
        bases = [run_baseline(workload, place / str(number), by_strace) for number, workload in enumerate(WORKLOADS)]
        share = None if count is None else -(-count // len(WORKLOADS))
        samples = [(base, point) for base in bases for point in _sample_points(base.points, share, rng)]
        tasks = [(replace(base, points=[]), point, place / f"try {n}") for n, (base, point) in enumerate(samples)]
        results = map_in_processes(_inject_fault_task, tasks, processes)
        for (_, point), (problems, hit) in zip(samples, results, strict=True):
            tally.update({"hit": 1, point.fault: 1} if hit else {"missed": 1})
            broken += [f"{point.fault} at {point.place} ({point.workload}): {problem}" for problem in problems]
    if tally["missed"] > tally["hit"] / 20:
        broken.append(f"{tally['missed']} faults met another call than planned and tested nothing")
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
    """Run a workload once without a fault and list its calls."""
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
        raise AssertionError(f"{workload} ended with {result[0].code} without a fault: {result[0].stderr}")
    # Calls that a whole run makes as well are tested there.
    fault_points = [
        FaultPoint(workload, place, kind, fault, call)
        for place, kind, call in call_list
        if workload != RESUMED_RUN or "candidates" in place
        for fault in FAULTS[kind]
        if workload != REPLACING_RUN or fault in ("KILL", "EXDEV") or kind in ("remove", "folder")
    ]
    return Baseline(template, before, hash_files(out), fault_points)


def _trace_workload(folder: Path, workload: str, point: FaultPoint | None) -> tuple[ProcessResult, int]:
    """Run a workload under strace; return how it ended and the id of its main thread."""
    started = WorkloadProcess(folder, workload)
    options = [] if point is None else _strace_options(point, folder / "out", started.pid)
    with attach_strace(started.pid, folder / "log", options):
        started.begin()
        return started.wait(), started.pid


def _strace_options(point: FaultPoint, out: Path, process: int) -> list[str]:
    assert isinstance(point.call, SystemCall)
    return injection_options(point.call, point.fault, out, process)


def inject_fault(base: Baseline, point: FaultPoint, folder: Path) -> tuple[list[str], bool]:
    """Inject one fault; return the promises that it broke, and whether it met the planned call."""
    shutil.copytree(base.template, folder)
    out = folder / "out"
    if isinstance(point.call, int):
        result = run_workload(folder, point.workload, FailurePoint(point.call, point.fault, out, folder / "log"))
        has_hit = True
    else:
        result, thread = _trace_workload(folder, point.workload, point)
        calls = calls_inside(parse_calls(folder / "log", folder), out)
        # For a created file strace is limited to that file, and counts its calls alone.
        expected_nth = point.call.turn if point.kind == "create" else point.call.nth
        matching = [call for call in calls if (call.thread, call.name) == (thread, point.call.name)]
        has_hit = [call.place(out) for call in matching if call.nth == expected_nth] == [point.place]
    problems = [*_check_ending(result, point, base, out), *find_torn_files(out, base.before, base.after)]
    repeat = run_workload(folder, point.workload)
    if repeat.code:
        problems.append(f"the same command again ended with {repeat.code}: {repeat.stderr.strip()[-300:]}")
    problems += [f"after the same command again {text}" for text in describe_differences(hash_files(out), base.after)]
    shutil.rmtree(folder)
    return problems, has_hit


def _check_ending(result: ProcessResult, point: FaultPoint, base: Baseline, out: Path) -> Iterator[str]:
    if point.fault == "KILL":
        if result.code != -9:
            yield f"it should have been killed but ended with {result.code}"
    elif "Traceback" in result.stderr:
        yield f"a traceback: {result.stderr.strip().splitlines()[-1]}"
    elif result.code == 3:
        if "out" not in result.stderr:
            yield f"exit code 3 without the path: {result.stderr.strip()}"
    elif result.code:
        yield f"it ended with {result.code} instead of 3: {result.stderr.strip()[-300:]}"
    elif point.kind != "remove":
        # Only files that could not be removed may be left to the next run.
        yield from (f"it ended with 0, but {text}" for text in describe_differences(hash_files(out), base.after))


def find_torn_files(out: Path, before: FileHashes, after: FileHashes) -> list[str]:
    """Return files that are neither as before nor as an undisturbed workload leaves them."""
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
    """Check that the shard named by a receipt is there, byte for byte."""
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
