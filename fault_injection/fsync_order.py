"""Checks from traces that writes reach the disk in an order that survives a power loss.

A file is renamed to its final name only after fsync of its last byte, and its folder is synced before the process
renames anything else; so is the parent of a new folder. Exempt are `.lock`, which is empty, and `log.jsonl`, which is
not part of any result. When a whole folder is renamed, its files are not synced again.
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
        return AreaResult("order", {"how": "not tested: strace is missing or may not trace"})
    broken, call_counts = list[str](), dict.fromkeys(KINDS, 0)
    workloads: list[str | int] = [*WORKLOADS, 2]
    with temporary_folder() as place:
        for number, workload in enumerate(workloads):
            folder = prepare_folder(place / str(number), workload if isinstance(workload, str) else "a whole run")
            found = trace_workload(folder, workload)
            name = workload if isinstance(workload, str) else "a run with two workers"
            broken += [f"{problem} ({name})" for problem in find_disorder(found, folder / "out")]
            for kind in KINDS:
                call_counts[kind] += sum(
                    call.kind == kind and not call.failed and call.path != folder for call in found
                )
    figures = {
        "how": "strace",
        "acts": len(workloads),
        **{f"calls that {VERBS[kind]}": call_counts[kind] for kind in KINDS},
        "exempt": ", ".join(UNHASHED_FILES),
        "out of order": len(broken),
    }
    return AreaResult("order", figures, broken)


def trace_workload(folder: Path, workload: str | int) -> list[SystemCall]:
    """Return the system calls by which a workload changes its results folder."""
    started = WorkloadProcess(folder, workload)
    with attach_strace(started.pid, folder / "log", []):
        started.begin()
        result = started.wait()
    if result.code:
        raise AssertionError(f"{workload} ended with {result.code}: {result.stderr}")
    found = list(parse_calls(folder / "log", folder))
    return [call for call in found if call.path == folder or calls_inside(iter([call]), folder / "out")]


def find_disorder(found: list[SystemCall], out: Path) -> Iterator[str]:
    """Yield every file or folder that a power loss could remove or leave half written."""
    completed = [call for call in found if not call.failed]
    for position, call in enumerate(completed):
        if call.path == out.parent:
            continue
        name = PARTIAL.sub(".partial", str(call.path.relative_to(out.parent)))
        if call.kind == "rename":
            assert call.target is not None
            yield from (
                f"{name} took its name {problem}" for problem in _check_rename(completed, position, call, call.target)
            )
        elif call.kind == "folder" and not _is_synced_after(completed, position, call.path.parent, call.thread):
            yield f"{name} was created and its parent folder not synced"
        elif call.kind == "create" and call.path.name not in UNHASHED_FILES and not PARTIAL.search(call.path.name):
            yield f"{name} was written in place"


def _check_rename(done: list[SystemCall], at: int, call: SystemCall, target: Path) -> Iterator[str]:
    earlier = [earlier_call.kind for earlier_call in done[:at] if earlier_call.path == call.path]
    writes = [position for position, kind in enumerate(earlier) if kind in ("write", "create")]
    syncs = [position for position, kind in enumerate(earlier) if kind == "force"]
    if writes and (not syncs or syncs[-1] < writes[-1]):
        yield "before its last byte was synced"
    for folder in {target.parent, call.path.parent}:
        if not _is_synced_after(done, at, folder, call.thread):
            yield f"and the folder {folder.name} was not synced before the next rename"


def _is_synced_after(completed: list[SystemCall], at: int, folder: Path, thread: int) -> bool:
    """Whether the folder is synced before the same thread renames anything else."""
    for later in completed[at + 1 :]:
        if later.kind == "force" and later.path == folder:
            return True
        if later.kind == "rename" and later.thread == thread:
            return False
    return False
