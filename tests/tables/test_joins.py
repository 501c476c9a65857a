"""Labels and verdicts from other files are joined to the right rows, or refused with both locations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.storage.sample_stores import accept_yes, read_dicts, write_rows, write_verdicts
from winnow.errors import BadTable, UsageError
from winnow.stages.verify.stage import verify
from winnow.tables.columns import Columns
from winnow.tables.joins import JoinedSource
from winnow.tables.open_table import join_labels, join_verdicts, open_rows
from winnow.verifiers.registry import make_verifier

T, F = True, False


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Six candidates c0 ... c5."""
    return write_rows(tmp_path / "t.jsonl")


@pytest.fixture
def without_ids(tmp_path: Path) -> Path:
    """Four candidates of two prompts, without ids."""
    rows = [{"prompt": f"q{i // 2}", "text": f"a{i}"} for i in range(4)]
    path = tmp_path / "n.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labels(path: Path, *lines: str) -> Path:
    """A file of labels beside the table."""
    file = path.with_name("labels.csv")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def joined(path: Path, file: Path, label: str | None = None) -> list[Any]:
    """The labels as they stand beside the rows."""
    table = join_labels(open_rows(path), file, label)
    return [value for _, parts in table.read_roles(["label"]) for value in parts["label"].to_pylist()]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["id,correct", *(f"c{i},{i % 2}" for i in range(6))], [F, T, F, T, F, T]),
        (["id,correct", *(f"c{i},{i % 2}" for i in (5, 0, 3))], [F, None, None, T, None, T]),
        (["correct,id", "true,c2", ",c1", "FALSE,c0"], [F, None, T, None, None, None]),
        (["id,correct"], [None] * 6),
    ],
    ids=["all of them", "some, in another order", "null and words", "none"],
)
def test_labels_are_joined_by_id(lines: list[str], expected: list[Any], table: Path, tmp_path: Path) -> None:
    assert joined(table, labels(table, *lines)) == expected
    write_verdicts(table, tmp_path / "v")
    assert joined(tmp_path / "v", labels(table, *lines)) == expected


@pytest.mark.parametrize("name", ["row", "place", "here", "added0", 'a "b"'])
def test_a_column_of_labels_may_have_any_name(name: str, table: Path, without_ids: Path) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    assert joined(table, labels(table, f"id,{quoted}", "c1,1"), name) == [None, T, *[None] * 4]
    by_row = labels(without_ids, f"text,{quoted}", "a0,1", "a1,", "a2,0", "a3,1")
    assert joined(without_ids, by_row, name) == [T, None, F, T]


def test_ids_that_are_numbers_join_with_ids_that_are_text(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": 1, "prompt": "p", "text": "a"}\n{"id": 2, "prompt": "p", "text": "b"}\n')
    assert joined(tmp_path / "t.jsonl", labels(tmp_path / "t.jsonl", "id,correct", "2,1")) == [None, T]


def test_several_labels_are_joined_at_once(table: Path) -> None:
    file = labels(table, "id,faithful,complete", "c1,1,0", "c0,0,")
    rows = read_dicts(join_labels(open_rows(table), file, "faithful,complete"))
    assert [(row["faithful"], row["complete"]) for row in rows[:3]] == [(F, None), (T, F), (None, None)]


REFUSED = {
    "a stranger": (["id,correct", "c1,1", "c9,1"], ":3", "the id 'c9' is not a candidate of"),
    "an id twice": (["id,correct", "c1,1", "c2,0", "c1,1"], ":4", "the id 'c1' appears twice"),
    "an empty id": (["id,correct", "c1,1", ",1"], ":3", "id is null; every row needs one"),
    "a label that is none": (["id,correct", "c1,1", "c2,perhaps"], ":3", "correct is 'perhaps'; a label is"),
    "a ragged row": (["id,correct", "c1,1,1"], ":2", "has 3 cells; the header has 2"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("given", ["table", "store"])
def test_labels_that_do_not_fit_are_refused_with_the_line_of_their_file(kind: str, given: str, table: Path) -> None:
    lines, line, rule = REFUSED[kind]
    file = labels(table, *lines)
    write_verdicts(table, store := table.with_name("v"))
    with pytest.raises(BadTable) as caught:
        joined(table if given == "table" else store, file)
    assert caught.value.where == f"{file}{line}"
    assert rule in str(caught.value)


def test_an_id_that_stands_twice_in_the_table_is_refused_where_it_stands(table: Path) -> None:
    table.write_bytes(table.read_bytes() + table.read_bytes().splitlines()[1] + b"\n")
    with pytest.raises(BadTable, match="the id 'c1' appears twice") as caught:
        joined(table, labels(table, "id,correct", "c2,1"))
    assert caught.value.where == f"{table}:7"


def test_labels_without_ids_are_joined_by_row_when_their_content_agrees(without_ids: Path) -> None:
    file = labels(without_ids, "text,correct", "a0,1", "a1,", "a2,0", "a3,1")
    assert joined(without_ids, file) == [T, None, F, T]


BY_ROW = {
    "the order changed": (
        ["text,correct", "a0,1", "a2,0", "a1,1", "a3,1"],
        ":3",
        "its text is 'a2', unlike the row at",
    ),
    "a row is missing": (["text,correct", "a0,1", "a1,0", "a2,1"], "", "has 3 rows and"),
    "a row too many": (
        ["text,correct", *(f"a{i},1" for i in range(5))],
        ":6",
        "has no more rows",
    ),
    "a text was edited": (["text,correct", "a0,1", "a1 ,0", "a2,1", "a3,1"], ":3", "its text is 'a1 '"),
    "no rows": (["text,correct"], "", "has 0 rows and"),
}


@pytest.mark.parametrize("kind", BY_ROW)
def test_labels_by_row_whose_content_differs_are_refused(kind: str, without_ids: Path) -> None:
    lines, line, rule = BY_ROW[kind]
    file = labels(without_ids, *lines)
    with pytest.raises(BadTable) as caught:
        joined(without_ids, file)
    assert caught.value.where == f"{file}{line}"
    assert rule in str(caught.value)


def test_labels_that_share_neither_id_nor_text_are_refused(without_ids: Path) -> None:
    with pytest.raises(UsageError, match="shares neither an id nor a text"):
        joined(without_ids, labels(without_ids, "number,correct", "0,1"))


def test_labels_without_a_label_are_refused(table: Path) -> None:
    with pytest.raises(UsageError, match="no column is known as the label"):
        joined(table, labels(table, "id,right", "c1,1"))
    with pytest.raises(UsageError, match="Did you mean 'right'"):
        joined(table, labels(table, "id,right", "c1,1"), "rigth")


def test_a_column_that_both_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "a", "prompt": "p", "text": "t", "correct": true}\n')
    with pytest.raises(UsageError, match="have a column 'correct'"):
        joined(tmp_path / "t.jsonl", labels(tmp_path / "t.jsonl", "id,correct", "a,1"))


def test_labels_stand_beside_every_row_of_many_chunks(tmp_path: Path) -> None:
    rows = [{"id": f"c{i}", "prompt": "p", "text": str(i)} for i in range(20_000)]
    given = open_rows(rows)
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(f'{{"id": "c{i}", "correct": {i % 3 % 2}}}\n' for i in range(19_999, -1, -3)))
    beside = read_dicts(join_labels(given, file))
    assert [row["correct"] for row in beside] == [
        bool(i % 3 % 2) if i % 3 == 19_999 % 3 else None for i in range(20_000)
    ]
    assert [row["id"] for row in beside] == [row["id"] for row in rows]


def loud(completions: Sequence[str]) -> list[bool]:
    """Another verifier."""
    return [text.isupper() for text in completions]


def test_verdicts_of_a_store_stand_beside_the_rows_of_a_table(table: Path, tmp_path: Path) -> None:
    write_verdicts(table, tmp_path / "v")
    rows = read_dicts(join_verdicts(open_rows(table), tmp_path / "v"))
    assert [row["accept_yes.verdict"] for row in rows] == ["fail", "pass", "pass"] * 2
    assert set(rows[0]) == {"id", "prompt", "text", "accept_yes.verdict", "accept_yes.score", "accept_yes.reason"}


def test_verdicts_of_made_ids_find_their_rows(without_ids: Path, tmp_path: Path) -> None:
    verify(open_rows(without_ids), [make_verifier(accept_yes), make_verifier(loud)], tmp_path / "v")
    rows = read_dicts(join_verdicts(open_rows(without_ids), tmp_path / "v"))
    assert [row["loud.verdict"] for row in rows] == ["fail"] * 4


def test_verdicts_of_an_empty_store_are_null(table: Path, tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("id,prompt,text\n")
    write_verdicts(tmp_path / "e.csv", tmp_path / "v")
    rows = read_dicts(join_verdicts(open_rows(table), tmp_path / "v"))
    assert [row["accept_yes.verdict"] for row in rows] == [None] * 6


def test_verdicts_from_a_file_that_is_no_store_are_refused(table: Path) -> None:
    with pytest.raises(UsageError, match="is not a store"):
        join_verdicts(open_rows(table), table)


def test_verdicts_over_other_candidates_are_refused(table: Path, tmp_path: Path) -> None:
    write_verdicts(write_rows(tmp_path / "u.jsonl", 8), tmp_path / "v")
    with pytest.raises(BadTable, match="the id 'c6' is not a candidate of"):
        join_verdicts(open_rows(table), tmp_path / "v")


def test_a_joined_table_reads_only_the_columns_asked_for(table: Path) -> None:
    given = join_labels(open_rows(table, Columns(text="text")), labels(table, "id,correct", "c1,1"))
    (chunk,) = [chunk for chunk, _ in given.read_roles([], extra_columns=["correct"])]
    assert chunk.names() == ["correct"]
    assert chunk.locate(1) == f"{table}:2"


def test_a_label_joined_to_many_rows_holds_no_row_without_one(tmp_path: Path) -> None:
    rows = [{"id": f"c{i}", "prompt": "p", "text": str(i)} for i in range(5_000)]
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "c4000", "correct": 1}\n{"id": "c7", "correct": 0}\n')
    source = join_labels(open_rows(rows), file).source
    assert isinstance(source, JoinedSource)
    found = [column.to_pylist() for batch in source.stream() if len(batch) for column in batch.columns]
    assert found == [[7, 4000], [0.0, 1.0]]


def test_labels_by_several_people_stand_in_a_column_for_each(table: Path) -> None:
    file = labels(table, "id,by,correct", "c1,bob,1", "c1,ann,0", "c4,bob,")
    given = join_labels(open_rows(table), file, several_labelers=True)
    said = [(row["correct by ann"], row["correct by bob"]) for row in read_dicts(given)]
    assert said == [(None, None), (0.0, 1.0), *[(None, None)] * 4]
    assert given.columns.label == "correct by ann,correct by bob"


def test_what_was_joined_can_be_read_again_and_again(table: Path) -> None:
    given = join_labels(open_rows(table), labels(table, "id,correct", "c1,1"))
    assert read_dicts(given) == read_dicts(given)
