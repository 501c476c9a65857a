"""What faults are thrown at: small pieces of work on small tables, each started in a process that is already warm.

An act is done in a folder of its own and leaves its results in `out/`. The warm process has imported everything and
forks, so that moments and calls fall on the work and not on start-up. Every act can be repeated, as a command can.
Several can be done at once, by several hands: processes that each have a warm process of their own.
Nothing here says what may go wrong: that is said in the file of each area.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from faults.tracing import FailAt, fail_at
from runs.made import project

RECIPE = """\
seed: 3
data: {candidates: c.jsonl, columns: {prompt: task, text: answer, reference: gold}, shards: 3}
verify: [{use: number, marker: "A:"}, {use: exact}]
measure: {label: ok, verdict: number}
select: {verdict: number, score: judge, best_of: 3, top_share: 0.5, control: true}
out: out
"""
OWN_CHECKER = 'verify: [{use: number, marker: "A:"}, {use: "checks:short", threshold: 0.4}]'
WARM = """
winnow.app.main winnow.app.run winnow.app.act winnow.runs.run winnow.runs.progress winnow.stages.select
winnow.stages.verify winnow.verifiers.answers.number winnow.verifiers.answers.exact
pydantic.type_adapter duckdb pyarrow.parquet pyarrow.json pyarrow.csv yaml rich.console rich.progress scipy.special
""".split()
NOT_HASHED = (".lock", "log.jsonl")
"""What is no part of any result: the lock, and times and hosts."""
MARK = "WINNOW_FAULTS"

Act = Callable[[], None]
State = dict[str, str]
Thing = TypeVar("Thing")
Told = TypeVar("Told")


@dataclass
class Found:
    """What an area has to say: its figures, and every promise that was broken."""

    area: str
    figures: dict[str, Any]
    broken: list[str] = field(default_factory=list)


def winnow(*words: str) -> Act:
    """A command."""

    def act() -> None:
        from winnow.app.main import app

        app(list(words))

    return act


def one_shard(rows: int = 2000) -> None:
    """A shard and its receipt, as a worker commits them in a folder that the run has cleared."""
    import pyarrow as pa

    from winnow.data.stores.receipts import Books, Work
    from winnow.data.stores.shards.done import Done, read_done, write_done, write_shard
    from winnow.runs.folder import clear_partials

    work = Work("count", 1, {}, {"format": "memory", "files": []})
    target, name = Path("out"), "part-00000.parquet"
    clear_partials(target)
    if read_done(target, work, name) is None:
        batch = pa.RecordBatch.from_pydict({"row": list(range(rows))})
        write_done(target, work, Done(write_shard(target, name, [batch], batch.schema), Books(rows, rows)))


def one_store() -> None:
    """A store written in one go: the shard, then the receipt."""
    import pyarrow as pa

    from winnow.data.stores.receipts import Books, Work
    from winnow.data.stores.store import StoreWriter, finished_already, prepare

    work, target = Work("count", 1, {}, {"format": "memory", "files": []}), Path("out/store")
    if finished_already(target, work) is None:
        prepare(target)
        batch = pa.RecordBatch.from_pydict({"row": list(range(2000))})
        with StoreWriter(target, "count", work, batch.schema) as store:
            store.write(batch)
            store.finish(Books(2000, 2000))


RUN = ("run", "recipe.yaml", "--engine", "inline", "--json")
COLUMNS = ("--text", "answer", "--reference", "gold", "--prompt", "task")
ACTS: dict[str, Act] = {
    "a shard and its receipt": one_shard,
    "a store's receipt": one_store,
    "a flat file of verdicts": winnow("verify", "c.jsonl", "--with", "exact", *COLUMNS, "--out", "out/v.jsonl"),
    "a flat selection in Parquet": winnow("select", "c.jsonl", "--score", "judge", *COLUMNS[-2:], "--best-of", "2",
                                          "--control", "out/c.csv", "--out", "out/s.parquet"),
    "a whole run": winnow(*RUN),
    "a run that takes the place of another": winnow(*RUN, "--set", "seed=4"),
    "a run over what another left unfinished": winnow(*RUN),
}  # fmt: skip
WORKERS: dict[int, Act] = {workers: winnow("run", "recipe.yaml", "--json", "--set", f"engine.workers={workers}")
                           for workers in (0, 2)}  # fmt: skip


def made(folder: Path, name: str = "a whole run", prompts: int = 30) -> Path:
    """The folder in which an act is done, before it is done."""
    project(folder, prompts)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "out").mkdir()
    if name.startswith("a run that takes the place"):
        assert ended(folder, "a whole run").code == 0
    if name.startswith("a run over what"):
        whole = made(folder.with_name("whole"))
        assert ended(whole, "a whole run").code == 0
        for part in ("candidates/part-00000.parquet", "candidates/part-00001.parquet", "recipe.yaml", ".lock"):
            (folder / "out" / part).parent.mkdir(exist_ok=True)
            shutil.copy(whole / "out" / part, folder / "out" / part)
        (folder / "out/candidates/.part-00002.parquet.7.partial").write_bytes(b"PAR1")
    elif name.endswith("run"):
        (folder / "out").rmdir()
    return folder


def own_checker(folder: Path) -> Path:
    """The same, judging with a function of the user's, which takes its time once it may go on."""
    recipe = (folder / "recipe.yaml").read_text().splitlines()
    lines = [OWN_CHECKER if line.startswith("verify:") else line for line in recipe]
    (folder / "recipe.yaml").write_text("\n".join(lines) + "\n")
    (folder / "checks.py").write_text("import time\n\n\n" + (folder / "checks.py").read_text().replace(
        "    return", "    time.sleep(1)\n    return"))  # fmt: skip
    return folder


def state(out: Path) -> State:
    """The sha256 of every file but those that are no part of a result."""
    found = sorted(path for path in out.rglob("*") if path.is_file() and path.name not in NOT_HASHED)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def unlike(now: State, wanted: State) -> list[str]:
    """How the results differ from those of a run that nothing happened to, in words."""
    other = [f"{name} has other bytes" for name in wanted if name in now and now[name] != wanted[name]]
    missing = [f"{name} is missing" for name in wanted if name not in now]
    return [*other, *missing, *(f"{name} is left over" for name in now if name not in wanted)]


@dataclass(frozen=True)
class Ended:
    """How an act ended, and what it said; a negative code is the signal that killed it."""

    code: int
    out: str
    err: str


class Started:
    """An act in a process of its own, which waits to be told to begin."""

    def __init__(self, folder: Path, act: str | int, fault: FailAt | None = None, number: int = 0) -> None:
        self._said = folder / f"said.{number}"
        self._begin, theirs = _WARM.Pipe()
        self._process: ForkServerProcess = _WARM.Process(target=_do, args=(theirs, folder, act, fault, self._said))
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid = self._process.pid
        assert self._begin.recv() == "ready"

    def begin(self) -> None:
        """Let it begin."""
        self._begin.send("begin")

    def within(self, seconds: float) -> bool:
        """Whether it ends within this time."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def kill(self, tree: bool = True) -> None:
        """SIGKILL, to all processes of it at once or to the first alone."""
        # It may have ended in the moment between.
        with suppress(ProcessLookupError):
            (os.killpg if tree else os.kill)(self.pid, signal.SIGKILL)

    def end(self, seconds: float = 120) -> Ended:
        """How it ended."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            self.kill()
            raise TimeoutError(f"did not end in {seconds} s")
        self._process.close()
        self._begin.close()
        out, err = (self._said.with_suffix(self._said.suffix + kind).read_text() for kind in (".out", ".err"))
        return Ended(code, out, err)


def ended(folder: Path, act: str | int, fault: FailAt | None = None) -> Ended:
    """An act from beginning to end."""
    started = Started(folder, act, fault)
    started.begin()
    return started.end()


def each(throw: Callable[[Thing], Told], things: Sequence[Thing], hands: int) -> Iterator[Told]:
    """What throwing each of these things tells, in their order; as many are thrown at once as there are hands."""
    if min(hands, len(things)) < 2:
        yield from map(throw, things)
        return
    with ProcessPoolExecutor(min(hands, len(things)), get_context("spawn")) as pool:
        yield from pool.map(throw, things)


def survivors(folder: Path, patience: float = 5) -> list[str]:
    """What still runs of the acts that were killed in this folder, after some patience."""
    until = monotonic() + patience
    while left := list(_marked(folder)):
        if monotonic() > until:
            return left
        sleep(0.05)
    return []


def _marked(folder: Path) -> Iterator[str]:
    mark = f"{MARK}={folder}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue


def _do(begin: Connection, folder: Path, act: str | int, fault: FailAt | None, said: Path) -> None:
    """In the process of the act."""
    from multiprocessing import resource_tracker

    for number, kind in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(said.with_suffix(said.suffix + kind), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    os.environ[MARK] = str(folder)
    # What is killed leaves its temporary files: they go with the folder.
    os.environ["TMPDIR"] = str(folder)
    # Its own, outside the group that is killed, so that it gives back the semaphores of those that were.
    resource_tracker._resource_tracker.__init__()  # type: ignore[misc]
    resource_tracker.ensure_running()
    os.setpgid(0, 0)
    _may_be_traced()
    sys.path.insert(0, "")
    # So that a worker of a run begins as it does under the command.
    sys.modules["__main__"] = import_module("winnow.app.main")
    begin.send("ready")
    begin.recv()
    with fail_at(fault):
        _in_words(_named(act))


def _named(act: str | int) -> Act:
    """An act by its name, a run by its number of workers, or a function of ours by module:name."""
    if isinstance(act, int):
        return WORKERS[act]
    module, _, name = act.partition(":")
    found: Act = getattr(import_module(module), name) if name else ACTS[act]
    return found


def _in_words(act: Act) -> None:
    """Faults end in words and an exit code, as a command's do."""
    from winnow.data.errors import WinnowError

    try:
        act()
    except WinnowError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _may_be_traced() -> None:
    """Let a process that is no ancestor trace this one, where the system asks for that."""
    import ctypes

    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER, any


@contextmanager
def folders() -> Iterator[Path]:
    """A place on disk for many small folders, which goes in the end."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="winnow-faults-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def document(ended_: Ended) -> dict[str, Any]:
    """What a command said with --json."""
    found: dict[str, Any] = json.loads(ended_.out)
    return found


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_WARM = get_context("forkserver")
_WARM.set_forkserver_preload(WARM)
