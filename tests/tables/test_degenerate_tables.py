"""Tables without rows, with one row or without variety give a defined result in every form."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.storage.sample_stores import accept_yes, read_dicts
from winnow.errors import BadTable
from winnow.stages.verify.stage import verify
from winnow.tables.open_table import join_labels, open_rows
from winnow.tables.table import ROLE_READERS, Table
from winnow.verifiers.registry import make_verifier

pandas: Any = importlib.import_module("pandas")  # it ships no types
TYPES = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("text", pa.string()),
        ("score", pa.float64()),
        ("correct", pa.bool_()),
    ]
)
OUTS = ["v", "v.jsonl", "v.csv", "v.parquet"]


def write_csv_header(folder: Path) -> object:
    (folder / "t.csv").write_text(",".join(TYPES.names) + "\n")
    return folder / "t.csv"


def write_empty_parquet(folder: Path) -> object:
    pq.write_table(TYPES.empty_table(), folder / "t.parquet")
    return folder / "t.parquet"


EMPTY: dict[str, Callable[[Path], object]] = {
    "CSV": write_csv_header,
    "Parquet": write_empty_parquet,
    "Arrow": lambda folder: TYPES.empty_table(),
    "pandas": lambda folder: pandas.DataFrame({name: pandas.Series(dtype=str) for name in TYPES.names}),
    "Polars": lambda folder: polars.DataFrame(schema=dict.fromkeys(TYPES.names, polars.String)),
}


def read_all_roles(table: Table) -> dict[str, list[Any]]:
    """Return the values of every role, over all rows."""
    values: dict[str, list[Any]] = {role: [] for role in ROLE_READERS if table.has_role(role)}
    for _, arrays in table.read_roles(list(values)):
        for role in values:
            values[role] += arrays[role].to_pylist()
    return values


@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("form", EMPTY)
def test_a_table_without_rows_is_verified_into_one_without_rows(form: str, out: str, tmp_path: Path) -> None:
    table = open_rows(EMPTY[form](tmp_path))
    assert read_all_roles(table) == {role: [] for role in ROLE_READERS if table.has_role(role)}
    verified = verify(table, [make_verifier(accept_yes)], tmp_path / out)
    assert (len(verified), verified.summary["verifiers"][0]["keep_rate"]) == (0, None)
    result = open_rows(tmp_path / out)
    assert read_dicts(result) == []
    assert {"text", "accept_yes.verdict"} <= set(result.names())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_json_lines_without_rows_have_no_columns_and_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(content)
    with pytest.raises(BadTable, match="holds no row with a column"):
        open_rows(tmp_path / "t.jsonl")
    with pytest.raises(BadTable, match="holds no row with a column"):
        open_rows([])


ROW = {"id": "c0", "prompt": "p", "text": "yes", "score": 0.5, "correct": True}
UNIFORM_ROWS: dict[str, list[dict[str, Any]]] = {
    "one row": [ROW],
    "one class only": [{**ROW, "id": f"c{i}"} for i in range(9)],
    "all equal except for their ids": [{**ROW, "id": f"c{i}", "correct": None} for i in range(9)],
    "all texts null": [{**ROW, "id": f"c{i}", "text": None} for i in range(9)],
    "no score and no label": [{**ROW, "id": f"c{i}", "score": None, "correct": None} for i in range(9)],
    "one prompt each": [{**ROW, "id": f"c{i}", "prompt": f"p{i}"} for i in range(9)],
}


@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("kind", UNIFORM_ROWS)
def test_a_table_without_variety_is_read_verified_and_read_again(kind: str, out: str, tmp_path: Path) -> None:
    rows = UNIFORM_ROWS[kind]
    assert read_all_roles(open_rows(rows)) == {
        "text": [row["text"] for row in rows],
        "prompt": [row["prompt"] for row in rows],
        "prompt_text": [row["prompt"] for row in rows],
        "score": [row["score"] for row in rows],
        "id": [row["id"] for row in rows],
        "label": [row["correct"] for row in rows],
    }
    verified = verify(open_rows(rows), [make_verifier(accept_yes)], tmp_path / out)
    expected = ["abstain" if row["text"] is None else "pass" for row in rows]
    assert [row["accept_yes.verdict"] for row in read_dicts(open_rows(tmp_path / out))] == expected
    assert len(verified) == len(rows)


def test_equal_rows_are_refused_for_their_id(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"rows\[1\]: id is 'c0', as at rows\[0\]; an id names one candidate"):
        verify(open_rows([ROW, ROW]), [make_verifier(accept_yes)], tmp_path / "v.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_labels_without_rows_join_a_table_without_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("prompt,text\n")
    (tmp_path / "l.csv").write_text("text,correct\n")
    assert read_dicts(join_labels(open_rows(tmp_path / "t.csv"), tmp_path / "l.csv")) == []


def test_all_labels_null_join_as_null(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("id,correct\nc0,\n")
    rows = [{"id": "c0", "prompt": "p", "text": "t"}]
    assert [row["correct"] for row in read_dicts(join_labels(open_rows(rows), tmp_path / "l.csv"))] == [None]
