"""A store finds its source again after a move, over another store, from a pipe and from memory."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import polars
import pyarrow as pa
import pytest

from tests.storage.sample_stores import accept_yes, make_rows, read_dicts, read_verdicts, write_rows, write_verdicts
from winnow.errors import BadTable, BrokenPromise
from winnow.stages.verify.stage import verify
from winnow.tables.columns import Columns
from winnow.tables.open_table import join_labels, open_rows
from winnow.tables.quarantine import BadRows
from winnow.verifiers.registry import make_verifier

EXPECTED = ["fail", "pass", "pass"] * 2


def test_source_and_store_survive_the_move_of_their_parent(tmp_path: Path) -> None:
    write_verdicts(write_rows(tmp_path / "a" / "in" / "t.jsonl"), tmp_path / "a" / "out" / "v")
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert read_verdicts(tmp_path / "b" / "out" / "v") == EXPECTED


def test_a_store_moved_away_from_its_source_names_the_missing_file(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl")
    write_verdicts(source, tmp_path / "v")
    shutil.move(tmp_path / "v", tmp_path / "far" / "away" / "v")
    with pytest.raises(BadTable, match="is the source of .* and is no longer there"):
        open_rows(tmp_path / "far" / "away" / "v")


def test_a_store_is_read_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "t.jsonl")
    monkeypatch.chdir(tmp_path)
    write_verdicts("t.jsonl", Path("v"))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert read_verdicts("../v") == EXPECTED


def test_a_pattern_of_files_is_one_source(tmp_path: Path) -> None:
    write_rows(tmp_path / "in" / "a.jsonl", 3)
    later = [{**row, "id": f"d{i}"} for i, row in enumerate(make_rows(3))]
    (tmp_path / "in" / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in later))
    write_verdicts(str(tmp_path / "in" / "*.jsonl"), tmp_path / "v")
    write_rows(tmp_path / "in" / "c.jsonl", 1)
    assert [row["id"] for row in read_dicts(open_rows(tmp_path / "v"))] == ["c0", "c1", "c2", "d0", "d1", "d2"]


def accept_all(completions: list[str]) -> list[bool]:
    return [True] * len(completions)


def test_a_store_made_from_a_store_has_the_verdicts_of_both(tmp_path: Path) -> None:
    write_verdicts(write_rows(tmp_path / "t.jsonl"), tmp_path / "v")
    verify(open_rows(tmp_path / "v"), [make_verifier(accept_all)], tmp_path / "w")
    shutil.move(tmp_path / "v", tmp_path / "x")
    with pytest.raises(BadTable, match="no longer there"):
        open_rows(tmp_path / "w")
    shutil.move(tmp_path / "x", tmp_path / "v")
    names = open_rows(tmp_path / "w").names()
    assert [name.partition(".")[2] for name in names if "." in name] == ["verdict", "score", "reason"] * 2
    assert read_verdicts(tmp_path / "w") == EXPECTED


def test_a_store_whose_source_store_was_made_again_is_refused(tmp_path: Path) -> None:
    write_verdicts(write_rows(tmp_path / "t.jsonl"), tmp_path / "v")
    verify(open_rows(tmp_path / "v"), [make_verifier(accept_all)], tmp_path / "w")
    shutil.rmtree(tmp_path / "v")
    write_verdicts(write_rows(tmp_path / "u.jsonl", 8), tmp_path / "v")
    with pytest.raises(BrokenPromise, match="has changed since"):
        open_rows(tmp_path / "w")


def test_rows_from_a_pipe_are_written_into_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write_rows(tmp_path / "t.jsonl").read_bytes()
    (tmp_path / "t.jsonl").unlink()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    write_verdicts("-", tmp_path / "v")
    assert read_verdicts(tmp_path / "v") == EXPECTED
    assert (tmp_path / "v" / "source.jsonl").read_bytes() == content


def test_a_bad_row_from_a_pipe_is_refused_with_its_line_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "a", "prompt": "p", "text": "t"}\n\n{"id"\n'))
    )
    with pytest.raises(BadTable, match="standard input:3: is not JSON"):
        write_verdicts("-", tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["dictionaries", "Arrow", "Polars"])
def test_rows_from_memory_are_written_into_the_store(form: str, tmp_path: Path) -> None:
    rows: object = {
        "dictionaries": make_rows(),
        "Arrow": pa.Table.from_pylist(make_rows()),
        "Polars": polars.DataFrame(make_rows()),
    }[form]
    write_verdicts(rows, tmp_path / "v")
    shutil.move(tmp_path / "v", tmp_path / "w")
    assert read_verdicts(tmp_path / "w") == EXPECTED
    assert [row["text"] for row in read_dicts(open_rows(tmp_path / "w"))] == [row["text"] for row in make_rows()]


def test_the_unfolded_source_of_a_store_is_unfolded_again(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"prompt": "p", "samples": ["yes", "no"]}\n{"prompt": "q", "samples": ["yes"]}\n'
    )
    table = open_rows(tmp_path / "t.jsonl", Columns(candidates="samples", text="samples"))
    verify(table, [make_verifier(accept_yes)], tmp_path / "v")
    assert read_verdicts(tmp_path / "v") == ["pass", "fail", "pass"]


def test_a_result_remembers_the_columns_that_the_user_named(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"k": "c0", "ask": "p", "say": "yes"}\n')
    table = open_rows(tmp_path / "t.jsonl", Columns(id="k", prompt="ask", text="say"))
    for out in ("v", "v.jsonl", "v.csv", "v.parquet"):
        verify(table, [make_verifier(accept_yes)], tmp_path / out)
        assert {"id": "k", "prompt": "ask", "text": "say"}.items() <= open_rows(
            tmp_path / out
        ).columns.to_dict().items()


def test_rows_set_aside_are_not_in_the_store_and_its_receipt_counts_them(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl", 3)
    source.write_bytes(source.read_bytes() + b'{"id"\n{"id": "c9", "prompt": "p", "text": 5.5e400}\n')
    verify(open_rows(source, bad=BadRows(5)), [make_verifier(accept_yes)], tmp_path / "v")
    assert read_verdicts(tmp_path / "v") == ["fail", "pass", "pass"]
    books = json.loads((tmp_path / "v" / "receipt.json").read_text())["books"]
    assert books == {"in": 5, "keep": 3, "drop": 0, "reject": 2, "reasons": {"bad row": 2}}
    bad_rows = [json.loads(line) for line in (tmp_path / "v.quarantine.jsonl").read_text().splitlines()]
    assert [row["place"] for row in bad_rows] == [f"{source}:4", f"{source}:5"]
    assert bad_rows[0]["row"] == '{"id"'


def test_joined_labels_do_not_become_part_of_the_result(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "t.jsonl")
    (tmp_path / "l.csv").write_text("id,correct\nc1,1\nc2,0\n")
    verify(join_labels(open_rows(source), tmp_path / "l.csv"), [make_verifier(accept_yes)], tmp_path / "v")
    table = open_rows(tmp_path / "v")
    assert "correct" not in table.names()
    assert len(read_verdicts(tmp_path / "v")) == 6
    labels = [row["correct"] for row in read_dicts(join_labels(table, tmp_path / "l.csv"))]
    assert labels == [None, True, False, None, None, None]
