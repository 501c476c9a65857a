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


def write_labels(path: Path, *lines: str) -> Path:
    """Write a file of labels beside a table."""
    file = path.with_name("labels.csv")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def join(path: Path, file: Path, label: str | None = None) -> list[Any]:
    """Return the label that is joined to each row of a table."""
    table = join_labels(open_rows(path), file, label)
    return [value for _, arrays in table.read_roles(["label"]) for value in arrays["label"].to_pylist()]


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
    assert join(table, write_labels(table, *lines)) == expected
    write_verdicts(table, tmp_path / "v")
    assert join(tmp_path / "v", write_labels(table, *lines)) == expected


@pytest.mark.parametrize("name", ["row", "place", "here", "added0", 'a "b"'])
def test_a_column_of_labels_may_have_any_name(name: str, table: Path, without_ids: Path) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    assert join(table, write_labels(table, f"id,{quoted}", "c1,1"), name) == [None, T, *[None] * 4]
    by_row = write_labels(without_ids, f"text,{quoted}", "a0,1", "a1,", "a2,0", "a3,1")
    assert join(without_ids, by_row, name) == [T, None, F, T]


def test_ids_that_are_numbers_join_with_ids_that_are_text(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": 1, "prompt": "p", "text": "a"}\n{"id": 2, "prompt": "p", "text": "b"}\n')
    assert join(tmp_path / "t.jsonl", write_labels(tmp_path / "t.jsonl", "id,correct", "2,1")) == [None, T]


def test_several_labels_are_joined_at_once(table: Path) -> None:
    file = write_labels(table, "id,faithful,complete", "c1,1,0", "c0,0,")
    rows = read_dicts(join_labels(open_rows(table), file, "faithful,complete"))
    assert [(row["faithful"], row["complete"]) for row in rows[:3]] == [(F, None), (T, F), (None, None)]


REFUSED = {
    "an unknown id": (["id,correct", "c1,1", "c9,1"], ":3", "the id 'c9' is not a candidate of"),
    "an id twice": (["id,correct", "c1,1", "c2,0", "c1,1"], ":4", "the id 'c1' appears twice"),
    "an empty id": (["id,correct", "c1,1", ",1"], ":3", "id is null; every row needs one"),
    "a value that is no label": (["id,correct", "c1,1", "c2,perhaps"], ":3", "correct is 'perhaps'; a label is"),
    "a ragged row": (["id,correct", "c1,1,1"], ":2", "has 3 cells; the header has 2"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("form", ["table", "store"])
def test_labels_that_do_not_fit_are_refused_with_the_line_of_their_file(kind: str, form: str, table: Path) -> None:
    lines, line, rule = REFUSED[kind]
    file = write_labels(table, *lines)
    write_verdicts(table, store := table.with_name("v"))
    with pytest.raises(BadTable) as caught:
        join(table if form == "table" else store, file)
    assert caught.value.where == f"{file}{line}"
    assert rule in str(caught.value)


def test_an_id_that_appears_twice_in_the_table_is_refused_with_its_line(table: Path) -> None:
    table.write_bytes(table.read_bytes() + table.read_bytes().splitlines()[1] + b"\n")
    with pytest.raises(BadTable, match="the id 'c1' appears twice") as caught:
        join(table, write_labels(table, "id,correct", "c2,1"))
    assert caught.value.where == f"{table}:7"


def test_labels_without_ids_are_joined_by_row_when_their_content_agrees(without_ids: Path) -> None:
    file = write_labels(without_ids, "text,correct", "a0,1", "a1,", "a2,0", "a3,1")
    assert join(without_ids, file) == [T, None, F, T]


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
    file = write_labels(without_ids, *lines)
    with pytest.raises(BadTable) as caught:
        join(without_ids, file)
    assert caught.value.where == f"{file}{line}"
    assert rule in str(caught.value)


def test_labels_that_share_neither_id_nor_text_are_refused(without_ids: Path) -> None:
    with pytest.raises(UsageError, match="shares neither an id nor a text"):
        join(without_ids, write_labels(without_ids, "number,correct", "0,1"))


def test_a_file_without_a_column_of_labels_is_refused(table: Path) -> None:
    with pytest.raises(UsageError, match="no column is known as the label"):
        join(table, write_labels(table, "id,right", "c1,1"))
    with pytest.raises(UsageError, match="Did you mean 'right'"):
        join(table, write_labels(table, "id,right", "c1,1"), "rigth")


def test_a_column_that_both_files_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "a", "prompt": "p", "text": "t", "correct": true}\n')
    with pytest.raises(UsageError, match="have a column 'correct'"):
        join(tmp_path / "t.jsonl", write_labels(tmp_path / "t.jsonl", "id,correct", "a,1"))


def test_labels_are_joined_across_many_chunks(tmp_path: Path) -> None:
    rows = [{"id": f"c{i}", "prompt": "p", "text": str(i)} for i in range(20_000)]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(f'{{"id": "c{i}", "correct": {i % 3 % 2}}}\n' for i in range(19_999, -1, -3)))
    joined = read_dicts(join_labels(open_rows(rows), file))
    assert [row["correct"] for row in joined] == [
        bool(i % 3 % 2) if i % 3 == 19_999 % 3 else None for i in range(20_000)
    ]
    assert [row["id"] for row in joined] == [row["id"] for row in rows]


def accept_capitals(completions: Sequence[str]) -> list[bool]:
    return [text.isupper() for text in completions]


def test_verdicts_of_a_store_are_joined_to_the_rows_of_a_table(table: Path, tmp_path: Path) -> None:
    write_verdicts(table, tmp_path / "v")
    rows = read_dicts(join_verdicts(open_rows(table), tmp_path / "v"))
    assert [row["accept_yes.verdict"] for row in rows] == ["fail", "pass", "pass"] * 2
    assert set(rows[0]) == {"id", "prompt", "text", "accept_yes.verdict", "accept_yes.score", "accept_yes.reason"}


def test_verdicts_are_joined_by_generated_ids(without_ids: Path, tmp_path: Path) -> None:
    verify(open_rows(without_ids), [make_verifier(accept_yes), make_verifier(accept_capitals)], tmp_path / "v")
    rows = read_dicts(join_verdicts(open_rows(without_ids), tmp_path / "v"))
    assert [row["accept_capitals.verdict"] for row in rows] == ["fail"] * 4


def test_verdicts_of_an_empty_store_are_null(table: Path, tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("id,prompt,text\n")
    write_verdicts(tmp_path / "e.csv", tmp_path / "v")
    rows = read_dicts(join_verdicts(open_rows(table), tmp_path / "v"))
    assert [row["accept_yes.verdict"] for row in rows] == [None] * 6


def test_verdicts_from_a_file_instead_of_a_store_are_refused(table: Path) -> None:
    with pytest.raises(UsageError, match="is not a store"):
        join_verdicts(open_rows(table), table)


def test_verdicts_of_other_candidates_are_refused(table: Path, tmp_path: Path) -> None:
    write_verdicts(write_rows(tmp_path / "u.jsonl", 8), tmp_path / "v")
    with pytest.raises(BadTable, match="the id 'c6' is not a candidate of"):
        join_verdicts(open_rows(table), tmp_path / "v")


def test_a_joined_table_reads_only_the_requested_columns(table: Path) -> None:
    joined = join_labels(open_rows(table, Columns(text="text")), write_labels(table, "id,correct", "c1,1"))
    (chunk,) = [chunk for chunk, _ in joined.read_roles([], extra_columns=["correct"])]
    assert chunk.names() == ["correct"]
    assert chunk.locate(1) == f"{table}:2"


def test_the_stream_of_joined_labels_holds_only_labeled_rows(tmp_path: Path) -> None:
    rows = [{"id": f"c{i}", "prompt": "p", "text": str(i)} for i in range(5_000)]
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "c4000", "correct": 1}\n{"id": "c7", "correct": 0}\n')
    source = join_labels(open_rows(rows), file).source
    assert isinstance(source, JoinedSource)
    streamed = [column.to_pylist() for batch in source.stream() if len(batch) for column in batch.columns]
    assert streamed == [[7, 4000], [0.0, 1.0]]


def test_labels_by_several_people_become_one_column_per_person(table: Path) -> None:
    file = write_labels(table, "id,by,correct", "c1,bob,1", "c1,ann,0", "c4,bob,")
    joined = join_labels(open_rows(table), file, several_labelers=True)
    labels = [(row["correct by ann"], row["correct by bob"]) for row in read_dicts(joined)]
    assert labels == [(None, None), (0.0, 1.0), *[(None, None)] * 4]
    assert joined.columns.label == "correct by ann,correct by bob"


def test_a_joined_table_can_be_read_repeatedly(table: Path) -> None:
    joined = join_labels(open_rows(table), write_labels(table, "id,correct", "c1,1"))
    assert read_dicts(joined) == read_dicts(joined)
