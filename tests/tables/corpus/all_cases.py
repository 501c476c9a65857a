"""All cases of the corpus of tables, for the tests of readers and of the command line."""

from __future__ import annotations

from tests.tables.corpus import csv_files, json_lines, typed_files, wrong_formats
from tests.tables.corpus.case import Case

CASES: dict[str, Case] = {
    f"{kind}: {case.name}": case
    for kind, cases in (
        ("JSON Lines", json_lines.CASES),
        ("CSV", csv_files.CASES),
        ("typed", typed_files.CASES),
        ("formats", wrong_formats.CASES),
    )
    for case in cases
}
REFUSED = {name: case for name, case in CASES.items() if case.rows is None}
ACCEPTED = {name: case for name, case in CASES.items() if case.rows is not None}
