"""The results of stages are displayed, converted to other libraries, and read as tables."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import winnow

ROWS: list[dict[str, Any]] = [
    {"id": f"c{n}", "n": n, "prompt": f"p{n % 3}", "text": f"<b>{n}</b>", "score": n / 10} for n in range(30)
]
KEPT = [{**row, "winnow_rule": "score >= 1", "winnow_weight": 1.0} for row in ROWS[10:]]
NAMES = [*ROWS[0], "winnow_rule", "winnow_weight"]


@pytest.fixture(params=["memory", "jsonl", "parquet", "store", "frame"])
def chosen(request: pytest.FixtureRequest, tmp_path: Path) -> winnow.Selected:
    """The same selection from every kind of place."""
    places = {"jsonl": "s.jsonl", "parquet": "s.parquet", "store": "s"}
    given: Any = pa.Table.from_pylist(ROWS) if request.param == "frame" else ROWS
    out = tmp_path / places[request.param] if request.param in places else None
    return winnow.select(given, threshold=1, out=out)


def test_rows_can_be_iterated_repeatedly_as_dictionaries(chosen: winnow.Selected) -> None:
    assert list(chosen) == KEPT
    assert chosen.to_list() == KEPT
    assert len(chosen) == 20


def test_rows_convert_to_arrow_pandas_and_polars(chosen: winnow.Selected) -> None:
    expected = pa.Table.from_pylist(KEPT)
    assert chosen.to_arrow().equals(expected)
    assert chosen.to_pandas().to_dict("records") == KEPT
    assert list(chosen.to_pandas().columns) == NAMES
    assert chosen.to_polars().to_dicts() == KEPT
    assert pa.table(chosen).equals(expected)  # through __arrow_c_stream__
    assert pl.DataFrame(chosen).to_dicts() == KEPT
    assert pd.DataFrame(list(chosen)).shape == (20, 7)


def test_a_result_is_a_table_for_the_next_stage(chosen: winnow.Selected, tmp_path: Path) -> None:
    assert chosen.table.columns.text == "text"
    checked = winnow.verify(chosen, lambda completions: ["5" in text for text in completions])
    again = winnow.select(checked)
    assert [row["n"] for row in again] == [15, 25]
    assert [row["winnow_rule"] for row in again] == ["passed", "passed"]
    assert "score >= 1" not in again.to_list()[0].values()


def test_a_result_prints_what_was_done(chosen: winnow.Selected) -> None:
    first, *rest = repr(chosen).split("\n")
    assert first == "selected 20 of 30 rows (66.7%) by: score >= 1"
    assert "  beyond the threshold: 10 left out" in rest
    assert any(line.startswith("  mean length: 8.7 -> 9.0 characters (+3.8%") for line in rest)
    assert "  answers per prompt: 10.00 -> 6.67" in rest
    assert "  prompts without any row left: 0 of 3 (0.0%)" in rest
    assert str(chosen) == repr(chosen)


def test_the_html_of_a_result_shows_its_first_rows_escaped() -> None:
    evil = "<script>alert('1')</script>&amp;"
    rows = [{"n": n, "text": evil, f"col{evil}": evil * 9, "none": None} for n in range(9)]
    chosen = winnow.select(pa.Table.from_pylist(rows), max_rows=8)
    page = chosen._repr_html_()
    assert page.count("<tr>") == 1 + 5
    assert set(re.findall(r"</?(\w+)", page)) == {"p", "table", "tr", "th", "td"}
    assert f"<td>{html.escape(evil)}</td>" in page
    assert f"<th>{html.escape(f'col{evil}')}</th>" in page
    assert "…</td>" in page
    assert "<td></td>" in page
    assert "<p>selected 8 of 9 rows (88.9%) by: at most 8" in page


def test_a_control_prints_its_size() -> None:
    control = winnow.select(ROWS, threshold=1, control=True).control
    assert repr(control) == "20 rows of rows"


def test_input_rows_are_not_changed() -> None:
    rows: list[dict[str, Any]] = [{**row, "deep": {"list": [1, {"a": None}]}} for row in ROWS]
    before = repr(rows)
    chosen = winnow.select(winnow.verify(rows, lambda completions: [True] * len(completions)), threshold=1)
    assert repr(rows) == before
    assert "winnow_rule" not in rows[0]
    assert chosen.to_list()[0]["deep"] == {"list": [1, {"a": None}]}


def test_columns_missing_in_some_rows_are_null_in_a_frame() -> None:
    rows: list[dict[str, Any]] = [{"text": "a"}, {"text": "b", "more": 1}, {"text": "c", "more": 2.5}]
    chosen = winnow.select(rows, distinct=True)
    assert chosen.to_arrow()["more"].to_pylist() == [None, 1.0, 2.5]
    assert chosen.to_list() == [{**row, "winnow_rule": "distinct", "winnow_weight": 1.0} for row in rows]


def test_a_column_with_mixed_types_is_refused_as_a_frame_and_kept_as_rows() -> None:
    chosen = winnow.select([{"text": "a", "x": 1}, {"text": "b", "x": "one"}], distinct=True)
    with pytest.raises(winnow.BadTable, match="column 'x' from here on has no single type"):
        chosen.to_pandas()
    assert [row["x"] for row in chosen] == [1, "one"]


def test_rows_in_memory_keep_the_locations_of_their_source() -> None:
    chosen = winnow.select(ROWS, threshold=2)
    rows = [{**row, "score": "high" if row["n"] == 25 else row["score"]} for row in chosen]
    with pytest.raises(winnow.BadTable, match=r"rows\[5\]: score is 'high'; a score is a finite number or null"):
        winnow.select(rows, threshold=0)
    with pytest.raises(winnow.BadTable, match=r"^rows\[20\]"):
        winnow.select(chosen, threshold=0, score="text")
    many = [{"text": "t", "score": "high" if n == 8999 else n} for n in range(9000)]
    checked = winnow.verify(many, lambda completions: [True] * len(completions))
    with pytest.raises(winnow.BadTable, match=r"^rows\[8999\]: score is 'high'"):
        winnow.select(checked, threshold=0)


def test_a_card_is_shown_in_a_terminal_and_in_a_notebook() -> None:
    rows = [
        {"id": str(i), "prompt": f"p{i // 2}", "ok": i % 3 > 0, "v.verdict": "pass" if i % 5 else "fail"}
        for i in range(90)
    ]
    measured = winnow.measure(rows, verdict="v", label="ok", id="id", prompt="prompt")
    assert repr(measured) == measured.describe()
    assert measured._repr_html_().startswith("<pre>v\n")
    assert "right among kept" in measured._repr_html_()
