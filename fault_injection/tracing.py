"""The system calls of an act, and how one of them is made to fail: by strace, or by fail points where it may not trace.

strace sees every call of every thread and kills or fails exactly the one that is named. Fail points see what Python
itself opens, forces, renames and removes, and no single write; a report says which was used.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

KINDS = {
    "create": "open openat creat",
    "write": "write pwrite64 writev ftruncate",
    "force": "fsync fdatasync",
    "rename": "rename renameat renameat2",
    "remove": "unlink unlinkat rmdir",
    "folder": "mkdir mkdirat",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}
# Not every machine has the older calls; the question mark lets strace pass over those.
TRACED_CALLS = ",".join(f"?{name}" for name in KIND_OF)
LINE = re.compile(r"(\d+) +(\w+)\((.*)$")
PARTIAL = re.compile(r"\.\d+\.partial\b")
PROBE = "import ctypes, time; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1)); print(flush=True); time.sleep(9)"


@dataclass(frozen=True)
class SystemCall:
    """One system call that changes files, or may: the so-manieth of its name in its thread, and there of its file."""

    thread: int
    name: str
    nth: int
    path: Path
    target: Path | None = None
    failed: bool = False
    turn: int = 1

    @property
    def kind(self) -> str:
        """What it does."""
        return KIND_OF[self.name]

    def place(self, out: Path) -> str:
        """Which call this is in any run of the same act: process ids left out."""
        return f"{self.name} of {PARTIAL.sub('.partial', str(self.path.relative_to(out.parent)))}"


@dataclass(frozen=True)
class FailurePoint:
    """The so-manieth thing that happens to the files of `out` fails; with nth 0 all are written to `listed`."""

    nth: int
    fault: str
    out: Path
    call_log: Path


@cache
def can_trace() -> bool:
    """Whether strace is here and may attach to a process that lets it."""
    if which("strace") is None:
        return False
    with subprocess.Popen([sys.executable, "-c", PROBE], stdout=subprocess.PIPE) as probe:
        assert probe.stdout is not None
        probe.stdout.readline()
        try:
            with attach_strace(probe.pid, Path(os.devnull), ["-e", "inject=fsync:error=EIO:when=1"]):
                probe.kill()
        except OSError:
            return False
        finally:
            probe.kill()
    return True


@contextmanager
def attach_strace(pid: int, log: Path, options: list[str]) -> Iterator[None]:
    """strace on a process and all that comes of it, until they have ended."""
    command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={TRACED_CALLS}", *options, "-o", str(log), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        if "attached" not in (first_line := tracer.stderr.readline()):
            tracer.kill()
            raise OSError(errno.EPERM, f"strace cannot attach ({first_line.strip()})")
        yield
        tracer.communicate()


def parse_calls(log: Path, folder: Path) -> Iterator[SystemCall]:
    """The calls of a trace in the order in which they began; `folder` is where the act is done."""
    call_counts: Counter[tuple[int, str]] = Counter()
    path_counts: Counter[tuple[int, str, Path]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        line_match = LINE.match(line)
        if line_match is None or line_match[2] not in KIND_OF:
            continue
        thread, name, rest = int(line_match[1]), line_match[2], line_match[3]
        call_counts[thread, name] += 1
        if not (paths := list(_parse_paths(rest, folder))):
            continue
        path_counts[thread, name, paths[0]] += 1
        # To open for reading changes nothing.
        if KIND_OF[name] == "create" and name != "creat" and not re.search("O_CREAT|O_WRONLY|O_RDWR", rest):
            continue
        target, turn = paths[1] if len(paths) > 1 else None, path_counts[thread, name, paths[0]]
        yield SystemCall(thread, name, call_counts[thread, name], paths[0], target, " = -1 " in rest, turn)


def _parse_paths(rest: str, folder: Path) -> Iterator[Path]:
    """The file of a call, and of a rename the file it becomes."""
    if found := re.match(r"\d+<([^>]*)>", rest):
        open_path = Path(found[1])
        inner = re.match(r'\d+<[^>]*>, "([^"]+)"', rest)
        yield open_path / inner[1] if inner else open_path
        return
    names = re.findall(r'(?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)"', rest)
    yield from (folder / name for name in names)


def calls_inside(traced_calls: Iterator[SystemCall], out: Path) -> list[SystemCall]:
    """Those that touch what is in the folder of results, or the folder itself."""
    return [call for call in traced_calls if call.path == out or out in call.path.parents]


def injection_options(call: SystemCall, fault: str, out: Path, process: int) -> list[str]:
    """strace's options that make this call fail in this way, in another process; KILL kills before it is done."""
    action = "signal=KILL" if fault == "KILL" else f"error={fault}"
    if call.kind != "create":
        return ["-e", f"inject={call.name}:{action}:when={call.nth}"]
    # Tables are opened by turns that differ from run to run, so that a file is met by its name and not by its turn.
    name = PARTIAL.sub(f".{process}.partial", call.path.name)
    inside_out = (out / call.path.relative_to(_find_results_folder(call.path, out))).with_name(name)
    relative_path = str(inside_out.relative_to(out.parent))
    return ["-P", relative_path, "-P", str(inside_out), "-e", f"inject={call.name}:{action}:when={call.turn}"]


def _find_results_folder(path: Path, out: Path) -> Path:
    """The folder of results, of the same name as this one, that the path is in."""
    return next(folder for folder in (path, *path.parents) if folder.name == out.name)


@contextmanager
def install_failure_point(failure: FailurePoint | None) -> Iterator[None]:
    """Fail points, for the rest of the life of this process."""
    if failure is None:
        yield
        return
    out, count, is_busy = str(failure.out), 0, False

    def check_call(kind: str, path: object) -> None:
        nonlocal count, is_busy
        full = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""
        if is_busy or not (full == out or full.startswith(out + os.sep)):
            return
        count += 1
        is_busy = True
        if failure.nth == 0:
            with failure.call_log.open("a") as file:
                file.write(f"{kind} {PARTIAL.sub('.partial', os.path.relpath(full, os.path.dirname(out)))}\n")
        is_busy = False
        if count == failure.nth and failure.fault == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        if count == failure.nth:
            code = getattr(errno, failure.fault)
            raise OSError(code, os.strerror(code), full)

    def audit_hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and given[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            check_call("create", given[0])
        elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
            kind = {"os.rename": "rename", "os.mkdir": "folder"}.get(event, "remove")
            check_call(kind, given[0])

    original_fsync = os.fsync

    def checked_fsync(fd: Any) -> None:
        check_call("force", os.readlink(f"/proc/self/fd/{fd}"))
        original_fsync(fd)

    sys.addaudithook(audit_hook)
    os.fsync = checked_fsync
    yield
