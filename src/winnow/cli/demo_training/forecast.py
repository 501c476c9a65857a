"""The forecast of the demo: what labels say about each student's training rows before it is trained.

It gives the share of right rows and the share of prompts with a right row, and ranks students by the first. Where
the labels cannot tell two files apart it names no order, and it names no score: in our studies an order held, a number
did not. The forecast is sealed, so that a later change is detected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import winnow
from winnow.cli.demo_training.tables import JUDGE_NAME, STUDENTS, DemoTables
from winnow.errors import BrokenPromise
from winnow.storage.atomic_files import write_bytes
from winnow.storage.receipts import seal_json
from winnow.web.demo_page import StudentForecast


def forecast_students(tables: DemoTables, sizes: dict[str, int], folder: Path) -> list[StudentForecast]:
    """What is said of each student, written down before any is trained."""
    forecasts = list(_student_forecasts(tables, sizes))
    content = {
        "format": "winnow-demo-forecast-1",
        "labels": str(tables.labels.name),
        "said": [vars(forecast) for forecast in forecasts],
    }
    path, new = folder / "forecast.json", seal_json({**content, "order": order_students(forecasts)})
    if path.exists() and path.read_bytes() != new:
        raise BrokenPromise(str(path), "is another forecast than these labels make", "Name another --out")
    write_bytes(path, new)
    return forecasts


def order_students(forecasts: Sequence[StudentForecast]) -> list[tuple[str, str]]:
    """The pairs of students of which an order is said, the better first: those whose intervals are apart."""
    pairs = []
    for first, second in combinations(forecasts, 2):
        if first.low > second.high or second.low > first.high:
            pairs.append(
                (first.student, second.student) if first.right > second.right else (second.student, first.student)
            )
    return pairs


def read_seal(folder: Path) -> str:
    """The seal of the forecast that stands here."""
    return str(json.loads((folder / "forecast.json").read_bytes())["seal"])


def _student_forecasts(tables: DemoTables, sizes: dict[str, int]) -> Iterator[StudentForecast]:
    cards = {
        "judged": winnow.measure(tables.folder / "verdicts", labels=tables.labels, verdict=JUDGE_NAME),
        "verified": winnow.measure(tables.folder / "verdicts", labels=tables.labels, verdict="number"),
    }
    card_documents = {name: card.to_dict() for name, card in cards.items()}
    wrong = card_documents["verified"]["p"]
    prompts = sizes["unverified"]
    for student in STUDENTS:
        if student in card_documents:
            right, served = card_documents[student]["precision"], card_documents[student]["prompts_served"]["value"]
        else:
            right = {"value": 1 - wrong["value"], "low": 1 - wrong["high"], "high": 1 - wrong["low"]}
            served = right["value"] * sizes[student] / prompts
        yield StudentForecast(student, sizes[student], right["value"], right["low"], right["high"], served)
