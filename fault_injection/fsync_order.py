"""Checks from traces that writes reach the disk in an order that survives a power loss.

A file must be renamed to its final name only after an fsync of its last byte, and its folder must be synced before the
process renames anything else. The parent of a new folder must be synced, too. Two files are exempt: `.lock`, which is
empty, and `log.jsonl`, which is not part of any result. When a whole folder is renamed, its files are not synced again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fault_injection.tracing import PARTIAL, SystemCall, attach_strace, calls_inside, can_trace, parse_calls
from fault_injection.workloads import (
    UNHASHED_FILES,
    WORKLOADS,
    AreaResult,
    WorkloadProcess,
    prepare_folder,
    temporary_folder,
)

VERBS = {"rename": "rename", "folder": "make a folder", "create": "make a file"}
KINDS = tuple(VERBS)


def check_fsync_order(count: int | None = None, seed: int = 0) -> AreaResult:
    """Check one trace of every workload, and one of a run with two workers."""
    if not can_trace():
        return AreaResult("order", {"traced with": "not tested: strace is missing or may not trace"})
    broken, call_counts = list[str](), dict.fromkeys(KINDS, 0)
    workloads: list[str | int] = [*WORKLOADS, 2]
    with temporary_folder() as place:
        for number, workload in enumerate(workloads):
            folder = prepare_folder(place / str(number), workload if isinstance(workload, str) else "a whole run")
            calls = trace_workload(folder, workload)
            name = workload if isinstance(workload, str) else "a run with two workers"
            broken += [f"{problem} ({name})" for problem in find_disorder(calls, folder / "out")]
            for kind in KINDS:
                call_counts[kind] += sum(
                    call.kind == kind and not call.failed and call.path != folder for call in calls
                )
    figures = {
        "traced with": "strace",
        "workloads": len(workloads),
        **{f"calls that {VERBS[kind]}": call_counts[kind] for kind in KINDS},
        "files without this promise": ", ".join(UNHASHED_FILES),
        "out of order": len(broken),
    }
    return AreaResult("order", figures, broken)


def trace_workload(folder: Path, workload: str | int) -> list[SystemCall]:
    """Return the system calls by which a workload changes its results folder."""
    process = WorkloadProcess(folder, workload)
    with attach_strace(process.pid, folder / "log", []):
        process.begin()
        result = process.wait()
    if result.code:
        raise AssertionError(f"{workload} ended with {result.code}: {result.stderr}")
    calls = parse_calls(folder / "log", folder)
    return [call for call in calls if call.path == folder or calls_inside(iter([call]), folder / "out")]


def find_disorder(calls: list[SystemCall], out: Path) -> Iterator[str]:
    """Yield every file or folder that a power loss could remove or leave half written."""
    completed = [call for call in calls if not call.failed]
    for position, call in enumerate(completed):
        if call.path == out.parent:
            continue
        name = PARTIAL.sub(".partial", str(call.path.relative_to(out.parent)))
        if call.kind == "rename":
            assert call.target is not None
            yield from (
                f"{name} was renamed {problem}" for problem in _check_rename(completed, position, call, call.target)
            )
        elif call.kind == "folder" and not _is_synced_after(completed, position, call.path.parent, call.thread):
            yield f"{name} was created, but its parent folder was not synced"
        elif call.kind == "create" and call.path.name not in UNHASHED_FILES and not PARTIAL.search(call.path.name):
            yield f"{name} was written under its final name"


def _check_rename(completed: list[SystemCall], at: int, call: SystemCall, target: Path) -> Iterator[str]:
    earlier = [earlier_call.kind for earlier_call in completed[:at] if earlier_call.path == call.path]
    writes = [position for position, kind in enumerate(earlier) if kind in ("write", "create")]
    syncs = [position for position, kind in enumerate(earlier) if kind == "force"]
    if writes and (not syncs or syncs[-1] < writes[-1]):
        yield "before its last byte was synced"
    for folder in {target.parent, call.path.parent}:
        if not _is_synced_after(completed, at, folder, call.thread):
            yield f"but the folder {folder.name} was not synced before the next rename"


def _is_synced_after(completed: list[SystemCall], at: int, folder: Path, thread: int) -> bool:
    """Whether the folder is synced before the same thread renames anything else."""
    for later in completed[at + 1 :]:
        if later.kind == "force" and later.path == folder:
            return True
        if later.kind == "rename" and later.thread == thread:
            return False
    return False
