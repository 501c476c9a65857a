"""Every table of the corpus gives its error (location, rule, exit code) or its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tables.corpus import csv_files, json_lines, typed_files, wrong_formats
from tests.tables.corpus.all_cases import ACCEPTED, CASES, REFUSED
from tests.tables.corpus.case import Case
from winnow.errors import WinnowError
from winnow.tables.columns import make_columns
from winnow.tables.open_table import open_rows
from winnow.tables.table import ROLE_READERS
from winnow.tables.unique_ids import UniqueIdChecker


def count_rows(case: Case, path: str) -> int:
    """Read every role of all rows of a table, and count the rows."""
    table = open_rows(path, make_columns(**case.columns))
    table.require_roles(*([case.role] if case.role else []))
    rows = 0
    with UniqueIdChecker(table) as ids:
        for chunk, arrays in table.read_roles([role for role in ROLE_READERS if table.has_role(role)]):
            ids.add(chunk.row_numbers, arrays)
            rows += len(chunk)
        ids.check()
    return rows


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_table_is_refused_with_its_location_and_rule(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with pytest.raises(WinnowError) as caught:
        count_rows(case, case.make(tmp_path))
    error = caught.value
    assert error.where.endswith(case.where)
    assert case.rule in str(error)
    assert error.exit_code == case.exit_code
    assert error.next_step
    assert str(error).isprintable()


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_unusual_but_valid_table_is_read_whole(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert count_rows(case, case.make(tmp_path)) == case.rows


def test_tables_of_the_corpus_have_different_names() -> None:
    assert len(CASES) == sum(len(module.CASES) for module in (json_lines, csv_files, typed_files, wrong_formats))


def test_the_corpus_has_at_least_150_tables() -> None:
    assert len(CASES) >= 150
