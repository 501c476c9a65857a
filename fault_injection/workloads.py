"""The workloads into which faults are injected, and the processes that run them.

A workload is a small piece of work in a folder of its own. It leaves its results in `out/` and can be repeated. It runs
in a process forked from one that has imported everything, so that faults hit the work and not the imports. What must
hold after a fault is defined in the modules of each area.
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

from fault_injection.sample_run import write_sample_run
from fault_injection.tracing import FailurePoint, install_failure_point

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
winnow.cli.main winnow.cli.run winnow.cli.rows winnow.pipeline.run winnow.pipeline.steps winnow.pipeline.select_step
winnow.stages.select winnow.stages.verify.stage winnow.verifiers.answers.number winnow.verifiers.answers.exact
pydantic.type_adapter duckdb pyarrow.parquet pyarrow.json pyarrow.csv yaml rich.console rich.progress scipy.special
""".split()
UNHASHED_FILES = (".lock", "log.jsonl")
"""Files that are not part of any result: the lock, and the log with times and host names."""
PROCESS_MARK = "WINNOW_FAULTS"

Workload = Callable[[], None]
FileHashes = dict[str, str]
Item = TypeVar("Item")
Output = TypeVar("Output")


@dataclass
class AreaResult:
    """The figures of an area of faults, and the promises that were broken."""

    area: str
    figures: dict[str, Any]
    broken: list[str] = field(default_factory=list)


def make_command(*arguments: str) -> Workload:
    """Return a workload that runs a command of winnow."""

    def run() -> None:
        from winnow.cli.main import app

        app(list(arguments))

    return run


def write_one_shard(rows: int = 2000) -> None:
    """Write a shard and its receipt as a worker of a run does."""
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
    """Write a store with one shard and its receipt."""
    import pyarrow as pa

    from winnow.storage.receipts import RowCounts, WorkSpec
    from winnow.storage.store import find_finished_receipt, prepare_store_folder, write_store

    work, target = WorkSpec("count", 1, {}, {"format": "memory", "files": []}), Path("out/store")
    if find_finished_receipt(target, work) is None:
        prepare_store_folder(target)
        batch = pa.RecordBatch.from_pydict({"row": list(range(2000))})
        write_store(target, "count", work, batch.schema, [batch], lambda: RowCounts(2000, 2000))


RUN_ARGUMENTS = ("run", "recipe.yaml", "--engine", "inline", "--json")
COLUMN_OPTIONS = ("--text", "answer", "--reference", "gold", "--prompt", "task")
VERIFY_ARGUMENTS = ("verify", "c.jsonl", "--with", "exact", *COLUMN_OPTIONS, "--out", "out/v.jsonl")
SELECT_RULES = ("--score", "judge", "--best-of", "2", "--prompt", "task")
SELECT_ARGUMENTS = ("select", "c.jsonl", *SELECT_RULES, "--control", "out/c.csv", "--out", "out/s.parquet")
WORKLOADS: dict[str, Workload] = {
    "a shard and its receipt": write_one_shard,
    "a store's receipt": write_one_store,
    "a flat file of verdicts": make_command(*VERIFY_ARGUMENTS),
    "a flat selection in Parquet": make_command(*SELECT_ARGUMENTS),
    "a whole run": make_command(*RUN_ARGUMENTS),
    "a run that replaces an earlier one": make_command(*RUN_ARGUMENTS, "--set", "seed=4"),
    "a run that continues an unfinished one": make_command(*RUN_ARGUMENTS),
}
RUNS_BY_WORKERS: dict[int, Workload] = {
    workers: make_command("run", "recipe.yaml", "--json", "--set", f"engine.workers={workers}") for workers in (0, 2)
}


def prepare_folder(folder: Path, name: str = "a whole run", prompts: int = 30) -> Path:
    """Prepare the folder of a workload: its input and the results of an earlier run."""
    write_sample_run(folder, prompts)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "out").mkdir()
    if name.startswith("a run that replaces"):
        assert run_workload(folder, "a whole run").code == 0
    if name.startswith("a run that continues"):
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
    """Change the recipe to a slow verifier function of the user; return the folder."""
    recipe = (folder / "recipe.yaml").read_text().splitlines()
    lines = [SLOW_CHECKER_LINE if line.startswith("verify:") else line for line in recipe]
    (folder / "recipe.yaml").write_text("\n".join(lines) + "\n")
    (folder / "checks.py").write_text("import time\n\n\n" + (folder / "checks.py").read_text().replace(
        "    return", "    time.sleep(1)\n    return"))  # fmt: skip
    return folder


def hash_files(out: Path) -> FileHashes:
    """Return the sha256 of every file that is part of a result."""
    files = sorted(path for path in out.rglob("*") if path.is_file() and path.name not in UNHASHED_FILES)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def describe_differences(actual: FileHashes, expected: FileHashes) -> list[str]:
    """Describe how results differ from those of an undisturbed run."""
    changed = [name for name in expected if name in actual and actual[name] != expected[name]]
    missing = [f"{name} is missing" for name in expected if name not in actual]
    left_over = [f"{name} is left over" for name in actual if name not in expected]
    return [*(f"{name} has other bytes" for name in changed), *missing, *left_over]


@dataclass(frozen=True)
class ProcessResult:
    """How a process ended and what it printed; a negative code is the signal that killed it."""

    code: int
    stdout: str
    stderr: str


class WorkloadProcess:
    """A workload in a process of its own, which waits for `begin`."""

    def __init__(self, folder: Path, workload: str | int, fault: FailurePoint | None = None, number: int = 0) -> None:
        self._output = folder / f"output.{number}"
        self._connection, child_connection = _FORKSERVER.Pipe()
        self._process: ForkServerProcess = _FORKSERVER.Process(
            target=_run_in_child, args=(child_connection, folder, workload, fault, self._output)
        )
        self._process.start()
        child_connection.close()
        assert self._process.pid is not None
        self.pid = self._process.pid
        assert self._connection.recv() == "ready"

    def begin(self) -> None:
        """Let the workload start."""
        self._connection.send("begin")

    def ends_within(self, seconds: float) -> bool:
        """Whether the process ends within this time."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def kill(self, tree: bool = True) -> None:
        """Send SIGKILL to all its processes at once, or to the main process alone."""
        # The process may have ended just before.
        with suppress(ProcessLookupError):
            (os.killpg if tree else os.kill)(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = 120) -> ProcessResult:
        """Wait for the end of the process; one that hangs is killed and is an error."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            self.kill()
            raise TimeoutError(f"did not end in {seconds} s")
        self._process.close()
        self._connection.close()
        out, err = (self._output.with_suffix(self._output.suffix + kind).read_text() for kind in (".out", ".err"))
        return ProcessResult(code, out, err)


def run_workload(folder: Path, workload: str | int, fault: FailurePoint | None = None) -> ProcessResult:
    """Run a workload from beginning to end."""
    process = WorkloadProcess(folder, workload, fault)
    process.begin()
    return process.wait()


def map_in_processes(function: Callable[[Item], Output], items: Sequence[Item], processes: int) -> Iterator[Output]:
    """Apply a function to every item in this many processes, and yield the results in order."""
    if min(processes, len(items)) < 2:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(min(processes, len(items)), get_context("spawn")) as pool:
        yield from pool.map(function, items)


def find_survivors(folder: Path, seconds: float = 5) -> list[str]:
    """List the processes of killed workloads that still run in this folder after some seconds."""
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
    from multiprocessing import resource_tracker

    for number, kind in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(output.with_suffix(output.suffix + kind), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    os.environ[PROCESS_MARK] = str(folder)
    # Killed processes leave their temporary files, which are removed with the folder.
    os.environ["TMPDIR"] = str(folder)
    # A resource tracker outside of the killed process group, so that it frees the semaphores of killed processes.
    resource_tracker._resource_tracker.__init__()  # type: ignore[misc]
    resource_tracker.ensure_running()
    os.setpgid(0, 0)
    _allow_tracing()
    sys.path.insert(0, "")
    # Workers of a run start as they do under the command.
    sys.modules["__main__"] = import_module("winnow.cli.main")
    connection.send("ready")
    connection.recv()
    with install_failure_point(fault):
        _run_reporting_errors(_find_workload(workload))


def _find_workload(workload: str | int) -> Workload:
    """Find a workload by its name, a run by its number of workers, or a function as module:name."""
    if isinstance(workload, int):
        return RUNS_BY_WORKERS[workload]
    module, _, name = workload.partition(":")
    found: Workload = getattr(import_module(module), name) if name else WORKLOADS[workload]
    return found


def _run_reporting_errors(workload: Workload) -> None:
    """Run a workload and turn an error of winnow into a message and an exit code, as a command does."""
    from winnow.errors import WinnowError

    try:
        workload()
    except WinnowError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _allow_tracing() -> None:
    """Permit every process to trace this one, which some systems allow to ancestors only."""
    import ctypes

    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER, any


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a temporary folder on disk."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="winnow-faults-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def parse_output(result: ProcessResult) -> dict[str, Any]:
    """Parse the document that a command printed with --json."""
    document: dict[str, Any] = json.loads(result.stdout)
    return document


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_FORKSERVER = get_context("forkserver")
_FORKSERVER.set_forkserver_preload(PRELOADED_MODULES)
