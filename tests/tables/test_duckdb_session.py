"""Sessions with DuckDB share a database in turn and see nothing of one another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from winnow.tables.duckdb_session import open_duckdb


def test_a_session_sees_neither_tables_nor_variables_of_an_earlier_one() -> None:
    with open_duckdb() as duck:
        duck.execute("create table kept as select 1 as x; create temp table scratch as select 1; set variable seen = 1")
    with open_duckdb() as duck:
        assert duck.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]
        assert duck.execute("select getvariable('seen')").fetchall() == [(None,)]


def test_two_open_sessions_have_their_own_memory_limits() -> None:
    with open_duckdb("64MB") as outer, open_duckdb("128MB") as inner:
        limits = [duck.execute("select current_setting('memory_limit')").fetchall() for duck in (outer, inner)]
        inner.execute("create table only_inner as select 1")
        assert outer.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]
    assert limits == [[("61.0 MiB",)], [("122.0 MiB",)]]


def test_a_session_that_spilled_or_failed_leaves_no_file_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_duckdb("32MB", threads=1) as duck:
        duck.execute("create table wide as select range, md5(range::varchar) as text from range(2000000)")
        spilled = duck.execute("select count(*) from duckdb_temporary_files()").fetchall()
    assert spilled[0][0] > 0
    with pytest.raises(ZeroDivisionError), open_duckdb() as duck:
        duck.execute("create table half_done as select 1")
        raise ZeroDivisionError
    with open_duckdb() as duck:
        assert duck.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]
    assert list(tmp_path.iterdir()) == []


def test_a_forked_process_starts_with_a_database_of_its_own() -> None:
    with open_duckdb() as duck:
        duck.execute("select 1")
    child = os.fork()
    if child == 0:
        with open_duckdb() as duck:
            os._exit(0 if duck.execute("select 41 + 1").fetchall() == [(42,)] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
