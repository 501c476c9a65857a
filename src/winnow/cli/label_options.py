"""The options the deciding commands share: where labels are and what they mean, and what was given of a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from winnow.cli.options import Column, option

LABELS_PANEL = "Labels"
VERIFIER_PANEL = "The verifier"

LabelsOption = Annotated[
    str | None, option("--labels", "labels in another file, joined by id, else by row", LABELS_PANEL, "FILE")
]
RightIfOption = Annotated[
    str | None, option("--right-if", "when a grade means right: 'grade>=4'", LABELS_PANEL, "RULE")
]


@dataclass(frozen=True)
class LabelOptions:
    """Where the labels are and what they mean."""

    labels: LabelsOption = None
    label: Annotated[Column, option("--label", "right or wrong, or a grade; several: a,b", LABELS_PANEL, "COLUMN")] = (
        None
    )
    right_if: RightIfOption = None
    grade_range: Annotated[
        str | None, option("--grade-range", "grades stay grades between these ends: 1,5", LABELS_PANEL, "LOW,HIGH")
    ] = None
    labels_drawn: Annotated[
        str,
        option("--labels-drawn", "random (default), by-verdict, or by-label (half and half)", LABELS_PANEL, "HOW"),
    ] = "random"
    labelers: Annotated[
        str | None,
        option("--labelers", "columns of several people's labels: the majority counts", LABELS_PANEL, "A,B,C"),
    ] = None
    holdout: Annotated[
        float | None, option("--holdout", "keep this share of the labeled prompts back: 0.5", LABELS_PANEL, "SHARE")
    ] = None
    look: Annotated[bool, option("--look", "show the part kept back instead; looks are counted", LABELS_PANEL)] = False
    labels_by: Annotated[
        str | None, option("--labels-by", "the model that made the labels: agreement, not truth", LABELS_PANEL, "MODEL")
    ] = None


def pick_keywords(options: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in to_keywords(options).items() if name in names}


def to_keywords(options: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if value is not None}
