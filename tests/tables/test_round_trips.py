"""Rows are the same after writing and reading, for every output format and every input form."""

from __future__ import annotations

import gzip
import importlib
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.storage.sample_stores import read_dicts
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


def write_and_read(rows: object, path: Path) -> Rows:
    table = open_rows(rows)
    with write_flat_file(path, FlatLayout(table.source, table.bad_rows, pa.schema([]))) as writer:
        for chunk in table.source.chunks(table.bad_rows):
            writer.write(chunk)
    return read_dicts(open_rows(path))


@st.composite
def cells(draw: st.DrawFn) -> Rows:
    """Draw rows of texts and nulls in columns with any names."""
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    return draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELL)), min_size=1, max_size=6))


def typed_rows() -> st.SearchStrategy[Rows]:
    """Return the strategy for rows whose columns have one type each."""
    return st.lists(st.fixed_dictionaries(TYPED), min_size=1, max_size=6)


@cache
def random_rows(count: int) -> Rows:
    """Generate rows of texts that have broken readers before; each column has one type."""
    draws = random.Random(1)

    def text() -> str | None:
        return None if draws.random() < 0.1 else "".join(draws.choices([*PIECES, "abc", "12"], k=draws.randrange(6)))

    def row(number: int) -> dict[str, Any]:
        whole = draws.choice([None, number, -(2**63), 2**63 - 1])
        fraction = draws.choice([None, 0.1, -0.0, 5e-324, 1.7976931348623157e308, draws.random()])
        values = (text(), whole, fraction, draws.choice([None, True, False]), [text()] * draws.randrange(3))
        return dict(zip(TYPED, (*values, {"a": whole, "b": text()}), strict=True))

    return [row(number) for number in range(count)]


def save_dataset(rows: Rows, folder: Path) -> Path:
    """Save a dataset of two files."""
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pylist(rows)
    half = len(rows) // 2
    for name, content in (("a.arrow", table.slice(0, half)), ("b.arrow", table.slice(half))):
        (folder / name).write_bytes(arrow(content, stream=True))
    state = {"_data_files": [{"filename": "a.arrow"}, {"filename": "b.arrow"}]}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def compressor(name: str, compress: Callable[[bytes], bytes]) -> Callable[[Rows, Path], object]:
    """Return the function that writes rows to a compressed file."""

    def write(rows: Rows, folder: Path) -> object:
        (folder / name).write_bytes(compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
        return folder / name

    return write


FORMS: dict[str, Callable[[Rows, Path], object]] = {
    "dictionaries": lambda rows, folder: rows,
    "Arrow": lambda rows, folder: pa.Table.from_pylist(rows),
    "pandas": lambda rows, folder: pandas.DataFrame(
        pa.Table.from_pylist(rows).to_pandas(types_mapper=pandas.ArrowDtype)
    ),
    "Polars": lambda rows, folder: polars.from_arrow(pa.Table.from_pylist(rows)),
    "a saved dataset": lambda rows, folder: save_dataset(rows, folder / "saved"),
    "gzip": compressor("rows.jsonl.gz", gzip.compress),
    "Zstandard": compressor("rows.jsonl.zst", zstd),
}


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """A folder in which each example overwrites the files of the last one."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@given(rows=cells())
@example(rows=[{"[": None}])
@example(rows=[{"{": "["}])
def test_csv_keeps_texts_and_nulls_and_distinguishes_empty_text_from_null(rows: Rows, shared_folder: Path) -> None:
    assert write_and_read(rows, remove_old(shared_folder / "rows.csv")) == rows


@given(rows=st.lists(st.dictionaries(TEXT, JSON, min_size=1, max_size=4), min_size=1, max_size=6))
def test_json_lines_keep_any_json(rows: Rows, shared_folder: Path) -> None:
    assert write_and_read(rows, remove_old(shared_folder / "rows.jsonl")) == rows


@given(rows=typed_rows())
def test_parquet_keeps_typed_rows(rows: Rows, shared_folder: Path) -> None:
    assert write_and_read(rows, remove_old(shared_folder / "rows.parquet")) == rows


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25)
@given(rows=typed_rows())
@example(rows=[{"text": "", "whole": None, "fraction": None, "flag": None, "many": [None, None], "inner": None}])
def test_rows_are_the_same_in_every_input_form(form: str, rows: Rows, shared_folder: Path) -> None:
    assert read_dicts(open_rows(FORMS[form](rows, shared_folder))) == rows


ROW_COUNTS = {form: 10_000 if form == "dictionaries" else 2_000 for form in FORMS}
"""Rows of dictionaries are read in several chunks."""


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_many_rows_of_every_input_form_are_kept(form: str, suffix: str, tmp_path: Path) -> None:
    rows = random_rows(ROW_COUNTS[form])
    assert write_and_read(FORMS[form](rows, tmp_path), tmp_path / f"out{suffix}") == rows


@pytest.mark.parametrize("form", FORMS)
def test_many_rows_of_text_are_kept_by_csv(form: str, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "more": row["inner"]["b"]} for row in random_rows(ROW_COUNTS[form])]
    assert write_and_read(FORMS[form](rows, tmp_path), tmp_path / "out.csv") == rows


def test_a_single_column_of_csv_keeps_its_nulls(tmp_path: Path) -> None:
    rows = [{"text": value} for value in (None, "", " ", "a", None, None, "\n")]
    assert write_and_read(rows, tmp_path / "rows.csv") == rows


def remove_old(path: Path) -> Path:
    """Remove the file and what belongs to it."""
    for old in path.parent.glob(f"*{path.name}*"):
        old.unlink()
    return path
