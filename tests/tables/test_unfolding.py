"""A row per prompt with lists becomes one row per candidate, each with the location of its source row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.storage.sample_stores import read_dicts
from winnow.errors import BadTable, UsageError
from winnow.tables.columns import Columns, make_columns
from winnow.tables.open_table import open_rows
from winnow.tables.quarantine import BadRows
from winnow.tables.table import Table


def unfold(rows: list[dict[str, Any]], lists: str, **columns: str) -> Table:
    return open_rows(rows, make_columns(candidates=lists, **columns))


def test_texts_replace_their_list() -> None:
    table = unfold([{"prompt": "p", "samples": ["a", "b"]}, {"prompt": "q", "samples": ["c"]}], "samples")
    assert read_dicts(table) == [{"prompt": p, "samples": s} for p, s in ("pa", "pb", "qc")]


def test_members_of_objects_are_added_to_their_row() -> None:
    rows = [{"prompt": "p", "samples": [{"text": "a", "score": 1}, {"text": "b"}]}]
    table = unfold(rows, "samples")
    assert read_dicts(table) == [{"prompt": "p", "text": "a", "score": 1}, {"prompt": "p", "text": "b"}]
    assert table.columns.text == "text"


def test_parallel_lists_are_unfolded_together() -> None:
    table = unfold(
        [{"prompt": "p", "texts": ["a", "b"], "scores": [1, None]}], "texts,scores", text="texts", score="scores"
    )
    chunks = [arrays for _, arrays in table.read_roles(["text", "score", "id"])]
    assert [(a["text"].to_pylist(), a["score"].to_pylist(), a["id"].to_pylist()) for a in chunks] == [
        (["a", "b"], [1.0, None], ["p#0", "p#1"])
    ]


def test_typed_lists_are_unfolded(tmp_path: Path) -> None:
    table = open_rows(pa.table({"prompt": ["p", "q"], "samples": [["a", None], []]}), Columns(candidates="samples"))
    assert [row["samples"] for row in read_dicts(table)] == ["a", None]


def test_a_candidate_is_located_by_its_line_and_its_number_in_the_list(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"prompt": "p", "samples": ["a"]}\n\n{"prompt": "q", "samples": ["b", true]}\n')
    table = open_rows(path, make_columns(candidates="samples", text="samples"))
    with pytest.raises(BadTable, match="samples is true; the text of a candidate is text") as caught:
        list(table.read_roles(["text"]))
    assert caught.value.where == f"{path}:3[1]"


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a text": ({"samples": "a"}, "samples", "samples is 'a', not a list of candidates"),
    "a number": ({"samples": 5}, "samples", "samples is 5, not a list of candidates"),
    "an object": ({"samples": {"a": 1}}, "samples", "not a list of candidates"),
    "nothing": ({}, "samples", "samples is None, not a list of candidates"),
    "lists of two lengths": (
        {"samples": ["a"], "more": [1, 2]},
        "samples,more",
        "more has 2 entries and samples has 1",
    ),
    "a name that candidate and row both have": (
        {"samples": [{"prompt": "x"}]},
        "samples",
        "a candidate and its row both have 'prompt'",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_rows_that_cannot_be_unfolded_are_refused_with_their_location(kind: str) -> None:
    row, lists, rule = WRONG[kind]
    good = {"prompt": "p", "samples": ["a"], "more": [1]}
    with pytest.raises(BadTable) as caught:
        read_dicts(unfold([good, {"prompt": "q", **row}], lists, text="samples"))
    assert caught.value.where == "rows[1]"
    assert rule in str(caught.value)


def test_a_list_that_is_not_a_column_is_refused() -> None:
    with pytest.raises(UsageError, match="--candidates: 'sample' is not a column of rows. Did you mean 'samples'"):
        unfold([{"prompt": "p", "samples": ["a"]}], "sample")


def test_a_row_that_is_set_aside_does_not_change_the_other_candidates(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows: list[dict[str, Any]] = [
        {"prompt": "p", "samples": ["a"]},
        {"prompt": "q"},
        {"prompt": "r", "samples": ["b", "c"]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = open_rows(path, Columns(candidates="samples"), BadRows(3))
    for _ in range(2):
        assert [(row["prompt"], row["samples"]) for row in read_dicts(table)] == [("p", "a"), ("r", "b"), ("r", "c")]
    assert [bad.place for bad in table.bad_rows] == [f"{path}:2"]
