"""Labels kept unseen: a card of one part of them, and a count of the looks at the other.

Which prompts are kept back follows from a hash of the prompt (of the row's id where there are no prompts), so the parts
are the same whatever the order of the rows, and all labels of a prompt are on one side. A look at the unseen part is
an act of its own and is written down, before it is shown, in a file beside the labels; no clock is read.
Promises: the k-th look is shown at the level 1 - (1 - level)/k. It cannot know of looks that were not made here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from winnow.data.errors import BadTable, UsageError, shown
from winnow.data.places.place import Place
from winnow.data.stores.atomic import write_bytes
from winnow.stages.decide.evidence import Evidence
from winnow.stats.evidence import How, held_out

ENDING = ".looks.jsonl"


@dataclass(frozen=True)
class Holdout:
    """The share of prompts kept back, whether to look at it, and the labels or table the looks are counted beside."""

    share: float
    look: bool = False
    beside: Place | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            problem = f"is {shown(self.share)}, but a share kept back lies between 0 and 1"
            raise UsageError("--holdout", problem, "Pass 0.5")
        if self.look and self.beside is None:
            problem = "looks are counted in a file beside the labels, and these come from no file"
            raise UsageError("--look", problem, "Write the labels to a file: --labels FILE")

    def file(self) -> Place | None:
        """Where looks are counted."""
        return None if self.beside is None else self.beside.with_name(self.beside.name + ENDING)


@dataclass(frozen=True)
class Parted:
    """What is shown, how much is not, and the looks at the held part so far, this one included."""

    holdout: Holdout
    shown: int
    unseen: int
    looks: int

    def how(self, how: How) -> How:
        """How to read the labels: a look is held to more, the more looks there were."""
        return replace(how, level=1 - (1 - how.level) / self.looks) if self.holdout.look else how

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        part = "held" if self.holdout.look else "open"
        counted = {"labels_shown": self.shown, "labels_unseen": self.unseen, "looks": self.looks}
        return {"share": self.holdout.share, "part": part, **counted}

    def words(self, how: How) -> str:
        """In one line; `how` is how the labels were read."""
        if not self.holdout.look:
            looks = f", looked at {self.looks} times so far" if self.looks else ""
            return f"holdout: {self.shown:,} labels are shown, {self.unseen:,} are kept back{looks}"
        line = f"look {self.looks} at the held part: {self.shown:,} labels, intervals at {how.level:.4g}"
        return line if self.looks == 1 else f"{line}, as {self.looks} looks ask; read the earlier ones at that too"


def parted(evidence: Evidence, holdout: Holdout) -> tuple[Evidence, Parted]:
    """The labels of the part that is asked for."""
    # The seed of the intervals' draws must not deal the labels anew, or it would show what was kept back.
    held = np.array([held_out(str(key), holdout.share) for key in evidence.key], np.bool_)
    wanted = held if holdout.look else ~held
    looks = len(_looks(holdout.file())) + holdout.look
    return evidence.take(wanted), Parted(holdout, int(wanted.sum()), int((~wanted).sum()), looks)


def write_down(found: Parted, verifiers: list[str]) -> None:
    """One more look, in the file that counts them."""
    file = found.holdout.file()
    if file is None or not found.holdout.look:
        return
    before = b"" if not file.exists() else file.read_bytes()
    line = {"look": found.looks, "share": found.holdout.share, "labels": found.shown, "verifiers": verifiers}
    write_bytes(file, before + json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _looks(file: Place | None) -> list[dict[str, Any]]:
    if file is None or not file.exists():
        return []
    found = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            one = json.loads(line)
        except ValueError:
            one = None
        if not isinstance(one, dict) or one.get("look") != number:
            problem = f"is not look {number}: the file was changed, so nobody knows how many looks there were"
            raise BadTable(f"{file}:{number}", problem, "Put the file back, or label new rows and start a new file")
        found.append(one)
    return found
