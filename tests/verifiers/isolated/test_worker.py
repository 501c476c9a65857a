"""The process a function runs in: what it is given, what is checked first, when it ends."""

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

from tests.verifiers.isolated.verifier_calls import Bad, judged
from winnow.errors import EnvironmentFault, UsageError
from winnow.verifiers.isolated.verifier import IsolatedVerifier
from winnow.verifiers.registry import make_verifier

JUDGE_BAD = """
import sys
import pyarrow as pa
from winnow.verifiers.named import verifier
from winnow.verifiers.verdicts import Batch
judge = verifier("bad_checks:" + sys.argv[1])
judge.judge(Batch(pa.array([sys.argv[2]])))
{}
"""


def alive(process: int) -> bool:
    """Whether there is such a process, and not only its entry in its parent's books."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(process: int) -> bool:
    """Whether it is gone, or goes within some seconds."""
    for _ in range(100):
        if not alive(process):
            return True
        time.sleep(0.1)
    return False


def worker_of(guarded: IsolatedVerifier) -> int:
    return int(judged(guarded, ["yes"]).score[0].as_py())


def started(name: str, text: str, after: str = "") -> subprocess.Popen[str]:
    """Another winnow, in the current folder, that judges a text with a bad function."""
    code = JUDGE_BAD.format(after)
    return subprocess.Popen([sys.executable, "-c", code, name, text], stdout=subprocess.PIPE, text=True)


def test_one_worker_serves_all_batches(bad: Bad) -> None:
    guarded = bad("where")
    assert len({worker_of(guarded) for _ in range(3)}) == 1
    assert guarded.caller.workers_started == 1


def test_closing_ends_the_worker_and_judging_again_starts_another(bad: Bad) -> None:
    guarded = bad("where")
    first = worker_of(guarded)
    guarded.close()
    assert not alive(first)
    assert worker_of(guarded) != first


def test_a_verifier_that_nobody_holds_leaves_no_process(here: Path) -> None:
    guarded = make_verifier("bad_checks:where")
    assert isinstance(guarded, IsolatedVerifier)
    worker = worker_of(guarded)
    del guarded
    assert gone(worker)


def test_a_worker_ends_with_the_program_that_did_not_close_it(here: Path) -> None:
    with started("where", "yes", "print(judge.calls._worker._process.pid)") as program:
        said, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    assert gone(int(said))


@pytest.mark.skipif(sys.platform != "linux", reason="a busy worker is told of its parent's death on Linux only")
@pytest.mark.parametrize("name", ["leaves_children_and_hangs", "hangs_in_c"])
def test_a_killed_program_leaves_no_worker_even_in_the_middle_of_a_call(here: Path, name: str) -> None:
    with started(name, "bad") as program:
        found: list[int] = []
        while not found and program.poll() is None:
            time.sleep(0.1)
            found = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and parent(p) == program.pid]
        time.sleep(0.5)
        program.kill()
    assert found
    assert all(gone(process) for process in found)
    if Path("ids").exists():
        os.kill(int(Path("ids").read_text().split()[1]), signal.SIGKILL)


def parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_ctrl_c_stops_a_call_and_ends_its_worker_with_all_it_started(here: Path) -> None:
    with started("leaves_children_and_hangs", "bad") as program:
        while not Path("ids").exists() or not Path("ids").read_text():
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        program.wait(60)
    assert program.returncode == -signal.SIGINT
    assert all(gone(int(process)) for process in Path("ids").read_text().split())


def test_answers_that_nobody_waited_for_are_not_taken_for_later_ones(bad: Bad, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = bad("fine")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("winnow.verifiers.isolated.worker._values", interrupted)
        judged(guarded, ["yes"] * 2000)
    assert set(judged(guarded, ["no"] * 2000).verdict.to_pylist()) == {"fail"}


def test_a_verifier_serves_another_thread_after_its_own_has_ended(bad: Bad) -> None:
    made: list[IsolatedVerifier] = []
    thread = threading.Thread(target=lambda: made.append(bad("fine")))
    thread.start()
    thread.join()
    assert judged(made[0], ["bad"]).verdict.to_pylist() == ["fail"]


def test_threads_may_share_a_verifier(bad: Bad) -> None:
    guarded = bad("exits_at_once")
    said: list[list[str]] = []
    texts = ["yes", "bad", "no"]
    threads = [
        threading.Thread(target=lambda: said.append(judged(guarded, texts).verdict.to_pylist())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [["pass", "error", "fail"]] * 4


def test_a_forked_program_starts_a_worker_of_its_own(here: Path) -> None:
    script = JUDGE_BAD.format(
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "child = os.fork()\n"
        "said = int(judge.judge(Batch(pa.array(['yes']))).score[0].as_py())\n"
        "print(said, flush=True)\n"
        "os.waitpid(child, 0) if child else os._exit(0)\n"
        "print(int(judge.judge(Batch(pa.array(['yes']))).score[0].as_py()))"
    )
    command = [sys.executable, "-c", script, "where", "yes"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert sorted(map(done.stdout.split().count, set(done.stdout.split()))) == [1, 2]


def test_columns_arrive_as_the_values_they_are(bad: Bad, here: Path) -> None:
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
    (here / "expected").write_text(ascii(values))
    assert judged(bad("same_column"), ["yes"] * len(values), column=values).verdict.to_pylist() == ["pass"] * len(
        values
    )


def test_a_value_that_cannot_leave_this_process_is_refused_with_a_way_out(bad: Bad) -> None:
    for value in (lambda: None, threading.Lock()):
        with pytest.raises(UsageError, match=r"a column holds values that cannot be handed.*give the function itself"):
            judged(bad("same_column"), ["yes"], column=[value])


def test_limits_are_options_and_part_of_the_identity(bad: Bad) -> None:
    plain = bad("fine").config()
    assert (plain["seconds"], plain["memory_gb"]) == (60.0, 4.0)
    assert bad("fine", seconds="2").config() == {**plain, "seconds": 2.0}
    assert bad("fine", memory_gb=1).config() == {**plain, "memory_gb": 1.0}


@pytest.mark.parametrize(("option", "value"), [("seconds", 0), ("seconds", "inf"), ("memory_gb", -1)])
def test_a_limit_that_limits_nothing_is_refused(bad: Bad, option: str, value: object) -> None:
    with pytest.raises(UsageError, match=re.escape(f"fine.{option}: ") + ".*is not a finite number over 0"):
        bad("fine", **{option: value})


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(3)", "cannot import dies_early: it ended its worker (exit code 3)"),
        ("import ctypes; ctypes.string_at(0)", "cannot import dies_early: it killed its worker (signal 11)"),
        ("x = [bytearray(10**6) for _ in range(10**4)]", "it ran out of memory (limit 0.2 GB)"),
        ("import time; time.sleep(60)", "cannot import dies_early: it took longer than 1 s"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    monkeypatch.setattr("winnow.verifiers.isolated.worker.LOADING", 1.0)
    (here / "dies_early.py").write_text(f"{code}\ndef check(completions): return completions\n")
    with pytest.raises(UsageError, match=re.escape(words)):
        make_verifier("dies_early:check", {"memory_gb": 0.2})


def test_a_file_edited_while_it_judges_is_refused(bad: Bad, here: Path) -> None:
    guarded = bad("exits_at_once")
    with (here / "bad_checks.py").open("a") as file:
        file.write("# edited\n")
    with pytest.raises(UsageError, match="edited while it judged"):
        judged(guarded, ["bad", "yes"])


def test_a_folder_that_is_gone_is_an_environment_fault(bad: Bad, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = here / "inner"
    inner.mkdir()
    (here / "bad_checks.py").rename(inner / "bad_checks.py")
    monkeypatch.chdir(inner)
    guarded = bad("fine")
    guarded.close()
    monkeypatch.chdir(here)
    (inner / "bad_checks.py").unlink()
    inner.rmdir()
    with pytest.raises(EnvironmentFault, match="the process it runs in cannot be started"):
        judged(guarded, ["yes"])
