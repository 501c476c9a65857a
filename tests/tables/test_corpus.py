"""Every table of the corpus gives its error (location, rule, exit code) or its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tables.corpus import csv_files, json_lines, typed_files, wrong_formats
from tests.tables.corpus.all_cases import ACCEPTED, CASES, REFUSED
from tests.tables.corpus.case import Case
from winnow.errors import WinnowError
from winnow.stages.verify.stage import verify
from winnow.tables.columns import make_columns
from winnow.tables.open_table import open_rows
from winnow.tables.table import ROLE_READERS
from winnow.tables.unique_ids import UniqueIdChecker
from winnow.verifiers.registry import make_verifier


def read(case: Case, given: str) -> int:
    """Read a table to its end with every part it has, and count its rows."""
    table = open_rows(given, make_columns(**case.columns))
    table.require_roles(*([case.part] if case.part else []))
    rows = 0
    with UniqueIdChecker(table) as ids:
        for chunk, parts in table.read_roles([part for part in ROLE_READERS if table.has_role(part)]):
            ids.add(chunk.row_numbers, parts)
            rows += len(chunk)
        ids.check()
    return rows


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_table_is_refused_with_its_place_and_rule(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    with pytest.raises(WinnowError) as caught:
        read(case, case.make(tmp_path))
    error = caught.value
    assert error.where.endswith(case.where)
    assert case.says in str(error)
    assert error.exit_code == case.exit_code
    assert error.next_step
    assert str(error).isprintable()


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_odd_table_that_is_sound_is_read_whole(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert read(case, case.make(tmp_path)) == case.rows


MET_BY_VERIFY = [name for name, case in REFUSED.items() if case.part in ("", "text", "id", "prompt_text", "reference")]


def passes(completions: list[str]) -> list[bool]:
    """A verifier that needs nothing but texts."""
    return [True] * len(completions)


@pytest.mark.parametrize("name", MET_BY_VERIFY)
def test_a_refused_table_leaves_nothing_of_a_flat_result(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    (tmp_path / "in").mkdir()
    (tmp_path / "to").mkdir()
    given = case.make(tmp_path / "in")
    with pytest.raises(WinnowError, check=lambda error: case.says in str(error)):
        verify(open_rows(given, make_columns(**case.columns)), [make_verifier(passes)], tmp_path / "to" / "out.jsonl")
    assert list((tmp_path / "to").iterdir()) == []


def test_no_two_tables_of_the_corpus_have_one_name() -> None:
    assert len(CASES) == sum(len(room.CASES) for room in (json_lines, csv_files, typed_files, wrong_formats))


def test_the_corpus_holds_at_least_150_tables() -> None:
    assert len(CASES) >= 150
