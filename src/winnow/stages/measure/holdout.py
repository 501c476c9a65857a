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

from winnow.errors import BadTable, UsageError, format_value
from winnow.stages.measure.evidence import VerifierEvidence
from winnow.statistics.card_inputs import MeasureOptions, is_held_out
from winnow.storage.atomic_files import write_bytes
from winnow.storage.locations.location import Location

LOOKS_SUFFIX = ".looks.jsonl"


@dataclass(frozen=True)
class Holdout:
    """The share of prompts kept back, whether to look at it, and the labels or table the looks are counted beside."""

    share: float
    look: bool = False
    data_file: Location | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            problem = f"is {format_value(self.share)}, but a share kept back lies between 0 and 1"
            raise UsageError("--holdout", problem, "Pass 0.5")
        if self.look and self.data_file is None:
            problem = "looks are counted in a file beside the labels, and these come from no file"
            raise UsageError("--look", problem, "Write the labels to a file: --labels FILE")

    def looks_file(self) -> Location | None:
        """Where looks are counted."""
        return None if self.data_file is None else self.data_file.with_name(self.data_file.name + LOOKS_SUFFIX)


@dataclass(frozen=True)
class HoldoutSplit:
    """What is shown, how much is not, and the looks at the held part so far, this one included."""

    holdout: Holdout
    labels_shown: int
    labels_unseen: int
    looks: int

    def adjust_level(self, label_options: MeasureOptions) -> MeasureOptions:
        """How to read the labels: a look is held to more, the more looks there were."""
        return (
            replace(label_options, level=1 - (1 - label_options.level) / self.looks)
            if self.holdout.look
            else label_options
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        part = "held" if self.holdout.look else "open"
        counts = {"labels_shown": self.labels_shown, "labels_unseen": self.labels_unseen, "looks": self.looks}
        return {"share": self.holdout.share, "part": part, **counts}

    def describe(self, label_options: MeasureOptions) -> str:
        """In one line; `how` is how the labels were read."""
        if not self.holdout.look:
            looks = f", looked at {self.looks} times so far" if self.looks else ""
            return f"holdout: {self.labels_shown:,} labels are shown, {self.labels_unseen:,} are kept back{looks}"
        line = (
            f"look {self.looks} at the held part: {self.labels_shown:,} labels, intervals at {label_options.level:.4g}"
        )
        return line if self.looks == 1 else f"{line}, as {self.looks} looks ask; read the earlier ones at that too"


def split_holdout(evidence: VerifierEvidence, holdout: Holdout) -> tuple[VerifierEvidence, HoldoutSplit]:
    """The labels of the part that is asked for."""
    # The seed of the intervals' draws must not deal the labels anew, or it would show what was kept back.
    held = np.array([is_held_out(str(key), holdout.share) for key in evidence.key], np.bool_)
    selected = held if holdout.look else ~held
    looks = len(_read_looks(holdout.looks_file())) + holdout.look
    return evidence.take(selected), HoldoutSplit(holdout, int(selected.sum()), int((~selected).sum()), looks)


def record_look(split: HoldoutSplit, verifiers: list[str]) -> None:
    """One more look, in the file that counts them."""
    file = split.holdout.looks_file()
    if file is None or not split.holdout.look:
        return
    existing = b"" if not file.exists() else file.read_bytes()
    line = {"look": split.looks, "share": split.holdout.share, "labels": split.labels_shown, "verifiers": verifiers}
    write_bytes(file, existing + json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _read_looks(file: Location | None) -> list[dict[str, Any]]:
    if file is None or not file.exists():
        return []
    looks = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            look = json.loads(line)
        except ValueError:
            look = None
        if not isinstance(look, dict) or look.get("look") != number:
            problem = f"is not look {number}: the file was changed, so nobody knows how many looks there were"
            raise BadTable(f"{file}:{number}", problem, "Put the file back, or label new rows and start a new file")
        looks.append(look)
    return looks
