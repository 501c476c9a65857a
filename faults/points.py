"""A fault at every system call of a commit: killed before it, or failed as by a full, broken or foreign disk.

After each fault what stands in the folder is old or new and never torn, a fault that is no kill ends in words with exit
code 3 and the path, and the same command again leaves what a run leaves that nothing happened to.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from faults.acts import ACTS, Ended, Found, Started, State, each, ended, folders, made, state, unlike
from faults.tracing import PARTIAL, Call, FailAt, attached, calls, injection, inside, traceable
from winnow.data.errors import BrokenPromise, UsageError
from winnow.data.readers.files import sha256_of
from winnow.data.stores.receipts import NAME
from winnow.data.stores.store import open_store

FAULTS = {
    "create": ("KILL", "ENOSPC", "EIO", "EACCES"),
    "write": ("KILL", "ENOSPC", "EIO"),
    "force": ("KILL", "ENOSPC", "EIO"),
    "rename": ("KILL", "ENOSPC", "EIO", "EXDEV"),
    "remove": ("KILL", "EIO"),
    "folder": ("KILL", "ENOSPC", "EACCES"),
}
ANEW = "a run that takes the place of another"
OVER = "a run over what another left unfinished"
SHARD_RECEIPT = ".receipt.json"


@dataclass(frozen=True)
class Point:
    """One fault at one place of one act."""

    act: str
    place: str
    kind: str
    fault: str
    call: Call | int


@dataclass(frozen=True)
class Undisturbed:
    """What an act starts from, and what it leaves when nothing happens to it."""

    template: Path
    before: State
    after: State
    points: list[Point]


def points(most: int | None = None, seed: int = 0, strace: bool | None = None, hands: int = 1) -> Found:
    """Throw every fault at every call, or `most` of them drawn at random, of each act as many as of the others."""
    by_strace = traceable() if strace is None else strace
    draws, tally, broken = random.Random(seed), Counter[str](), list[str]()
    with folders() as place:
        bases = [undisturbed(act, place / str(number), by_strace) for number, act in enumerate(ACTS)]
        share = None if most is None else -(-most // len(ACTS))
        drawn = [(base, point) for base in bases for point in _drawn(base.points, share, draws)]
        tries = [(replace(base, points=[]), point, place / f"try {turn}") for turn, (base, point) in enumerate(drawn)]
        for (_, point), (words, hit) in zip(drawn, each(_thrown, tries, hands), strict=True):
            tally.update({"hit": 1, point.fault: 1} if hit else {"missed": 1})
            broken += [f"{point.fault} at {point.place} ({point.act}): {word}" for word in words]
    if tally["missed"] > tally["hit"] / 20:
        broken.append(f"{tally['missed']} faults met another call than was meant: nothing is known of those")
    figures = {
        "how": "strace" if by_strace else "fail points, without single writes",
        "acts": len(ACTS),
        "points": tally.pop("hit"),
        "met another call": tally.pop("missed", 0),
        **dict(sorted(tally.items())),
        "torn, lost or otherwise ended": len(broken),
    }
    return Found("points", figures, broken)


def _drawn(found: list[Point], share: int | None, draws: random.Random) -> list[Point]:
    return found if share is None or share >= len(found) else draws.sample(found, share)


def _thrown(what: tuple[Undisturbed, Point, Path]) -> tuple[list[str], bool]:
    return thrown(*what)


def undisturbed(act: str, place: Path, by_strace: bool) -> Undisturbed:
    """The act done once without a fault, its calls being listed."""
    place.mkdir()
    template, folder = made(place / "template", act), place / "once"
    shutil.copytree(template, folder)
    before, out = state(template / "out"), folder / "out"
    if by_strace:
        told = _traced(folder, act, None)
        main, found = told[1], inside(calls(folder / "log", folder), out)
        wanted = [(call.place(out), call.kind, call) for call in found if call.thread == main]
        listed: list[tuple[str, str, Call | int]] = [*wanted]
    else:
        told = (ended(folder, act, FailAt(0, "", out, folder / "log")), 0)
        lines = (folder / "log").read_text().splitlines()
        listed = [(line.partition(" ")[2], line.partition(" ")[0], nth) for nth, line in enumerate(lines, 1)]
    if told[0].code:
        raise AssertionError(f"{act} ended with {told[0].code} though nothing happened to it: {told[0].err}")
    # What is the same in a whole run is tried there.
    chosen = [
        Point(act, place, kind, fault, call)
        for place, kind, call in listed
        if act != OVER or "candidates" in place
        for fault in FAULTS[kind]
        if act != ANEW or fault in ("KILL", "EXDEV") or kind in ("remove", "folder")
    ]
    return Undisturbed(template, before, state(out), chosen)


def _traced(folder: Path, act: str, point: Point | None) -> tuple[Ended, int]:
    """The act under strace, and the thread that does it."""
    started = Started(folder, act)
    options = [] if point is None else _options(point, folder / "out", started.pid)
    with attached(started.pid, folder / "log", options):
        started.begin()
        return started.end(), started.pid


def _options(point: Point, out: Path, process: int) -> list[str]:
    assert isinstance(point.call, Call)
    return injection(point.call, point.fault, out, process)


def thrown(base: Undisturbed, point: Point, folder: Path) -> tuple[list[str], bool]:
    """What a fault broke, in words, and whether it met the call that was meant."""
    shutil.copytree(base.template, folder)
    out = folder / "out"
    if isinstance(point.call, int):
        told, hit = ended(folder, point.act, FailAt(point.call, point.fault, out, folder / "log")), True
    else:
        told, thread = _traced(folder, point.act, point)
        found = [one for one in calls(folder / "log", folder) if one.thread == thread and one.name == point.call.name]
        # Of a file that is made strace shows that file alone.
        wanted = point.call.turn if point.kind == "create" else point.call.nth
        met = [one for one in found if one.nth == wanted and one in inside(iter([one]), out)]
        hit = [one.place(out) for one in met] == [point.place]
    words = [*_ending(told, point, base, out), *torn(out, base.before, base.after)]
    again = ended(folder, point.act)
    if again.code:
        words.append(f"the same command again ended with {again.code}: {again.err.strip()[-300:]}")
    words += [f"after the same command again {word}" for word in unlike(state(out), base.after)]
    shutil.rmtree(folder)
    return words, hit


def _ending(told: Ended, point: Point, base: Undisturbed, out: Path) -> Iterator[str]:
    if point.fault == "KILL":
        if told.code != -9:
            yield f"it was to be killed and ended with {told.code}"
    elif "Traceback" in told.err:
        yield f"a traceback: {told.err.strip().splitlines()[-1]}"
    elif told.code == 3:
        if "out" not in told.err:
            yield f"exit code 3 without the path: {told.err.strip()}"
    elif told.code:
        yield f"it ended with {told.code}, and not with 3: {told.err.strip()[-300:]}"
    elif point.kind != "remove":
        # What could not be cleared away may be left to the next run, and nothing else.
        yield from (f"it ended well, but {word}" for word in unlike(state(out), base.after))


def torn(out: Path, before: State, after: State) -> list[str]:
    """What stands there and is neither what was there before nor what an undisturbed act leaves."""
    words = []
    for name, sha256 in state(out).items():
        last = Path(name).name
        if PARTIAL.search(last):
            continue
        if last.startswith("."):
            words += [] if _is_json(out / name) else [f"{name} is torn"]
            words += _without_its_shard(out / name) if last.endswith(SHARD_RECEIPT) else []
        elif sha256 not in (before.get(name), after.get(name)):
            words.append(f"{name} is neither old nor new")
    for folder in {path.parent for path in out.rglob("part-*")}:
        try:
            open_store(folder)
        except UsageError:
            words += [f"{folder.name} has a receipt and is refused"] if (folder / NAME).exists() else []
        except BrokenPromise as error:
            words.append(str(error))
    return words


def _without_its_shard(receipt: Path) -> list[str]:
    """The receipt comes last: what it names is there, byte for byte."""
    if not _is_json(receipt):
        return []
    named = json.loads(receipt.read_bytes())["shard"]
    shard = receipt.with_name(named["name"])
    whole = shard.is_file() and sha256_of(shard) == named["sha256"]
    return [] if whole else [f"{receipt.name} is there and its shard is not"]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
