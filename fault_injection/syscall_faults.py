"""Injects a fault at every system call of a commit: a kill before the call, or an error as from a full or broken disk.

After each fault every result must have its old or its new content, never a part of it. A failed call must end in a
message with the path and exit code 3. The same command again must write what an undisturbed run writes.
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
REPLACING_RUN = "a run that replaces an earlier one"
RESUMED_RUN = "a run that continues an unfinished one"
SHARD_RECEIPT = ".receipt.json"


FAULT_LABELS = {
    "EACCES": "call failed: permission denied (EACCES)",
    "EIO": "call failed: input/output error (EIO)",
    "ENOSPC": "call failed: disk full (ENOSPC)",
    "EXDEV": "call failed: other file system (EXDEV)",
    "KILL": "killed before the call",
}


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
    """The folder of a workload, the hashes of its files before and after a run without faults, and its fault points."""

    template: Path
    before: FileHashes
    after: FileHashes
    points: list[FaultPoint]


def inject_syscall_faults(
    count: int | None = None, seed: int = 0, strace: bool | None = None, processes: int = 1
) -> AreaResult:
    """Inject every fault at every call, or `count` of them at random, the same number for each workload."""
    by_strace = can_trace() if strace is None else strace
    rng, counts, broken = random.Random(seed), Counter[str](), list[str]()
    hits = misses = 0
    with temporary_folder() as place:
        baselines = [run_baseline(name, place / str(number), by_strace) for number, name in enumerate(WORKLOADS)]
        faults_per_workload = None if count is None else -(-count // len(WORKLOADS))
        samples = [
            (base, point) for base in baselines for point in _sample_points(base.points, faults_per_workload, rng)
        ]
        tasks = [(replace(base, points=[]), point, place / f"try {n}") for n, (base, point) in enumerate(samples)]
        results = map_in_processes(_inject_fault_task, tasks, processes)
        for (_, point), (problems, has_hit) in zip(samples, results, strict=True):
            hits, misses = hits + has_hit, misses + (not has_hit)
            counts[point.fault] += has_hit
            broken += [f"{point.fault} at {point.place} ({point.workload}): {problem}" for problem in problems]
    if misses > hits / 20:
        broken.append(f"{misses} faults met another call than planned and tested nothing")
    figures = {
        "traced with": "strace" if by_strace else "failure points in Python, which do not see single writes",
        "workloads": len(WORKLOADS),
        "faults injected": hits,
        "faults that met another call than planned": misses,
        **{label: counts[fault] for fault, label in FAULT_LABELS.items() if counts[fault]},
        "results torn, lost or otherwise wrong": len(broken),
    }
    return AreaResult("points", figures, broken)


def _sample_points(points: list[FaultPoint], count: int | None, rng: random.Random) -> list[FaultPoint]:
    return points if count is None or count >= len(points) else rng.sample(points, count)


def _inject_fault_task(task: tuple[Baseline, FaultPoint, Path]) -> tuple[list[str], bool]:
    return inject_fault(*task)


def run_baseline(workload: str, place: Path, by_strace: bool) -> Baseline:
    """Run a workload once without a fault and list its calls."""
    place.mkdir()
    template, folder = prepare_folder(place / "template", workload), place / "once"
    shutil.copytree(template, folder)
    before, out = hash_files(template / "out"), folder / "out"
    if by_strace:
        result, main_thread = _trace_workload(folder, workload, None)
        traced_calls = calls_inside(parse_calls(folder / "log", folder), out)
        calls: list[tuple[str, str, SystemCall | int]] = [
            (call.place(out), call.kind, call) for call in traced_calls if call.thread == main_thread
        ]
    else:
        result = run_workload(folder, workload, FailurePoint(0, "", out, folder / "log"))
        lines = (folder / "log").read_text().splitlines()
        calls = [(line.partition(" ")[2], line.partition(" ")[0], nth) for nth, line in enumerate(lines, 1)]
    if result.code:
        raise AssertionError(f"{workload} ended with {result.code} without a fault: {result.stderr}")
    # Calls that a whole run makes as well are tested there.
    fault_points = [
        FaultPoint(workload, call_place, kind, fault, call)
        for call_place, kind, call in calls
        if workload != RESUMED_RUN or "candidates" in call_place
        for fault in FAULTS[kind]
        if workload != REPLACING_RUN or fault in ("KILL", "EXDEV") or kind in ("remove", "folder")
    ]
    return Baseline(template, before, hash_files(out), fault_points)


def _trace_workload(folder: Path, workload: str, point: FaultPoint | None) -> tuple[ProcessResult, int]:
    """Run a workload under strace; return its result and the id of its main thread."""
    process = WorkloadProcess(folder, workload)
    options = [] if point is None else _strace_options(point, folder / "out", process.pid)
    with attach_strace(process.pid, folder / "log", options):
        process.begin()
        return process.wait(), process.pid


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
            yield f"it ended with 3, but its message does not name the path: {result.stderr.strip()}"
    elif result.code:
        yield f"it ended with {result.code} instead of 3: {result.stderr.strip()[-300:]}"
    elif point.kind != "remove":
        # Only files that could not be removed may be left to the next run.
        yield from (f"it ended with 0, but {text}" for text in describe_differences(hash_files(out), base.after))


def find_torn_files(out: Path, before: FileHashes, after: FileHashes) -> list[str]:
    """List the files that have neither the content from before nor that which an undisturbed workload writes."""
    problems = []
    for name, sha256 in hash_files(out).items():
        file_name = Path(name).name
        if PARTIAL.search(file_name):
            continue
        if file_name.startswith("."):
            problems += [] if _is_json(out / name) else [f"{name} is not complete"]
            problems += _check_shard_of_receipt(out / name) if file_name.endswith(SHARD_RECEIPT) else []
        elif sha256 not in (before.get(name), after.get(name)):
            problems.append(f"{name} has neither its old nor its new content")
    for folder in {path.parent for path in out.rglob("part-*")}:
        try:
            open_store(folder)
        except UsageError:
            if (folder / RECEIPT_NAME).exists():
                problems.append(f"{folder.name} has a receipt but cannot be opened")
        except BrokenPromise as error:
            problems.append(str(error))
    return problems


def _check_shard_of_receipt(receipt: Path) -> list[str]:
    """Check that the shard of a shard receipt exists and has the recorded sha256."""
    if not _is_json(receipt):
        return []
    shard_record = json.loads(receipt.read_bytes())["shard"]
    shard = receipt.with_name(shard_record["name"])
    is_intact = shard.is_file() and file_sha256(shard) == shard_record["sha256"]
    return [] if is_intact else [f"{receipt.name} exists, but its shard is missing or changed"]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
