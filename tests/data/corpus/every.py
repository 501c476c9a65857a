"""Every table of the corpus, for whoever reads tables: the data room and the command line."""

from __future__ import annotations

from data.corpus import csv_files, json_lines, typed, wrong_kinds
from data.corpus.case import Case

CASES: dict[str, Case] = {
    f"{room}: {case.name}": case
    for room, cases in (
        ("JSON Lines", json_lines.CASES),
        ("CSV", csv_files.CASES),
        ("typed", typed.CASES),
        ("kinds", wrong_kinds.CASES),
    )
    for case in cases
}
REFUSED = {name: case for name, case in CASES.items() if case.rows is None}
ACCEPTED = {name: case for name, case in CASES.items() if case.rows is not None}
