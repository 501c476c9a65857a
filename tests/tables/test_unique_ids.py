"""A duplicate id is found wherever its rows are and however many other ids there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from winnow.errors import BadTable
from winnow.tables import unique_ids
from winnow.tables.columns import Columns
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table
from winnow.tables.unique_ids import UniqueIdChecker


def make_table(ids: list[str]) -> Table:
    return open_rows([{"id": name, "prompt": "p", "text": "t"} for name in ids], Columns(id="id"))


def check(table: Table) -> None:
    with UniqueIdChecker(table) as ids:
        for chunk, arrays in table.read_roles(["id"]):
            for first in range(0, len(chunk), 7):
                ids.add(chunk.row_numbers[first : first + 7], {"id": arrays["id"].slice(first, 7)})
        ids.check()


@pytest.fixture(params=["in memory", "in files", "all of one hash"])
def id_buffer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are held in memory, written to files, or all have the same hash."""
    if request.param == "in files":
        monkeypatch.setattr(unique_ids, "BUFFER_BYTES", 1)
    if request.param == "all of one hash":
        equal_hash: Callable[[str], int] = len
        monkeypatch.setattr(unique_ids, "hash", equal_hash, raising=False)


@pytest.mark.usefixtures("id_buffer")
@pytest.mark.parametrize(
    ("twice", "first", "second"),
    [([(3, 40)], 3, 40), ([(0, 89)], 0, 89), ([(30, 31), (5, 60)], 5, 60), ([(8, 9), (8, 70)], 8, 9)],
)
def test_the_first_duplicate_id_is_reported_with_both_locations(
    twice: list[tuple[int, int]], first: int, second: int
) -> None:
    names = [f"c{number:03}" for number in range(90)]
    for original, duplicate in twice:
        names[duplicate] = names[original]
    with pytest.raises(BadTable, match=rf"rows\[{second}\]: id is 'c{first:03}', as at rows\[{first}\];"):
        check(make_table(names))


@pytest.mark.usefixtures("id_buffer")
def test_different_ids_are_accepted() -> None:
    check(make_table([f"c{number}" for number in range(90)]))
    check(make_table(["c", "C", " c", "c ", "ç"]))


def test_many_ids_hold_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_ids, "BUFFER_BYTES", 1 << 11)
    rows, step = 100_000, 2_000
    with UniqueIdChecker(make_table(["c"])) as ids:
        tracemalloc.start()
        for first in range(0, rows, step):
            numbers = np.arange(first, first + step)
            ids.add(numbers, {"id": pa.array(map(str, numbers.tolist()))})
        ids.check()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < rows * unique_ids.RECORD_DTYPE.itemsize / 2
