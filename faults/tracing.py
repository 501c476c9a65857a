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
TRACED = ",".join(f"?{name}" for name in KIND_OF)
LINE = re.compile(r"(\d+) +(\w+)\((.*)$")
PARTIAL = re.compile(r"\.\d+\.partial\b")
PROBE = "import ctypes, time; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1)); print(flush=True); time.sleep(9)"


@dataclass(frozen=True)
class Call:
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
class FailAt:
    """The so-manieth thing that happens to the files of `out` fails; with nth 0 all are written to `listed`."""

    nth: int
    fault: str
    out: Path
    listed: Path


@cache
def traceable() -> bool:
    """Whether strace is here and may attach to a process that lets it."""
    if which("strace") is None:
        return False
    with subprocess.Popen([sys.executable, "-c", PROBE], stdout=subprocess.PIPE) as probe:
        assert probe.stdout is not None
        probe.stdout.readline()
        try:
            with attached(probe.pid, Path(os.devnull), ["-e", "inject=fsync:error=EIO:when=1"]):
                probe.kill()
        except OSError:
            return False
        finally:
            probe.kill()
    return True


@contextmanager
def attached(pid: int, log: Path, options: list[str]) -> Iterator[None]:
    """strace on a process and all that comes of it, until they have ended."""
    command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={TRACED}", *options, "-o", str(log), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        if "attached" not in (said := tracer.stderr.readline()):
            tracer.kill()
            raise OSError(errno.EPERM, f"strace cannot attach ({said.strip()})")
        yield
        tracer.communicate()


def calls(log: Path, folder: Path) -> Iterator[Call]:
    """The calls of a trace in the order in which they began; `folder` is where the act is done."""
    seen: Counter[tuple[int, str]] = Counter()
    turns: Counter[tuple[int, str, Path]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if found is None or found[2] not in KIND_OF:
            continue
        thread, name, rest = int(found[1]), found[2], found[3]
        seen[thread, name] += 1
        if not (paths := list(_paths(rest, folder))):
            continue
        turns[thread, name, paths[0]] += 1
        # To open for reading changes nothing.
        if KIND_OF[name] == "create" and name != "creat" and not re.search("O_CREAT|O_WRONLY|O_RDWR", rest):
            continue
        target, turn = paths[1] if len(paths) > 1 else None, turns[thread, name, paths[0]]
        yield Call(thread, name, seen[thread, name], paths[0], target, " = -1 " in rest, turn)


def _paths(rest: str, folder: Path) -> Iterator[Path]:
    """The file of a call, and of a rename the file it becomes."""
    if found := re.match(r"\d+<([^>]*)>", rest):
        opened = Path(found[1])
        inner = re.match(r'\d+<[^>]*>, "([^"]+)"', rest)
        yield opened / inner[1] if inner else opened
        return
    names = re.findall(r'(?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)"', rest)
    yield from (folder / name for name in names)


def inside(found: Iterator[Call], out: Path) -> list[Call]:
    """Those that touch what is in the folder of results, or the folder itself."""
    return [call for call in found if call.path == out or out in call.path.parents]


def injection(call: Call, fault: str, out: Path, process: int) -> list[str]:
    """strace's options that make this call fail in this way, in another process; KILL kills before it is done."""
    what = "signal=KILL" if fault == "KILL" else f"error={fault}"
    if call.kind != "create":
        return ["-e", f"inject={call.name}:{what}:when={call.nth}"]
    # Tables are opened by turns that differ from run to run, so that a file is met by its name and not by its turn.
    name = PARTIAL.sub(f".{process}.partial", call.path.name)
    inside_out = (out / call.path.relative_to(_out_of(call.path, out))).with_name(name)
    given = str(inside_out.relative_to(out.parent))
    return ["-P", given, "-P", str(inside_out), "-e", f"inject={call.name}:{what}:when={call.turn}"]


def _out_of(path: Path, out: Path) -> Path:
    """The folder of results, of the same name as this one, that the path is in."""
    return next(folder for folder in (path, *path.parents) if folder.name == out.name)


@contextmanager
def fail_at(wanted: FailAt | None) -> Iterator[None]:
    """Fail points, for the rest of the life of this process."""
    if wanted is None:
        yield
        return
    out, count, busy = str(wanted.out), 0, False

    def met(kind: str, path: object) -> None:
        nonlocal count, busy
        full = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""
        if busy or not (full == out or full.startswith(out + os.sep)):
            return
        count += 1
        busy = True
        if wanted.nth == 0:
            with wanted.listed.open("a") as file:
                file.write(f"{kind} {PARTIAL.sub('.partial', os.path.relpath(full, os.path.dirname(out)))}\n")
        busy = False
        if count == wanted.nth and wanted.fault == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        if count == wanted.nth:
            code = getattr(errno, wanted.fault)
            raise OSError(code, os.strerror(code), full)

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and given[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            met("create", given[0])
        elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
            kind = {"os.rename": "rename", "os.mkdir": "folder"}.get(event, "remove")
            met(kind, given[0])

    force = os.fsync

    def forced(fd: Any) -> None:
        met("force", os.readlink(f"/proc/self/fd/{fd}"))
        force(fd)

    sys.addaudithook(heard)
    os.fsync = forced
    yield
