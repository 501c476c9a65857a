"""A row of JSON Lines is written with the bytes it was read with, and new members are added at its end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.tables.chunks import Chunk
from winnow.tables.open_table import open_rows

NUMBERS = ["1.0", "1e5", "1E+05", "0.10", "-0", "-0.0", "12345678901234567890123", "3.0000000000000004", "1e-7", "100"]
TEXTS = [r'"\u00e9"', '"é"', r'"\/"', r'"\ud83d\ude00"', '"a} b"', r'"\"}"', '"\u2028"', r'"\u001e"', '"{"']
OTHERS = ["null", "true", "[ ]", "{ }", '[1.0 , {"b" :2.50}]', '{"z":1,"a":[{}]}']
SPACE = st.sampled_from(["", " ", "  ", "\t"])


@st.composite
def line(draw: st.DrawFn) -> bytes:
    """Draw an object with any order, spacing, spelling of numbers and escapes."""
    names = draw(
        st.lists(st.sampled_from(["b", "a", "é", "z z", "\\u0061b", "}"]), min_size=1, max_size=4, unique=True)
    )
    values = [draw(st.sampled_from([*NUMBERS, *TEXTS, *OTHERS])) for _ in names]
    space = [draw(SPACE) for _ in range(5)]
    pairs = [f'"{n}"{space[0]}:{space[1]}{v}' for n, v in zip(names, values, strict=True)]
    return ("{" + space[2] + f"{space[3]},{space[4]}".join(pairs) + space[2] + "}").encode()


def read_chunk(path: Path, *rows: bytes) -> Chunk:
    """Write lines to a file and read them."""
    path.write_bytes(b"\n".join(rows) + b"\n")
    table = open_rows(path)
    return next(iter(table.source.chunks(table.bad_rows)))


@pytest.fixture(scope="session")
def path() -> Iterator[Path]:
    """A file that each example writes anew."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "rows.jsonl"


@given(rows=st.lists(line(), min_size=1, max_size=5))
def test_an_unchanged_row_keeps_every_byte(rows: list[bytes], path: Path) -> None:
    assert list(read_chunk(path, *rows).json_lines()) == rows


@given(row=line(), verdict=st.sampled_from(["pass", None, 'a "quoted" é\n']), score=st.none() | st.floats(0, 1))
def test_new_members_are_appended_to_the_bytes_of_the_row(
    row: bytes, verdict: str | None, score: float | None, path: Path
) -> None:
    new = {"x.verdict": pa.array([verdict], pa.string()), "x.score": pa.array([score], pa.float64())}
    (out,) = read_chunk(path, row).with_columns(new).json_lines()
    assert out.startswith(row[:-1].rstrip() + b", ")
    assert json.loads(out) == {**json.loads(row), "x.verdict": verdict, "x.score": score}
    assert b"\n" not in out


def test_an_empty_row_gets_its_members_without_a_comma(path: Path) -> None:
    chunk = read_chunk(path, b'{"a": 1}', b"{ }").with_columns({"v": pa.array([1, 2])})
    assert list(chunk.json_lines()) == [b'{"a": 1, "v": 1}', b'{"v": 2}']


def test_a_member_that_is_replaced_is_written_once(path: Path) -> None:
    chunk = read_chunk(path, b'{"v": 1.0, "a": 1.0}').with_columns({"v": pa.array([2])})
    assert list(chunk.json_lines()) == [b'{"a": 1.0, "v": 2}']


def test_reordered_rows_keep_their_bytes_and_locations(path: Path) -> None:
    chunk = read_chunk(path, b'{"a":1}', b"", b'{"a" :2}', b'{"a": 3}')
    taken = chunk.take(np.array([2, 1]))
    assert list(taken.json_lines()) == [b'{"a": 3}', b'{"a" :2}']
    assert [taken.locate(i).rpartition(":")[2] for i in range(2)] == ["4", "3"]
