"""Faults around the folder of a run: concurrent runs, locks of dead runs, read-only folders and full disks.

One run works in a folder, and others are refused. The lock of a dead run does not block later runs. A fault of the
machine ends in exit code 3 and a message with the path, and the same command continues when the fault is gone. The
figures name what could not be tested on this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from fault_injection.workloads import (
    RUN_ARGUMENTS,
    AreaResult,
    FileHashes,
    WorkloadProcess,
    describe_differences,
    find_survivors,
    hash_files,
    parse_output,
    prepare_folder,
    run_workload,
    temporary_folder,
    use_slow_checker,
)

CONCURRENT_RUNS = 8
LOCK_MESSAGE = "another run is "
PAGE = 4096
NEW_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
FULL_DISK_SCRIPT = """mount -t tmpfs -o "size=$1k" tmpfs out || exit 90
"$2" -m winnow.cli.main {run} >full.out 2>full.err; code=$?
mount -o remount,size=64m out || exit 90
"$2" -m winnow.cli.main {run} >again.out 2>again.err || exit 91
cp -a out left
exit $code"""
# Files are limited to this many blocks of 512 bytes.
FILE_LIMIT_SCRIPT = """ulimit -f "$1" || exit 90
exec "$2" -m winnow.cli.main {run} >full.out 2>full.err"""
WITHOUT_ROOT_PRIVILEGES = [
    "setpriv",
    "--inh-caps=-dac_override,-dac_read_search",
    "--bounding-set=-dac_override,-dac_read_search",
]


@dataclass
class FolderTally:
    """The figures of the tests so far, and the promises that they broke."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, message: str) -> None:
        """Record a broken promise unless it holds."""
        if not holds:
            self.broken.append(message)


def inject_folder_faults(sizes: int, seed: int = 0) -> AreaResult:
    """Test each case once, and full disks of this many sizes; nothing is random here."""
    tally = FolderTally()
    with temporary_folder() as place:
        template = prepare_folder(place / "template")
        shutil.copytree(template, place / "slow")
        slow = use_slow_checker(place / "slow")
        _start_concurrent_runs(slow, place / "concurrent", tally)
        _kill_main_process(slow, place / "killed", tally)
        whole = place / "whole"
        shutil.copytree(template, whole)
        run_workload(whole, "a whole run")
        expected = hash_files(whole / "out")
        _deny_writing(template, place, expected, tally)
        _fill_disks(template, place, expected, sizes, tally)
    return AreaResult("folders", {**tally.figures, "promises broken": len(tally.broken)}, tally.broken)


def _start_concurrent_runs(template: Path, folder: Path, tally: FolderTally) -> None:
    """Start eight runs in one folder: one works; the others are refused, or find the work finished if they are late."""
    shutil.copytree(template, folder)
    processes = [WorkloadProcess(folder, 0, number=number) for number in range(CONCURRENT_RUNS)]
    for process in processes:
        process.begin()
    results = [process.wait() for process in processes]
    refused = [result for result in results if result.code == 2 and LOCK_MESSAGE in result.stderr]
    working = [
        result
        for result in results
        if result.code == 0 and not all(stage["already_done"] for stage in parse_output(result)["stages"])
    ]
    tally.figures |= {"runs started at once in one folder": len(results)}
    tally.figures |= {"runs that got the lock": len(working), "runs refused": len(refused)}
    tally.expect(len(working) == 1, f"{len(working)} of {CONCURRENT_RUNS} runs worked in one folder at once")
    others = [result for result in results if result not in refused and result not in working and result.code]
    tally.expect(
        not others, f"concurrent runs ended with other errors: {[(run.code, run.stderr[-300:]) for run in others]}"
    )
    tally.expect(run_workload(folder, 0).code == 0, "a run cannot continue after concurrent runs")


def _kill_main_process(template: Path, folder: Path, tally: FolderTally) -> None:
    """Kill only the main process: its child processes must end with it, and its lock must not block a new run."""
    undisturbed = folder.with_name("concurrent")
    shutil.copytree(template, folder)
    process = WorkloadProcess(folder, 2)
    process.begin()
    attempts = 200
    while not list((folder / "out").rglob(".part-*.receipt.json")) and (attempts := attempts - 1):
        sleep(0.05)
    process.kill(tree=False)
    process.wait()
    survivors = find_survivors(folder)
    tally.figures |= {"processes left by a killed run": len(survivors), "stale locks that block a run": 0}
    tally.expect(not survivors, f"a killed run left processes running: {survivors}")
    tally.expect(
        (folder / "out" / ".lock").is_file(), "the killed run had not locked its folder, so nothing was tested"
    )
    again = run_workload(folder, 0)
    tally.figures["stale locks that block a run"] = int(again.code != 0)
    tally.expect(again.code == 0, f"the lock of a dead run blocks a new run: {again.stderr[-300:]}")
    for difference in describe_differences(hash_files(folder / "out"), hash_files(undisturbed / "out")):
        tally.broken.append(f"after a kill of the main process {difference}")


def _deny_writing(template: Path, place: Path, expected: FileHashes, tally: FolderTally) -> None:
    """Run in a read-only folder, then make it writable; root drops its privileges by setpriv where possible."""
    prefix = WITHOUT_ROOT_PRIVILEGES if os.geteuid() == 0 else []
    if prefix and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        tally.figures["read-only folders"] = "not tested: root may write everywhere"
        return
    for number, read_only in enumerate(("out", "")):
        folder = place / f"read-only {number}"
        shutil.copytree(template, folder)
        (folder / "out").mkdir(exist_ok=True)
        if not read_only:
            (folder / "out").rmdir()
        (folder / read_only).chmod(0o555)
        result = _run_command(folder, [*prefix, sys.executable, "-m", "winnow.cli.main", *RUN_ARGUMENTS])
        tally.expect(
            _is_reported_error(result),
            f"a run in a read-only folder ended with {result.returncode}: {result.stderr[-300:]}",
        )
        (folder / read_only).chmod(0o755)
        tally.expect(
            run_workload(folder, "a whole run").code == 0, "a run cannot continue in a folder that was read-only"
        )
        tally.broken += [
            f"after a read-only folder {difference}"
            for difference in describe_differences(hash_files(folder / "out"), expected)
        ]
    tally.figures["read-only folders"] = 2


def _fill_disks(template: Path, place: Path, expected: FileHashes, sizes: int, tally: FolderTally) -> None:
    """Run on disks that are too small, then enlarge them; where no disk can be mounted, limit the size of files."""
    probe = [*NEW_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", str(place)]
    can_mount = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    full_disks = 0
    for size in _choose_sizes(expected, place / "whole" / "out", sizes, can_mount):
        folder = place / f"full {size}"
        shutil.copytree(template, folder)
        (folder / "out").mkdir(exist_ok=True)
        script = (FULL_DISK_SCRIPT if can_mount else FILE_LIMIT_SCRIPT).format(run=" ".join(RUN_ARGUMENTS))
        command = [*(NEW_NAMESPACE if can_mount else []), "sh", "-c", script, "sh", str(size), sys.executable]
        result = _run_command(folder, command)
        result.stderr += (folder / "full.err").read_text()
        full_disks += result.returncode == 3
        tally.expect(
            _is_reported_error(result), f"a disk of {size} kB ended with {result.returncode}: {result.stderr[-300:]}"
        )
        if not can_mount:
            tally.expect(run_workload(folder, "a whole run").code == 0, "a run cannot continue when there is space")
        left = hash_files(folder / ("left" if can_mount else "out"))
        tally.broken += [
            f"after a full disk of {size} kB {difference}" for difference in describe_differences(left, expected)
        ]
        shutil.rmtree(folder)
    tally.figures["full disks"] = full_disks
    tally.figures["full disk simulated by"] = "a small tmpfs" if can_mount else "a limit on the size of files"


def _choose_sizes(expected: FileHashes, out: Path, count: int, can_mount: bool) -> list[int]:
    """Return sizes from far too small to just too small: in kB for a disk, in blocks for a limit on file sizes."""
    files = [(out / name).stat().st_size for name in expected]
    # A tmpfs counts whole pages.
    pages = sum(-(-size // PAGE) for size in files) - 1
    positions = [number / max(count - 1, 1) for number in range(count)]
    if can_mount:
        return sorted({(1 + round((pages - 1) * position)) * PAGE // 1024 for position in positions})
    return sorted({round(max(files) // 512 * position) for position in positions})


def _run_command(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    # Relative import paths must also hold in another working directory.
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths}
    )


def _is_reported_error(result: subprocess.CompletedProcess[str]) -> bool:
    return result.returncode == 3 and "out" in result.stderr and "Traceback" not in result.stderr
