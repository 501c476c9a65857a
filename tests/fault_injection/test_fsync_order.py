"""Nothing takes its name before it is safe on disk, and what does is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_injection.fsync_order import check_fsync_order, find_disorder, trace_workload
from fault_injection.tracing import SystemCall, can_trace, parse_calls
from fault_injection.workloads import prepare_folder

STRACE = pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace")
OUT = Path("act/out")


@STRACE
@pytest.mark.slow
def test_every_name_a_command_gives_is_forced_to_disk_in_order() -> None:
    found = check_fsync_order()
    assert found.broken == []
    assert found.figures["calls that rename"] > 50


@STRACE
def test_a_trace_shows_every_file_that_gets_a_name(tmp_path: Path) -> None:
    found = trace_workload(prepare_folder(tmp_path / "act", "a store's receipt"), "a store's receipt")
    named = [call.target for call in found if call.kind == "rename"]
    store = tmp_path / "act" / "out" / "store"
    assert named == [store / "part-00000.parquet", store / "receipt.json"]
    assert list(find_disorder(found, tmp_path / "act" / "out")) == []


def done(*lines: str) -> list[SystemCall]:
    """Calls of one thread: 'rename a b', 'fsync a'."""
    found = []
    for line in lines:
        name, *paths = line.split()
        target = OUT / paths[1] if len(paths) > 1 else None
        found.append(SystemCall(7, name, 1, OUT / paths[0] if paths[0] != "out" else OUT, target))
    return found


GOOD = ("openat .a.7.partial", "write .a.7.partial", "fsync .a.7.partial", "rename .a.7.partial a", "fsync out")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (GOOD, []),
        ((*GOOD[:2], *GOOD[3:]), ["out/.a.partial took its name before its last byte was forced"]),
        ((GOOD[0], GOOD[2], GOOD[1], *GOOD[3:]), ["out/.a.partial took its name before its last byte was forced"]),
        (GOOD[:4], ["out/.a.partial took its name and the folder out was not forced before the next one did"]),
        (("openat a", "write a"), ["out/a was written in place"]),
        (("openat log.jsonl", "write log.jsonl"), []),
        (("mkdir store", "fsync out"), []),
        (("mkdir store", *GOOD[:4], "fsync out"), ["out/store was made and the entry of it not forced"]),
    ],
)
def test_what_is_out_of_order_is_told(lines: tuple[str, ...], words: list[str]) -> None:
    assert list(find_disorder(done(*lines), OUT)) == words


TRACE = """\
7 openat(AT_FDCWD</x/act>, "out/.a.7.partial", O_WRONLY|O_CREAT, 0666) = 3</x/act/out/.a.7.partial>
7 write(3</x/act/out/.a.7.partial>, ""..., 4) = 4
8 fsync(3</x/act/out/.a.7.partial> <unfinished ...>
7 openat(AT_FDCWD</x/act>, "out/a", O_RDONLY) = -1 ENOENT (No such file or directory)
8 <... fsync resumed>) = 0
7 rename("out/.a.7.partial", "out/a") = 0
7 unlinkat(4</x/act/out/b>, "c", 0) = 0
7 write(1</x/said>, ""..., 9) = -1 EIO (Input/output error) (INJECTED)
"""


def test_a_trace_is_read_with_threads_relative_names_and_open_folders(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(TRACE)
    found = [(one.thread, one.name, one.nth, str(one.path)) for one in parse_calls(tmp_path / "log", Path("/x/act"))]
    assert found == [
        (7, "openat", 1, "/x/act/out/.a.7.partial"),
        (7, "write", 1, "/x/act/out/.a.7.partial"),
        (8, "fsync", 1, "/x/act/out/.a.7.partial"),
        (7, "rename", 1, "/x/act/out/.a.7.partial"),
        (7, "unlinkat", 1, "/x/act/out/b/c"),
        (7, "write", 2, "/x/said"),
    ]
