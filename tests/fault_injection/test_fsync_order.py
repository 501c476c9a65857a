"""Every file is synced before it is renamed, and violations are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection.fsync_order import check_fsync_order, find_disorder, trace_workload
from fault_injection.tracing import SystemCall, can_trace, parse_calls
from fault_injection.workloads import prepare_folder

STRACE = pytest.mark.skipif(not can_trace(), reason="strace is missing or may not trace")
OUT = Path("work/out")


@STRACE
@pytest.mark.slow
def test_every_workload_syncs_files_and_folders_in_order() -> None:
    result = check_fsync_order()
    assert result.broken == []
    assert result.figures["calls that rename"] > 50


@STRACE
def test_a_trace_shows_every_renamed_file(tmp_path: Path) -> None:
    calls = trace_workload(prepare_folder(tmp_path / "work", "a store's receipt"), "a store's receipt")
    targets = [call.target for call in calls if call.kind == "rename"]
    store = tmp_path / "work" / "out" / "store"
    assert targets == [store / "part-00000.parquet", store / "receipt.json"]
    assert list(find_disorder(calls, tmp_path / "work" / "out")) == []


def parse_lines(*lines: str) -> list[SystemCall]:
    """Return calls of one thread from lines such as 'rename a b' and 'fsync a'."""
    calls = []
    for line in lines:
        name, *paths = line.split()
        target = OUT / paths[1] if len(paths) > 1 else None
        calls.append(SystemCall(7, name, 1, OUT / paths[0] if paths[0] != "out" else OUT, target))
    return calls


GOOD = ("openat .a.7.partial", "write .a.7.partial", "fsync .a.7.partial", "rename .a.7.partial a", "fsync out")


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        (GOOD, []),
        ((*GOOD[:2], *GOOD[3:]), ["out/.a.partial was renamed before its last byte was synced"]),
        ((GOOD[0], GOOD[2], GOOD[1], *GOOD[3:]), ["out/.a.partial was renamed before its last byte was synced"]),
        (GOOD[:4], ["out/.a.partial was renamed but the folder out was not synced before the next rename"]),
        (("openat a", "write a"), ["out/a was written under its final name"]),
        (("openat log.jsonl", "write log.jsonl"), []),
        (("mkdir store", "fsync out"), []),
        (("mkdir store", *GOOD[:4], "fsync out"), ["out/store was created, but its parent folder was not synced"]),
    ],
)
def test_a_wrong_order_is_reported(lines: tuple[str, ...], problems: list[str]) -> None:
    assert list(find_disorder(parse_lines(*lines), OUT)) == problems


TRACE = """\
7 openat(AT_FDCWD</job>, "out/.a.7.partial", O_WRONLY|O_CREAT, 0666) = 3</job/out/.a.7.partial>
7 write(3</job/out/.a.7.partial>, ""..., 4) = 4
8 fsync(3</job/out/.a.7.partial> <unfinished ...>
7 openat(AT_FDCWD</job>, "out/a", O_RDONLY) = -1 ENOENT (No such file or directory)
8 <... fsync resumed>) = 0
7 rename("out/.a.7.partial", "out/a") = 0
7 unlinkat(4</job/out/b>, "c", 0) = 0
7 write(1</x/output>, ""..., 9) = -1 EIO (Input/output error) (INJECTED)
"""


def test_a_trace_is_parsed_with_threads_relative_paths_and_open_folders(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(TRACE)
    calls = [(call.thread, call.name, call.nth, str(call.path)) for call in parse_calls(tmp_path / "log", Path("/job"))]
    assert calls == [
        (7, "openat", 1, "/job/out/.a.7.partial"),
        (7, "write", 1, "/job/out/.a.7.partial"),
        (8, "fsync", 1, "/job/out/.a.7.partial"),
        (7, "rename", 1, "/job/out/.a.7.partial"),
        (7, "unlinkat", 1, "/job/out/b/c"),
        (7, "write", 2, "/x/output"),
    ]
