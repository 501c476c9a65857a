"""Starting costs little: what is heavy is loaded only where it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import winnow

HEAVY = ("numpy", "pyarrow", "duckdb", "typer", "rich", "pandas", "polars", "torch")


def loaded(code: str) -> set[str]:
    """The top-level modules a process has after running some code."""
    ending = "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code + ending], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_winnow_loads_nothing_heavy() -> None:
    assert not loaded("import winnow") & set(HEAVY)


def test_help_loads_no_engine() -> None:
    code = """
import sys
sys.argv = ["winnow", "--help"]
from winnow.cli.main import main
try:
    main()
except SystemExit:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code + "\nprint('LOADED', *{n.split('.')[0] for n in sys.modules})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stdout.split("LOADED")[1].split()) & {"numpy", "pyarrow", "duckdb", "pandas", "polars"}


def test_the_public_names_are_exactly_those_that_can_be_loaded() -> None:
    assert all(hasattr(winnow, name) for name in winnow.__all__)
    assert sorted(winnow.__all__) == dir(winnow)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'slect'"):
        winnow.slect  # noqa: B018
