"""An id that stands twice is found, wherever its rows are and however many others there are."""

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


def table_of(ids: list[str]) -> Table:
    return open_rows([{"id": one, "prompt": "p", "text": "t"} for one in ids], Columns(id="id"))


def check(table: Table) -> None:
    with UniqueIdChecker(table) as ids:
        for chunk, parts in table.read_roles(["id"]):
            for first in range(0, len(chunk), 7):
                ids.add(chunk.row_numbers[first : first + 7], {"id": parts["id"].slice(first, 7)})
        ids.check()


@pytest.fixture(params=["in memory", "in files", "all of one hash"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the ids are kept, the answer is the same."""
    if request.param == "in files":
        monkeypatch.setattr(unique_ids, "HELD_BYTES", 1)
    if request.param == "all of one hash":
        alike: Callable[[str], int] = len
        monkeypatch.setattr(unique_ids, "hash", alike, raising=False)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("twice", "first", "second"),
    [([(3, 40)], 3, 40), ([(0, 89)], 0, 89), ([(30, 31), (5, 60)], 5, 60), ([(8, 9), (8, 70)], 8, 9)],
)
def test_the_first_id_that_stands_again_is_named_with_both_places(
    twice: list[tuple[int, int]], first: int, second: int
) -> None:
    names = [f"c{number:03}" for number in range(90)]
    for one, other in twice:
        names[other] = names[one]
    with pytest.raises(BadTable, match=rf"rows\[{second}\]: id is 'c{first:03}', as at rows\[{first}\];"):
        check(table_of(names))


@pytest.mark.usefixtures("kept")
def test_ids_that_differ_are_all_right() -> None:
    check(table_of([f"c{number}" for number in range(90)]))
    check(table_of(["c", "C", " c", "c ", "ç"]))


def test_many_ids_hold_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_ids, "HELD_BYTES", 1 << 14)
    rows, step = 500_000, 10_000
    with UniqueIdChecker(table_of(["c"])) as ids:
        tracemalloc.start()
        for first in range(0, rows, step):
            numbers = np.arange(first, first + step)
            ids.add(numbers, {"id": pa.array(map(str, numbers.tolist()))})
        ids.check()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < rows * unique_ids.RECORD_DTYPE.itemsize / 2
