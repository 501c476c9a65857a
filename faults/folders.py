"""What happens around the folder of a run: other runs, locks of the dead, folders nobody may write to, full disks.

One run at a time, and the others are told; a dead run's lock is nobody's; a fault of the machine ends in exit code 3
with the path, and the same command goes on when there is space and leave. What a machine does not allow to be tried
here is said to be left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from faults.acts import (
    RUN,
    Found,
    Started,
    State,
    document,
    ended,
    folders,
    made,
    own_checker,
    state,
    survivors,
    unlike,
)

AT_ONCE = 8
PAGE = 4096
NEW_SPACE = ["unshare", "--user", "--map-root-user", "--mount"]
FULL = """mount -t tmpfs -o "size=$1k" tmpfs out || exit 90
"$2" -m winnow.app.main {run} >full.out 2>full.err; code=$?
mount -o remount,size=64m out || exit 90
"$2" -m winnow.app.main {run} >again.out 2>again.err || exit 91
cp -a out left
exit $code"""
# A file may grow to so many blocks of 512 bytes and no further.
LIMITED = """ulimit -f "$1" || exit 90
exec "$2" -m winnow.app.main {run} >full.out 2>full.err"""
OWNER_OBEYS = ["setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search"]


@dataclass
class Tally:
    """What was tried and what was not as promised."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, words: str) -> None:
        """Something promised."""
        if not holds:
            self.broken.append(words)


def runs_and_folders(sizes: int, seed: int = 0) -> Found:
    """Each case once, and full disks of so many sizes; where it happens does not hang on chance."""
    tally = Tally()
    with folders() as place:
        template = made(place / "template")
        shutil.copytree(template, place / "own")
        own = own_checker(place / "own")
        _eight_at_once(own, place / "eight", tally)
        _killed_alone(own, place / "alone", tally)
        whole = place / "whole"
        shutil.copytree(template, whole)
        ended(whole, "a whole run")
        wanted = state(whole / "out")
        _not_to_be_written(template, place, wanted, tally)
        _full_disks(template, place, wanted, sizes, tally)
    return Found("folders", {**tally.figures, "otherwise than promised": len(tally.broken)}, tally.broken)


def _eight_at_once(template: Path, folder: Path, tally: Tally) -> None:
    """One at work, the others refused; whoever comes when it is done has nothing left to do."""
    shutil.copytree(template, folder)
    started = [Started(folder, 0, number=number) for number in range(AT_ONCE)]
    for one in started:
        one.begin()
    told = [one.end() for one in started]
    refused = [one for one in told if one.code == 2 and "another run is at work" in one.err]
    winners = [one for one in told if one.code == 0 and not all(s["already_done"] for s in document(one)["stages"])]
    tally.figures |= {"runs at once": len(told), "at work": len(winners), "refused": len(refused)}
    tally.expect(len(winners) == 1, f"{len(winners)} of {AT_ONCE} runs at once were at work in one folder")
    others = [one for one in told if one not in refused and one not in winners and one.code]
    tally.expect(not others, f"a run beside another ended otherwise: {[(one.code, one.err[-300:]) for one in others]}")
    tally.expect(ended(folder, 0).code == 0, "a run cannot go on after eight at once")


def _killed_alone(template: Path, folder: Path, tally: Tally) -> None:
    """The first process alone is killed: its workers and checkers end with it, and its lock holds nobody up."""
    undisturbed = folder.with_name("eight")
    shutil.copytree(template, folder)
    started = Started(folder, 2)
    started.begin()
    until = 200
    while not list((folder / "out").rglob(".part-*.receipt.json")) and (until := until - 1):
        sleep(0.05)
    started.kill(tree=False)
    started.end()
    left = survivors(folder)
    tally.figures |= {"processes left by a killed run": len(left), "stale locks that block": 0}
    tally.expect(not left, f"a killed run left processes behind: {left}")
    tally.expect((folder / "out" / ".lock").is_file(), "the killed run had not taken its lock: nothing was tried")
    again = ended(folder, 0)
    tally.figures["stale locks that block"] = int(again.code != 0)
    tally.expect(again.code == 0, f"a run is held up by the lock of a dead one: {again.err[-300:]}")
    for word in unlike(state(folder / "out"), state(undisturbed / "out")):
        tally.broken.append(f"after the death of the first process {word}")


def _not_to_be_written(template: Path, place: Path, wanted: State, tally: Tally) -> None:
    """A folder without leave to write, then with it; root is made to obey where setpriv can."""
    before = OWNER_OBEYS if os.geteuid() == 0 else []
    if before and subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        tally.figures["folders without leave to write"] = "left out: root may write everywhere"
        return
    for number, closed in enumerate(("out", "")):
        folder = place / f"closed {number}"
        shutil.copytree(template, folder)
        (folder / "out").mkdir(exist_ok=True)
        if not closed:
            (folder / "out").rmdir()
        (folder / closed).chmod(0o555)
        done = _command(folder, [*before, sys.executable, "-m", "winnow.app.main", *RUN])
        tally.expect(_in_words(done), f"a folder that is closed ended with {done.returncode}: {done.stderr[-300:]}")
        (folder / closed).chmod(0o755)
        tally.expect(ended(folder, "a whole run").code == 0, "a run cannot go on in a folder that was closed")
        tally.broken += [f"after a closed folder {word}" for word in unlike(state(folder / "out"), wanted)]
    tally.figures["folders without leave to write"] = 2


def _full_disks(template: Path, place: Path, wanted: State, sizes: int, tally: Tally) -> None:
    """Disks too small by more and less, then large enough; a limit on files where no disk can be mounted."""
    probe = [*NEW_SPACE, "mount", "-t", "tmpfs", "tmpfs", str(place)]
    mounts = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    full = 0
    for size in _sizes(wanted, place / "whole" / "out", sizes, mounts):
        folder = place / f"full {size}"
        shutil.copytree(template, folder)
        (folder / "out").mkdir(exist_ok=True)
        script = (FULL if mounts else LIMITED).format(run=" ".join(RUN))
        command = [*(NEW_SPACE if mounts else []), "sh", "-c", script, "sh", str(size), sys.executable]
        done = _command(folder, command)
        done.stderr += (folder / "full.err").read_text()
        full += done.returncode == 3
        tally.expect(_in_words(done), f"a disk of {size} kB ended with {done.returncode}: {done.stderr[-300:]}")
        if not mounts:
            tally.expect(ended(folder, "a whole run").code == 0, "a run cannot go on when there is space")
        left = state(folder / ("left" if mounts else "out"))
        tally.broken += [f"after a full disk of {size} kB {word}" for word in unlike(left, wanted)]
        shutil.rmtree(folder)
    tally.figures["full disks"] = full
    tally.figures["how they were full"] = "a small tmpfs" if mounts else "a limit on the size of files"


def _sizes(wanted: State, out: Path, many: int, mounts: bool) -> list[int]:
    """From one that holds nothing to one that just does not hold it all: kB of a disk, or blocks of one file."""
    files = [(out / name).stat().st_size for name in wanted]
    # A small disk counts whole pages.
    pages = sum(-(-size // PAGE) for size in files) - 1
    places = [turn / max(many - 1, 1) for turn in range(many)]
    if mounts:
        return sorted({(1 + round((pages - 1) * place)) * PAGE // 1024 for place in places})
    return sorted({round(max(files) // 512 * place) for place in places})


def _command(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    # What was found from the current folder is found from another one too.
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths}
    )


def _in_words(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 3 and "out" in done.stderr and "Traceback" not in done.stderr
