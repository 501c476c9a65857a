"""The order in which a run forces things to disk, read from a trace: what power loss may take, without losing power.

Every file takes its name only after its last byte was forced, and its folder is forced before the process renames
anything else; a new folder's entry is forced too. Exempt are `.lock`, which is empty, and `log.jsonl`, which is no part
of any result; when a whole folder moves, its files are not forced again, which were when they were written.
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
    """Read one trace of each act, and one of a run with two workers."""
    if not can_trace():
        return AreaResult("order", {"how": "not done: strace is not here or may not trace"})
    broken, call_counts = list[str](), dict.fromkeys(KINDS, 0)
    workloads: list[str | int] = [*WORKLOADS, 2]
    with temporary_folder() as place:
        for number, act in enumerate(workloads):
            folder = prepare_folder(place / str(number), act if isinstance(act, str) else "a whole run")
            found = trace_workload(folder, act)
            broken += [f"{word} ({act if isinstance(act, str) else 'a run with two workers'})"
                       for word in find_disorder(found, folder / "out")]  # fmt: skip
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
    """What an act does to its folder of results, call by call."""
    started = WorkloadProcess(folder, workload)
    with attach_strace(started.pid, folder / "log", []):
        started.begin()
        result = started.wait()
    if result.code:
        raise AssertionError(f"{workload} ended with {result.code}: {result.stderr}")
    found = list(parse_calls(folder / "log", folder))
    return [call for call in found if call.path == folder or calls_inside(iter([call]), folder / "out")]


def find_disorder(found: list[SystemCall], out: Path) -> Iterator[str]:
    """Every name, file or folder that a loss of power could take back or leave half written."""
    completed = [call for call in found if not call.failed]
    for position, call in enumerate(completed):
        if call.path == out.parent:
            continue
        name = PARTIAL.sub(".partial", str(call.path.relative_to(out.parent)))
        if call.kind == "rename":
            assert call.target is not None
            yield from (
                f"{name} took its name {word}" for word in _check_rename(completed, position, call, call.target)
            )
        elif call.kind == "folder" and not _is_synced_after(completed, position, call.path.parent, call.thread):
            yield f"{name} was made and the entry of it not forced"
        elif call.kind == "create" and call.path.name not in UNHASHED_FILES and not PARTIAL.search(call.path.name):
            yield f"{name} was written in place"


def _check_rename(done: list[SystemCall], at: int, call: SystemCall, target: Path) -> Iterator[str]:
    earlier = [one for one in done[:at] if one.path == call.path]
    written = [place for place, one in enumerate(earlier) if one.kind in ("write", "create")]
    forced = [place for place, one in enumerate(earlier) if one.kind == "force"]
    if written and (not forced or forced[-1] < written[-1]):
        yield "before its last byte was forced"
    for folder in {target.parent, call.path.parent}:
        if not _is_synced_after(done, at, folder, call.thread):
            yield f"and the folder {folder.name} was not forced before the next one did"


def _is_synced_after(completed: list[SystemCall], at: int, folder: Path, thread: int) -> bool:
    """Whether the folder is forced before the same thread renames anything else."""
    for later in completed[at + 1 :]:
        if later.kind == "force" and later.path == folder:
            return True
        if later.kind == "rename" and later.thread == thread:
            return False
    return False
