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

from fault_injection.tracing import FailurePoint, install_failure_point
from tests.pipeline.sample_project import project

RECIPE = """\
seed: 3
data: {candidates: c.jsonl, columns: {prompt: task, text: answer, reference: gold}, shards: 3}
verify: [{use: number, marker: "A:"}, {use: exact}]
measure: {label: ok, verdict: number}
select: {verdict: number, score: judge, best_of: 3, top_share: 0.5, control: true}
out: out
"""
SLOW_CHECKER_LINE = 'verify: [{use: number, marker: "A:"}, {use: "checks:short", threshold: 0.4}]'
PRELOADED_MODULES = """
winnow.cli.main winnow.cli.run winnow.cli.commands winnow.pipeline.run winnow.pipeline.progress winnow.stages.select
winnow.stages.verify.stage winnow.verifiers.answers.number winnow.verifiers.answers.exact
pydantic.type_adapter duckdb pyarrow.parquet pyarrow.json pyarrow.csv yaml rich.console rich.progress scipy.special
""".split()
UNHASHED_FILES = (".lock", "log.jsonl")
"""What is no part of any result: the lock, and times and hosts."""
PROCESS_MARK = "WINNOW_FAULTS"

Workload = Callable[[], None]
FileHashes = dict[str, str]
Item = TypeVar("Item")
Output = TypeVar("Output")


@dataclass
class AreaResult:
    """What an area has to say: its figures, and every promise that was broken."""

    area: str
    figures: dict[str, Any]
    broken: list[str] = field(default_factory=list)


def make_command(*arguments: str) -> Workload:
    """A command."""

    def act() -> None:
        from winnow.cli.main import app

        app(list(arguments))

    return act


def write_one_shard(rows: int = 2000) -> None:
    """A shard and its receipt, as a worker commits them in a folder that the run has cleared."""
    import pyarrow as pa

    from winnow.pipeline.run_folder import remove_partial_files
    from winnow.storage.receipts import RowCounts, WorkSpec
    from winnow.storage.shard_receipt import ShardResult, read_shard_receipt, write_shard, write_shard_receipt

    work = WorkSpec("count", 1, {}, {"format": "memory", "files": []})
    target, name = Path("out"), "part-00000.parquet"
    remove_partial_files(target)
    if read_shard_receipt(target, work, name) is None:
        batch = pa.RecordBatch.from_pydict({"row": list(range(rows))})
        write_shard_receipt(
            target, work, ShardResult(write_shard(target, name, [batch], batch.schema), RowCounts(rows, rows))
        )


def write_one_store() -> None:
    """A store written in one go: the shard, then the receipt."""
    import pyarrow as pa

    from winnow.storage.receipts import RowCounts, WorkSpec
    from winnow.storage.store import StoreWriter, find_finished_receipt, prepare_store_folder

    work, target = WorkSpec("count", 1, {}, {"format": "memory", "files": []}), Path("out/store")
    if find_finished_receipt(target, work) is None:
        prepare_store_folder(target)
        batch = pa.RecordBatch.from_pydict({"row": list(range(2000))})
        with StoreWriter(target, "count", work, batch.schema) as store:
            store.write(batch)
            store.finish(RowCounts(2000, 2000))


RUN_ARGUMENTS = ("run", "recipe.yaml", "--engine", "inline", "--json")
COLUMN_OPTIONS = ("--text", "answer", "--reference", "gold", "--prompt", "task")
WORKLOADS: dict[str, Workload] = {
    "a shard and its receipt": write_one_shard,
    "a store's receipt": write_one_store,
    "a flat file of verdicts": make_command("verify", "c.jsonl", "--with", "exact", *COLUMN_OPTIONS, "--out", "out/v.jsonl"),
    "a flat selection in Parquet": make_command("select", "c.jsonl", "--score", "judge", *COLUMN_OPTIONS[-2:], "--best-of", "2",
                                          "--control", "out/c.csv", "--out", "out/s.parquet"),
    "a whole run": make_command(*RUN_ARGUMENTS),
    "a run that takes the place of another": make_command(*RUN_ARGUMENTS, "--set", "seed=4"),
    "a run over what another left unfinished": make_command(*RUN_ARGUMENTS),
}  # fmt: skip
RUNS_BY_WORKERS: dict[int, Workload] = {workers: make_command("run", "recipe.yaml", "--json", "--set", f"engine.workers={workers}")
                           for workers in (0, 2)}  # fmt: skip


def prepare_folder(folder: Path, name: str = "a whole run", prompts: int = 30) -> Path:
    """The folder in which an act is done, before it is done."""
    project(folder, prompts)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "out").mkdir()
    if name.startswith("a run that takes the place"):
        assert run_workload(folder, "a whole run").code == 0
    if name.startswith("a run over what"):
        whole = prepare_folder(folder.with_name("whole"))
        assert run_workload(whole, "a whole run").code == 0
        for part in ("candidates/part-00000.parquet", "candidates/part-00001.parquet", "recipe.yaml", ".lock"):
            (folder / "out" / part).parent.mkdir(exist_ok=True)
            shutil.copy(whole / "out" / part, folder / "out" / part)
        (folder / "out/candidates/.part-00002.parquet.7.partial").write_bytes(b"PAR1")
    elif name.endswith("run"):
        (folder / "out").rmdir()
    return folder


def use_slow_checker(folder: Path) -> Path:
    """The same, judging with a function of the user's, which takes its time once it may go on."""
    recipe = (folder / "recipe.yaml").read_text().splitlines()
    lines = [SLOW_CHECKER_LINE if line.startswith("verify:") else line for line in recipe]
    (folder / "recipe.yaml").write_text("\n".join(lines) + "\n")
    (folder / "checks.py").write_text("import time\n\n\n" + (folder / "checks.py").read_text().replace(
        "    return", "    time.sleep(1)\n    return"))  # fmt: skip
    return folder


def hash_files(out: Path) -> FileHashes:
    """The sha256 of every file but those that are no part of a result."""
    found = sorted(path for path in out.rglob("*") if path.is_file() and path.name not in UNHASHED_FILES)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def describe_differences(now: FileHashes, expected: FileHashes) -> list[str]:
    """How the results differ from those of a run that nothing happened to, in words."""
    other = [f"{name} has other bytes" for name in expected if name in now and now[name] != expected[name]]
    missing = [f"{name} is missing" for name in expected if name not in now]
    return [*other, *missing, *(f"{name} is left over" for name in now if name not in expected)]


@dataclass(frozen=True)
class ProcessResult:
    """How an act ended, and what it said; a negative code is the signal that killed it."""

    code: int
    stdout: str
    stderr: str


class WorkloadProcess:
    """An act in a process of its own, which waits to be told to begin."""

    def __init__(self, folder: Path, act: str | int, fault: FailurePoint | None = None, number: int = 0) -> None:
        self._output = folder / f"said.{number}"
        self._connection, child_connection = _FORKSERVER.Pipe()
        self._process: ForkServerProcess = _FORKSERVER.Process(
            target=_run_in_child, args=(child_connection, folder, act, fault, self._output)
        )
        self._process.start()
        child_connection.close()
        assert self._process.pid is not None
        self.pid = self._process.pid
        assert self._connection.recv() == "ready"

    def begin(self) -> None:
        """Let it begin."""
        self._connection.send("begin")

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends within this time."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def kill(self, tree: bool = True) -> None:
        """SIGKILL, to all processes of it at once or to the first alone."""
        # It may have ended in the moment between.
        with suppress(ProcessLookupError):
            (os.killpg if tree else os.kill)(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = 120) -> ProcessResult:
        """How it ended."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            self.kill()
            raise TimeoutError(f"did not end in {seconds} s")
        self._process.close()
        self._connection.close()
        out, err = (self._output.with_suffix(self._output.suffix + kind).read_text() for kind in (".out", ".err"))
        return ProcessResult(code, out, err)


def run_workload(folder: Path, act: str | int, fault: FailurePoint | None = None) -> ProcessResult:
    """An act from beginning to end."""
    process = WorkloadProcess(folder, act, fault)
    process.begin()
    return process.wait()


def map_in_processes(function: Callable[[Item], Output], items: Sequence[Item], processes: int) -> Iterator[Output]:
    """What throwing each of these things tells, in their order; as many are thrown at once as there are hands."""
    if min(processes, len(items)) < 2:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(min(processes, len(items)), get_context("spawn")) as pool:
        yield from pool.map(function, items)


def find_survivors(folder: Path, seconds: float = 5) -> list[str]:
    """What still runs of the acts that were killed in this folder, after some patience."""
    until = monotonic() + seconds
    while running := list(_find_marked_processes(folder)):
        if monotonic() > until:
            return running
        sleep(0.05)
    return []


def _find_marked_processes(folder: Path) -> Iterator[str]:
    mark = f"{PROCESS_MARK}={folder}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue


def _run_in_child(
    connection: Connection, folder: Path, workload: str | int, fault: FailurePoint | None, output: Path
) -> None:
    """In the process of the act."""
    from multiprocessing import resource_tracker

    for number, kind in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(output.with_suffix(output.suffix + kind), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    os.environ[PROCESS_MARK] = str(folder)
    # What is killed leaves its temporary files: they go with the folder.
    os.environ["TMPDIR"] = str(folder)
    # Its own, outside the group that is killed, so that it gives back the semaphores of those that were.
    resource_tracker._resource_tracker.__init__()  # type: ignore[misc]
    resource_tracker.ensure_running()
    os.setpgid(0, 0)
    _allow_tracing()
    sys.path.insert(0, "")
    # So that a worker of a run begins as it does under the command.
    sys.modules["__main__"] = import_module("winnow.cli.main")
    connection.send("ready")
    connection.recv()
    with install_failure_point(fault):
        _run_reporting_errors(_find_workload(workload))


def _find_workload(act: str | int) -> Workload:
    """An act by its name, a run by its number of workers, or a function of ours by module:name."""
    if isinstance(act, int):
        return RUNS_BY_WORKERS[act]
    module, _, name = act.partition(":")
    found: Workload = getattr(import_module(module), name) if name else WORKLOADS[act]
    return found


def _run_reporting_errors(act: Workload) -> None:
    """Faults end in words and an exit code, as a command's do."""
    from winnow.errors import WinnowError

    try:
        act()
    except WinnowError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _allow_tracing() -> None:
    """Let a process that is no ancestor trace this one, where the system asks for that."""
    import ctypes

    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER, any


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A place on disk for many small folders, which goes in the end."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="winnow-faults-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def parse_output(ended_: ProcessResult) -> dict[str, Any]:
    """What a command said with --json."""
    found: dict[str, Any] = json.loads(ended_.stdout)
    return found


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_FORKSERVER = get_context("forkserver")
_FORKSERVER.set_forkserver_preload(PRELOADED_MODULES)
