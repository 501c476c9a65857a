"""read(write(x)) == x, for every format that rows are written to and every form they are passed in."""

from __future__ import annotations

import gzip
import importlib
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tables.corpus.typed_files import arrow
from tests.tables.corpus.wrong_formats import zstd
from winnow.tables.flat_file import FlatLayout, write_flat_file
from winnow.tables.open_table import open_rows

pandas: Any = importlib.import_module("pandas")  # it ships no types
Rows = list[dict[str, Any]]

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
CELL = st.none() | TEXT
WHOLE = st.integers(-(2**63), 2**63 - 1)
FRACTION = st.floats(allow_nan=False, allow_infinity=False)
NAME = TEXT.filter(lambda name: bool(name.replace("\0", " ").strip()))
"""Names of nothing but NUL are left out: such a file may as well be UTF-16."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FRACTION | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TYPED = {
    "text": CELL,
    "whole": st.none() | WHOLE,
    "fraction": st.none() | FRACTION,
    "flag": st.none() | st.booleans(),
    "many": st.none() | st.lists(CELL, max_size=3),
    "inner": st.none() | st.fixed_dictionaries({"a": st.none() | WHOLE, "b": CELL}),
}
PIECES = [
    "",
    " ",
    '"',
    '""',
    ",",
    "\n",
    "\r",
    "\r\n",
    "\\",
    "'",
    "\0",
    "\t",
    "\u2028",
    "\x1e",
    "\x85",
    "é",
    "😀",
    "=1",
    "#",
]


def read(given: object) -> Rows:
    """Every row of a table, as dictionaries."""
    table = open_rows(given)
    return [row for chunk in table.source.chunks(table.bad_rows) for row in chunk.to_dicts()]


def again(given: object, path: Path) -> Rows:
    """Write a table to a file and read it."""
    table = open_rows(given)
    with write_flat_file(path, FlatLayout(table.source, table.bad_rows, pa.schema([]))) as writer:
        for chunk in table.source.chunks(table.bad_rows):
            writer.write(chunk)
    return read(path)


@st.composite
def cells(draw: st.DrawFn) -> Rows:
    """Rows of texts and nulls under any names."""
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    return draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELL)), min_size=1, max_size=6))


def typed_rows() -> st.SearchStrategy[Rows]:
    """Rows of one type a column."""
    return st.lists(st.fixed_dictionaries(TYPED), min_size=1, max_size=6)


def random_rows(count: int = 10_000, seed: int = 1) -> Rows:
    """Many rows of pieces that have broken readers before; the values of a column are of one type."""
    draws = random.Random(seed)

    def text() -> str | None:
        return None if draws.random() < 0.1 else "".join(draws.choices([*PIECES, "abc", "12"], k=draws.randrange(6)))

    def row(number: int) -> dict[str, Any]:
        whole = draws.choice([None, number, -(2**63), 2**63 - 1])
        fraction = draws.choice([None, 0.1, -0.0, 5e-324, 1.7976931348623157e308, draws.random()])
        values = (text(), whole, fraction, draws.choice([None, True, False]), [text()] * draws.randrange(3))
        return dict(zip(TYPED, (*values, {"a": whole, "b": text()}), strict=True))

    return [row(number) for number in range(count)]


def dataset(rows: Rows, folder: Path) -> Path:
    """A saved dataset of two files."""
    folder.mkdir(exist_ok=True)
    whole = pa.Table.from_pylist(rows)
    half = len(rows) // 2
    for name, part in (("a.arrow", whole.slice(0, half)), ("b.arrow", whole.slice(half))):
        (folder / name).write_bytes(arrow(part, stream=True))
    state = {"_data_files": [{"filename": "a.arrow"}, {"filename": "b.arrow"}]}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def lines(rows: Rows) -> bytes:
    """JSON Lines, as another program writes them."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def compressed(name: str, pack: Callable[[bytes], bytes]) -> Callable[[Rows, Path], object]:
    """Rows as a compressed file."""

    def make(rows: Rows, folder: Path) -> object:
        (folder / name).write_bytes(pack(lines(rows)))
        return folder / name

    return make


FORMS: dict[str, Callable[[Rows, Path], object]] = {
    "dictionaries": lambda rows, folder: rows,
    "Arrow": lambda rows, folder: pa.Table.from_pylist(rows),
    "pandas": lambda rows, folder: pandas.DataFrame(
        pa.Table.from_pylist(rows).to_pandas(types_mapper=pandas.ArrowDtype)
    ),
    "Polars": lambda rows, folder: polars.from_arrow(pa.Table.from_pylist(rows)),
    "a saved dataset": lambda rows, folder: dataset(rows, folder / "saved"),
    "gzip": compressed("rows.jsonl.gz", gzip.compress),
    "Zstandard": compressed("rows.jsonl.zst", zstd),
}


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    """A folder in which each example writes over the last one's files."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@given(rows=cells())
@example(rows=[{"[": None}])
@example(rows=[{"{": "["}])
def test_csv_gives_texts_and_nulls_back_and_tells_empty_text_from_null(rows: Rows, room: Path) -> None:
    assert again(rows, fresh(room / "rows.csv")) == rows


@given(rows=st.lists(st.dictionaries(TEXT, JSON, min_size=1, max_size=4), min_size=1, max_size=6))
def test_json_lines_give_any_json_back(rows: Rows, room: Path) -> None:
    assert again(rows, fresh(room / "rows.jsonl")) == rows


@given(rows=typed_rows())
def test_parquet_gives_typed_rows_back(rows: Rows, room: Path) -> None:
    assert again(rows, fresh(room / "rows.parquet")) == rows


@pytest.mark.parametrize("form", FORMS)
@given(rows=typed_rows())
@example(rows=[{"text": "", "whole": None, "fraction": None, "flag": None, "many": [None, None], "inner": None}])
def test_rows_are_the_same_in_whatever_form_they_are_given(form: str, rows: Rows, room: Path) -> None:
    assert read(FORMS[form](rows, room)) == rows


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_ten_thousand_rows_survive_being_given_written_and_read(form: str, ending: str, tmp_path: Path) -> None:
    rows = random_rows()
    assert again(FORMS[form](rows, tmp_path), tmp_path / f"out{ending}") == rows


@pytest.mark.parametrize("form", FORMS)
def test_ten_thousand_rows_of_text_survive_csv(form: str, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "more": (row["inner"])["b"]} for row in random_rows()]
    assert again(FORMS[form](rows, tmp_path), tmp_path / "out.csv") == rows


def test_a_single_column_of_csv_keeps_its_nulls(tmp_path: Path) -> None:
    rows = [{"text": value} for value in (None, "", " ", "a", None, None, "\n")]
    assert again(rows, tmp_path / "rows.csv") == rows


def fresh(path: Path) -> Path:
    """The path, with nothing there."""
    for old in path.parent.glob(f"*{path.name}*"):
        old.unlink()
    return path
