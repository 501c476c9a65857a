"""The order in which a run forces things to disk, read from a trace: what power loss may take, without losing power.

Every file takes its name only after its last byte was forced, and its folder is forced before the process renames
anything else; a new folder's entry is forced too. Exempt are `.lock`, which is empty, and `log.jsonl`, which is no part
of any result; when a whole folder moves, its files are not forced again, which were when they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from faults.acts import ACTS, NOT_HASHED, Found, Started, folders, made
from faults.tracing import PARTIAL, Call, attached, calls, inside, traceable

VERBS = {"rename": "rename", "folder": "make a folder", "create": "make a file"}
KINDS = tuple(VERBS)


def order(most: int | None = None, seed: int = 0) -> Found:
    """Read one trace of each act, and one of a run with two workers."""
    if not traceable():
        return Found("order", {"how": "not done: strace is not here or may not trace"})
    broken, counted = list[str](), dict.fromkeys(KINDS, 0)
    acts: list[str | int] = [*ACTS, 2]
    with folders() as place:
        for number, act in enumerate(acts):
            folder = made(place / str(number), act if isinstance(act, str) else "a whole run")
            found = traced(folder, act)
            broken += [f"{word} ({act if isinstance(act, str) else 'a run with two workers'})"
                       for word in disorder(found, folder / "out")]  # fmt: skip
            for kind in KINDS:
                counted[kind] += sum(call.kind == kind and not call.failed and call.path != folder for call in found)
    figures = {
        "how": "strace",
        "acts": len(acts),
        **{f"calls that {VERBS[kind]}": counted[kind] for kind in KINDS},
        "exempt": ", ".join(NOT_HASHED),
        "out of order": len(broken),
    }
    return Found("order", figures, broken)


def traced(folder: Path, act: str | int) -> list[Call]:
    """What an act does to its folder of results, call by call."""
    started = Started(folder, act)
    with attached(started.pid, folder / "log", []):
        started.begin()
        told = started.end()
    if told.code:
        raise AssertionError(f"{act} ended with {told.code}: {told.err}")
    found = list(calls(folder / "log", folder))
    return [call for call in found if call.path == folder or inside(iter([call]), folder / "out")]


def disorder(found: list[Call], out: Path) -> Iterator[str]:
    """Every name, file or folder that a loss of power could take back or leave half written."""
    done = [call for call in found if not call.failed]
    for at, call in enumerate(done):
        if call.path == out.parent:
            continue
        name = PARTIAL.sub(".partial", str(call.path.relative_to(out.parent)))
        if call.kind == "rename":
            assert call.target is not None
            yield from (f"{name} took its name {word}" for word in _renamed(done, at, call, call.target))
        elif call.kind == "folder" and not _forced_after(done, at, call.path.parent, call.thread):
            yield f"{name} was made and the entry of it not forced"
        elif call.kind == "create" and call.path.name not in NOT_HASHED and not PARTIAL.search(call.path.name):
            yield f"{name} was written in place"


def _renamed(done: list[Call], at: int, call: Call, target: Path) -> Iterator[str]:
    before = [one for one in done[:at] if one.path == call.path]
    written = [place for place, one in enumerate(before) if one.kind in ("write", "create")]
    forced = [place for place, one in enumerate(before) if one.kind == "force"]
    if written and (not forced or forced[-1] < written[-1]):
        yield "before its last byte was forced"
    for folder in {target.parent, call.path.parent}:
        if not _forced_after(done, at, folder, call.thread):
            yield f"and the folder {folder.name} was not forced before the next one did"


def _forced_after(done: list[Call], at: int, folder: Path, thread: int) -> bool:
    """Whether the folder is forced before the same thread renames anything else."""
    for later in done[at + 1 :]:
        if later.kind == "force" and later.path == folder:
            return True
        if later.kind == "rename" and later.thread == thread:
            return False
    return False
