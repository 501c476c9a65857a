"""What 500 labels say of each student before it is trained: sealed, so that it cannot be mended afterwards.

Said are shares: how many rows of its file are right (what a student copies), and for how many prompts the file has a
right row. Students are ranked by the first; where two files are equally right, by what the labels can tell, no order
is said. What a student will score is not said: an order was seen to hold in studies, a number was not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from winnow.app.act_two.tables import JUDGED, STUDENTS, Tables
from winnow.data.errors import BrokenPromise
from winnow.data.stores.atomic import write_bytes
from winnow.data.stores.receipts import sealed
from winnow.stages import front


@dataclass(frozen=True)
class Said:
    """The share right in what a student learns from, its interval, and the share of prompts with a right row there."""

    student: str
    rows: int
    right: float
    low: float
    high: float
    served: float


def foresee(tables: Tables, sizes: dict[str, int], folder: Path) -> list[Said]:
    """What is said of each student, written down before any is trained."""
    said = list(_said(tables, sizes))
    content = {
        "format": "winnow-demo-forecast-1",
        "labels": str(tables.labels.name),
        "said": [vars(one) for one in said],
    }
    path, new = folder / "forecast.json", sealed({**content, "order": ordered(said)})
    if path.exists() and path.read_bytes() != new:
        raise BrokenPromise(str(path), "is another forecast than these labels make", "Name another --out")
    write_bytes(path, new)
    return said


def ordered(said: Sequence[Said]) -> list[tuple[str, str]]:
    """The pairs of students of which an order is said, the better first: those whose intervals are apart."""
    pairs = []
    for one, other in combinations(said, 2):
        if one.low > other.high or other.low > one.high:
            pairs.append((one.student, other.student) if one.right > other.right else (other.student, one.student))
    return pairs


def seal_of(folder: Path) -> str:
    """The seal of the forecast that stands here."""
    return str(json.loads((folder / "forecast.json").read_bytes())["seal"])


def _said(tables: Tables, sizes: dict[str, int]) -> Iterator[Said]:
    cards = {
        "judged": front.measure(tables.folder / "verdicts", labels=tables.labels, verdict=JUDGED),
        "verified": front.measure(tables.folder / "verdicts", labels=tables.labels, verdict="number"),
    }
    plain = {name: card.plain() for name, card in cards.items()}
    wrong = plain["verified"]["p"]
    prompts = sizes["unverified"]
    for student in STUDENTS:
        if student in plain:
            right, served = plain[student]["precision"], plain[student]["prompts_served"]["value"]
        else:
            right = {"value": 1 - wrong["value"], "low": 1 - wrong["high"], "high": 1 - wrong["low"]}
            served = right["value"] * sizes[student] / prompts
        yield Said(student, sizes[student], right["value"], right["low"], right["high"], served)
