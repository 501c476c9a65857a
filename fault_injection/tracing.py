"""Lists the system calls of a workload and makes one of them fail, by strace or by failure points in Python.

strace sees every call of every thread and kills at, or fails, exactly one. Where strace may not trace, failure points
in Python see the files that Python opens, syncs, renames and removes, but no single write. Reports name the method.
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
# Some machines lack the older calls; the question mark makes strace ignore those.
TRACED_CALLS = ",".join(f"?{name}" for name in KIND_OF)
LINE = re.compile(r"(\d+) +(\w+)\((.*)$")
PARTIAL = re.compile(r"\.\d+\.partial\b")
PROBE = "import ctypes, time; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1)); print(flush=True); time.sleep(9)"


@dataclass(frozen=True)
class SystemCall:
    """A system call that may change files: the `nth` of its name in its thread, the `turn`-th of those on its path."""

    thread: int
    name: str
    nth: int
    path: Path
    target: Path | None = None
    failed: bool = False
    turn: int = 1

    @property
    def kind(self) -> str:
        """What the call does, one of KINDS."""
        return KIND_OF[self.name]

    def place(self, out: Path) -> str:
        """Describe the call in the same way in every run of a workload, without process ids."""
        return f"{self.name} of {PARTIAL.sub('.partial', str(self.path.relative_to(out.parent)))}"


@dataclass(frozen=True)
class FailurePoint:
    """Makes the `nth` operation on files under `out` fail; with nth 0 all operations are written to `call_log`."""

    nth: int
    fault: str
    out: Path
    call_log: Path


@cache
def can_trace() -> bool:
    """Whether strace is installed and may attach to a process that permits it."""
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
    """Trace a process and its children by strace until they have ended."""
    command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={TRACED_CALLS}", *options, "-o", str(log), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        if "attached" not in (first_line := tracer.stderr.readline()):
            tracer.kill()
            raise OSError(errno.EPERM, f"strace cannot attach ({first_line.strip()})")
        yield
        tracer.communicate()


def parse_calls(log: Path, folder: Path) -> Iterator[SystemCall]:
    """Yield the calls of a trace in the order in which they began; relative paths start at `folder`."""
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
        # A file opened for reading is not changed.
        if KIND_OF[name] == "create" and name != "creat" and not re.search("O_CREAT|O_WRONLY|O_RDWR", rest):
            continue
        target, turn = paths[1] if len(paths) > 1 else None, path_counts[thread, name, paths[0]]
        yield SystemCall(thread, name, call_counts[thread, name], paths[0], target, " = -1 " in rest, turn)


def _parse_paths(rest: str, folder: Path) -> Iterator[Path]:
    """Yield the path of a call, and for a rename also its target."""
    if found := re.match(r"\d+<([^>]*)>", rest):
        open_path = Path(found[1])
        inner = re.match(r'\d+<[^>]*>, "([^"]+)"', rest)
        yield open_path / inner[1] if inner else open_path
        return
    names = re.findall(r'(?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)"', rest)
    yield from (folder / name for name in names)


def calls_inside(traced_calls: Iterator[SystemCall], out: Path) -> list[SystemCall]:
    """Return the calls on the results folder or on anything in it."""
    return [call for call in traced_calls if call.path == out or out in call.path.parents]


def injection_options(call: SystemCall, fault: str, out: Path, process: int) -> list[str]:
    """Return the options of strace that make the same call fail in another process; KILL kills before the call."""
    action = "signal=KILL" if fault == "KILL" else f"error={fault}"
    if call.kind != "create":
        return ["-e", f"inject={call.name}:{action}:when={call.nth}"]
    # The order in which tables are opened differs between runs, so a created file is identified by its name.
    name = PARTIAL.sub(f".{process}.partial", call.path.name)
    inside_out = (out / call.path.relative_to(_find_results_folder(call.path, out))).with_name(name)
    relative_path = str(inside_out.relative_to(out.parent))
    return ["-P", relative_path, "-P", str(inside_out), "-e", f"inject={call.name}:{action}:when={call.turn}"]


def _find_results_folder(path: Path, out: Path) -> Path:
    """Return the folder on the path that has the name of the results folder."""
    return next(folder for folder in (path, *path.parents) if folder.name == out.name)


@contextmanager
def install_failure_point(failure: FailurePoint | None) -> Iterator[None]:
    """Install a failure point for the rest of the life of this process."""
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

    def audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            check_call("create", arguments[0])
        elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
            kind = {"os.rename": "rename", "os.mkdir": "folder"}.get(event, "remove")
            check_call(kind, arguments[0])

    original_fsync = os.fsync

    def checked_fsync(fd: Any) -> None:
        check_call("force", os.readlink(f"/proc/self/fd/{fd}"))
        original_fsync(fd)

    sys.addaudithook(audit_hook)
    os.fsync = checked_fsync
    yield
