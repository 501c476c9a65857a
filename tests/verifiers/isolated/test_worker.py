"""The worker process of a function: what it receives, what is checked first, and when it ends."""

from __future__ import annotations

import datetime
import decimal
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.verifiers.isolated.verifier_calls import MakeBadVerifier, judge_texts
from winnow.errors import EnvironmentFault, UsageError
from winnow.verifiers.function_verifier import IsolatedVerifier
from winnow.verifiers.registry import make_verifier

JUDGE_BAD = """
import sys
import pyarrow as pa
from winnow.verifiers.registry import make_verifier
from winnow.verifiers.verdicts import Batch
judge = make_verifier("bad_checks:" + sys.argv[1])
judge.judge(Batch(pa.array([sys.argv[2]])))
{}
"""


def is_alive(process: int) -> bool:
    """Whether there is such a process, other than a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_gone(process: int) -> bool:
    """Whether the process ends within some seconds."""
    for _ in range(100):
        if not is_alive(process):
            return True
        time.sleep(0.1)
    return False


def worker_pid(verifier: IsolatedVerifier) -> int:
    return int(judge_texts(verifier, ["yes"]).score[0].as_py())


def run_program(name: str, text: str, extra_code: str = "") -> subprocess.Popen[str]:
    """Start a program in the current folder that judges a text with a bad function."""
    code = JUDGE_BAD.format(extra_code)
    return subprocess.Popen([sys.executable, "-c", code, name, text], stdout=subprocess.PIPE, text=True)


def test_one_worker_serves_all_batches(bad: MakeBadVerifier) -> None:
    verifier = bad("where")
    assert len({worker_pid(verifier) for _ in range(3)}) == 1
    assert verifier.caller.workers_started == 1


def test_closing_ends_the_worker_and_judging_again_starts_another(bad: MakeBadVerifier) -> None:
    verifier = bad("where")
    first = worker_pid(verifier)
    verifier.close()
    assert not is_alive(first)
    assert worker_pid(verifier) != first


def test_a_verifier_without_references_leaves_no_process(folder: Path) -> None:
    verifier = make_verifier("bad_checks:where")
    assert isinstance(verifier, IsolatedVerifier)
    worker = worker_pid(verifier)
    del verifier
    assert is_gone(worker)


def test_a_worker_ends_with_the_program_that_did_not_close_it(folder: Path) -> None:
    with run_program("where", "yes", "print(int(judge.judge(Batch(pa.array(['yes']))).score[0].as_py()))") as program:
        output, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    assert is_gone(int(output))


@pytest.mark.skipif(sys.platform != "linux", reason="a busy worker learns of the death of its parent on Linux only")
@pytest.mark.parametrize("name", ["leaves_children_and_hangs", "hangs_in_c"])
def test_a_killed_program_leaves_no_worker_even_in_the_middle_of_a_call(folder: Path, name: str) -> None:
    with run_program(name, "bad") as program:
        workers: list[int] = []
        while not workers and program.poll() is None:
            time.sleep(0.1)
            workers = [
                int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and parent_pid(p) == program.pid
            ]
        time.sleep(0.5)
        program.kill()
    assert workers
    assert all(is_gone(process) for process in workers)
    if Path("ids").exists():
        os.kill(int(Path("ids").read_text().split()[1]), signal.SIGKILL)


def parent_pid(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_ctrl_c_stops_a_call_and_ends_its_worker_with_all_it_started(folder: Path) -> None:
    with run_program("leaves_children_and_hangs", "bad") as program:
        while not Path("ids").exists() or not Path("ids").read_text():
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        program.wait(60)
    assert program.returncode == -signal.SIGINT
    assert all(is_gone(int(process)) for process in Path("ids").read_text().split())


def test_answers_to_an_interrupted_call_are_not_used_for_the_next_call(
    bad: MakeBadVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = bad("fine")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("winnow.verifiers.isolated.worker._parse_values", interrupted)
        judge_texts(verifier, ["yes"] * 2000)
    assert set(judge_texts(verifier, ["no"] * 2000).verdict.to_pylist()) == {"fail"}


def test_a_verifier_serves_another_thread_after_its_own_has_ended(bad: MakeBadVerifier) -> None:
    verifiers: list[IsolatedVerifier] = []
    thread = threading.Thread(target=lambda: verifiers.append(bad("fine")))
    thread.start()
    thread.join()
    assert judge_texts(verifiers[0], ["bad"]).verdict.to_pylist() == ["fail"]


def test_threads_may_share_a_verifier(bad: MakeBadVerifier) -> None:
    verifier = bad("exits_at_once")
    answers: list[list[str]] = []
    texts = ["yes", "bad", "no"]
    threads = [
        threading.Thread(target=lambda: answers.append(judge_texts(verifier, texts).verdict.to_pylist()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [["pass", "error", "fail"]] * 4


def test_a_forked_program_starts_a_worker_of_its_own(folder: Path) -> None:
    script = JUDGE_BAD.format(
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "child = os.fork()\n"
        "pid = int(judge.judge(Batch(pa.array(['yes']))).score[0].as_py())\n"
        "print(pid, flush=True)\n"
        "os.waitpid(child, 0) if child else os._exit(0)\n"
        "print(int(judge.judge(Batch(pa.array(['yes']))).score[0].as_py()))"
    )
    command = [sys.executable, "-c", script, "where", "yes"]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert sorted(map(completed.stdout.split().count, set(completed.stdout.split()))) == [1, 2]


def test_columns_arrive_as_the_values_they_are(bad: MakeBadVerifier, folder: Path) -> None:
    values: list[object] = [
        1,
        2.5,
        True,
        None,
        {"a": [1, None]},
        ("t",),
        b"\0",
        "\ud800",
        decimal.Decimal("1.10"),
        datetime.date(2024, 2, 29),
        10**30,
    ]
    (folder / "expected").write_text(ascii(values))
    assert judge_texts(bad("same_column"), ["yes"] * len(values), column=values).verdict.to_pylist() == ["pass"] * len(
        values
    )


def test_a_value_that_cannot_leave_this_process_is_refused_with_a_way_out(bad: MakeBadVerifier) -> None:
    for value in (lambda: None, threading.Lock()):
        with pytest.raises(UsageError, match=r"a column holds values that cannot be sent.*pass the function itself"):
            judge_texts(bad("same_column"), ["yes"], column=[value])


def test_limits_are_options_and_part_of_the_identity(bad: MakeBadVerifier) -> None:
    plain = bad("fine").config()
    assert (plain["seconds"], plain["memory_gb"]) == (60.0, 4.0)
    assert bad("fine", seconds="2").config() == {**plain, "seconds": 2.0}
    assert bad("fine", memory_gb=1).config() == {**plain, "memory_gb": 1.0}


@pytest.mark.parametrize(("option", "value"), [("seconds", 0), ("seconds", "inf"), ("memory_gb", -1)])
def test_a_limit_that_limits_nothing_is_refused(bad: MakeBadVerifier, option: str, value: object) -> None:
    with pytest.raises(UsageError, match=re.escape(f"fine.{option}: ") + ".*is not a finite number above 0"):
        bad("fine", **{option: value})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os._exit(3)", "cannot import dies_early: the import ended its worker (exit code 3)"),
        ("import ctypes; ctypes.string_at(0)", "cannot import dies_early: the import killed its worker (signal 11)"),
        ("x = [bytearray(10**6) for _ in range(10**4)]", "the import ran out of memory (limit 0.2 GB)"),
        ("import time; time.sleep(60)", "cannot import dies_early: the import took longer than 1 s"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    if "took longer" in message:
        monkeypatch.setattr("winnow.verifiers.isolated.worker.IMPORT_TIMEOUT", 1.0)
    (folder / "dies_early.py").write_text(f"{code}\ndef check(completions): return completions\n")
    with pytest.raises(UsageError, match=re.escape(message)):
        make_verifier("dies_early:check", {"memory_gb": 0.2})


def test_a_file_edited_while_it_judges_is_refused(bad: MakeBadVerifier, folder: Path) -> None:
    verifier = bad("exits_at_once")
    with (folder / "bad_checks.py").open("a") as file:
        file.write("# edited\n")
    with pytest.raises(UsageError, match="edited during the run"):
        judge_texts(verifier, ["bad", "yes"])


def test_a_folder_that_is_gone_is_an_environment_fault(
    bad: MakeBadVerifier, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (folder / "bad_checks.py").rename(inner / "bad_checks.py")
    monkeypatch.chdir(inner)
    verifier = bad("fine")
    verifier.close()
    monkeypatch.chdir(folder)
    (inner / "bad_checks.py").unlink()
    inner.rmdir()
    with pytest.raises(EnvironmentFault, match="the process of the function cannot be started"):
        judge_texts(verifier, ["yes"])
