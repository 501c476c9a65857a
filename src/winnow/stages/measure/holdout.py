"""Labels kept unseen (a holdout), and the count of the looks at them.

A hash of the prompt, or of the row's id where there are no prompts, decides which prompts are held out, so the split
does not depend on the order of the rows, and all labels of a prompt are on one side. Each look at the held part is
recorded in a file before the card is shown, and the k-th look uses the level 1 - (1 - level)/k. Looks that were made
without winnow cannot be counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from winnow.errors import BadTable, UsageError
from winnow.stages.measure.config import MeasureConfig
from winnow.stages.measure.evidence import Evidence
from winnow.statistics.card_inputs import MeasureOptions, is_held_out
from winnow.storage.atomic_files import write_bytes
from winnow.storage.locations.location import Location
from winnow.tables.joins import JoinedSource
from winnow.tables.table import Table

LOOKS_SUFFIX = ".looks.jsonl"


@dataclass(frozen=True)
class HoldoutSplit:
    """Which part of the labels is used, and how many looks at the held part there were, this one included."""

    share: float
    is_look: bool
    labels_shown: int
    labels_unseen: int
    looks: int

    def adjust_level(self, options: MeasureOptions) -> MeasureOptions:
        """Raise the level of the intervals of a look by the number of looks."""
        return replace(options, level=1 - (1 - options.level) / self.looks) if self.is_look else options

    def to_dict(self) -> dict[str, Any]:
        """The split as part of the JSON document."""
        counts = {"labels_shown": self.labels_shown, "labels_unseen": self.labels_unseen, "looks": self.looks}
        return {"share": self.share, "part": "held" if self.is_look else "open", **counts}

    def describe(self, options: MeasureOptions) -> str:
        """Describe the split for a person."""
        if not self.is_look:
            looks = f", which were looked at {self.looks} times" if self.looks else ""
            return f"holdout: {self.labels_shown:,} labels are used, {self.labels_unseen:,} are unseen{looks}"
        line = f"holdout: look {self.looks} at the unseen part, {self.labels_shown:,} labels, level {options.level:.4g}"
        return line if self.looks == 1 else f"{line} because of {self.looks} looks; it holds for the earlier ones too"


def find_looks_file(table: Table, config: MeasureConfig, default: Location | None = None) -> Location | None:
    """Find the file that counts looks: beside the labels, beside the table if it holds the labels, or the default.

    Raises:
        UsageError: If a look is asked for and labels come from no file.
    """
    labels = table.source.label_files if isinstance(table.source, JoinedSource) else None
    files = labels if labels is not None or default is not None else table.source.paths()
    beside = files[0] if files else default
    if beside is None and config.look:
        problem = "looks are counted in a file beside the labels, and these labels come from no file"
        raise UsageError("--look", problem, "Write the labels to a file: --labels FILE")
    return None if beside is None else beside.with_name(beside.name + LOOKS_SUFFIX)


def split_holdout(
    evidence: Evidence, config: MeasureConfig, share: float, looks_file: Location | None
) -> tuple[Evidence, HoldoutSplit]:
    """Take the part of the labels that is used: the open part, or for a look the held one."""
    # The seed has no influence, or another seed would show labels that were unseen.
    held = np.array([is_held_out(str(key), share) for key in evidence.labeled.key], np.bool_)
    used = held if config.look else ~held
    looks = _count_looks(looks_file) + config.look
    split = HoldoutSplit(share, config.look, int(used.sum()), int((~used).sum()), looks)
    return replace(evidence, labeled=evidence.labeled.take(used)), split


def record_look(split: HoldoutSplit, looks_file: Location | None, verifiers: tuple[str, ...]) -> None:
    """Add a look to the file that counts them."""
    if looks_file is None or not split.is_look:
        return
    earlier = looks_file.read_bytes() if looks_file.exists() else b""
    look = {"look": split.looks, "share": split.share, "labels": split.labels_shown, "verifiers": list(verifiers)}
    write_bytes(looks_file, earlier + json.dumps(look, ensure_ascii=False).encode() + b"\n")


def _count_looks(file: Location | None) -> int:
    """Count the lines of the file of looks, each of which must be the next look."""
    lines = file.read_bytes().splitlines() if file is not None and file.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            look = json.loads(line)
        except ValueError:
            look = None
        if not isinstance(look, dict) or look.get("look") != number:
            problem = f"is not look {number}: the file was changed, so the number of looks is not known"
            raise BadTable(f"{file}:{number}", problem, "Put the file back, or label new rows and start a new file")
    return len(lines)
