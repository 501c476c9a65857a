"""Starting costs little: what is heavy is loaded only where it is used."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

import winnow

HEAVY = ("numpy", "pyarrow", "duckdb", "typer", "rich", "pandas", "polars", "torch")


def loaded(code: str) -> set[str]:
    """The top-level modules a process has after running some code."""
    ending = "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code + ending], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def fastest(code: list[str], times: int = 5) -> float:
    """Wall seconds of the fastest run, less those of an empty process."""

    def once(command: list[str]) -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start

    return min(once(code) for _ in range(times))


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


@pytest.mark.parametrize(
    ("command", "seconds"), [(["-c", "import winnow"], 0.2), (["-m", "winnow.cli.main", "--help"], 0.5)]
)
def test_starting_takes_less_than_promised(command: list[str], seconds: float) -> None:
    assert fastest([sys.executable, *command]) < seconds


def test_the_public_names_are_exactly_those_that_can_be_loaded() -> None:
    assert all(hasattr(winnow, name) for name in winnow.__all__)
    assert sorted(winnow.__all__) == dir(winnow)
    assert len(winnow.__all__) <= 30


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'slect'"):
        winnow.slect  # noqa: B018
