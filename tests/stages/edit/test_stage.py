"""edit on tables: every output has all rows, row counts balance, and a killed command continues."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.stages.edit.fixture_models import texts
from winnow.stages.edit import shard_map
from winnow.storage.receipts import read_receipt

SETTINGS: dict[str, Any] = {"threshold": 0.3, "top_k": 8, "protect": "none"}


def make_rows(count: int = 40) -> list[dict[str, Any]]:
    return [{"id": f"d{n}", "text": text, "n": n, "more": [n, None]} for n, text in enumerate(texts(count))]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in make_rows()))
    return path


def restore_source(row: dict[str, Any]) -> str:
    """The source, out of the edited text and its edits."""
    text = ""
    at = position = 0
    for edit in row["edits"]:
        text += row["text"][at : at + edit["start"] - position] + edit["from"]
        at += edit["start"] - position + len(edit["to"])
        position = edit["end"]
    return text + str(row["text"][at:])


@pytest.mark.parametrize("name", [None, "e", "e.jsonl", "e.csv", "e.parquet"])
def test_every_output_has_all_rows_with_their_edits(
    name: str | None, table: Path, trained_folder: Path, tmp_path: Path
) -> None:
    edited = winnow.edit(table, trained_folder, out=tmp_path / name if name else None, **SETTINGS)
    found, sources = edited.to_list(), make_rows()
    assert [row["id"] for row in found] == [row["id"] for row in sources]
    assert set(found[0]) == {*sources[0], "edits"}
    for row, source in zip(found, sources, strict=True):
        row["edits"] = json.loads(row["edits"]) if isinstance(row["edits"], str) else row["edits"]
        assert restore_source(row) == source["text"]
        assert all(source["text"][e["start"] : e["end"]] == e["from"] != e["to"] for e in row["edits"])
    assert sum(len(row["edits"]) for row in found) == edited.summary["changed"] == edited.summary["edits"] > 40
    assert edited.summary["rows_changed"] == sum(bool(row["edits"]) for row in found)
    assert not list(tmp_path.glob(".*"))
    assert edited.table.columns.text == "text"


def test_the_edited_texts_are_the_same_for_every_input_format(
    table: Path, trained_folder: Path, tmp_path: Path
) -> None:
    frame = winnow.table(table).source
    forms: list[object] = [table, make_rows(), winnow.table(make_rows())]
    parquet = tmp_path / "t.parquet"
    winnow.select(table, max_rows=1000, out=parquet)
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    found = [winnow.edit(form, trained_folder, **SETTINGS) for form in (*forms, parquet, packed, frame)]
    assert len({json.dumps([row["text"] for row in one]) for one in found}) == 1
    assert len({json.dumps(one.summary["rounds"]) for one in found}) == 1


def test_a_list_of_texts_is_a_table(trained_folder: Path) -> None:
    edited = winnow.edit(texts(20), model=trained_folder, **SETTINGS)
    assert len(edited) == 20 and edited.summary["changed"] > 10
    assert "of tokens, changed" in edited.describe()


def test_the_source_text_keeps_its_column_and_later_stages_read_the_edited_text(
    trained_folder: Path, tmp_path: Path
) -> None:
    rows = [{"task": f"t{n}", "answer": text} for n, text in enumerate(texts(20))]
    store = tmp_path / "e"
    edited = winnow.edit(rows, trained_folder, prompt="task", text="answer", out=store, **SETTINGS)
    found = edited.to_list()
    assert [row["answer"] for row in found] == [row["answer"] for row in rows]
    assert any(row["text"] != row["answer"] for row in found)
    chosen = winnow.select(store, max_rows=10, out=tmp_path / "s.jsonl").to_list()
    assert len(chosen) == 10
    by_task = {row["task"]: row["text"] for row in found}
    assert all(row["text"] == by_task[row["task"]] for row in chosen)
    judged = winnow.verify(store, lambda completions, **more: [len(one) for one in completions])
    assert [len(row["text"]) for row in found] == [
        next(v for k, v in r.items() if k.endswith(".score")) for r in judged
    ]


def test_a_column_that_would_be_lost_is_refused(trained_folder: Path) -> None:
    with pytest.raises(winnow.UsageError, match="has a column text beside 'answer'"):
        winnow.edit([{"text": "a", "answer": "b"}], trained_folder, text="answer")
    with pytest.raises(winnow.UsageError, match="already has a column edits"):
        winnow.edit([{"text": "a", "edits": []}], trained_folder)
    with pytest.raises(winnow.UsageError, match="is not a column of"):
        winnow.edit([{"text": "a"}], trained_folder, logprobs="prompt_logprobs")


def test_empty_missing_and_bad_texts_have_a_defined_result(trained_folder: Path, tmp_path: Path) -> None:
    for rows in ([{"text": ""}], [{"text": "a"}, {"text": ""}]):
        edited = winnow.edit(rows, trained_folder, out=tmp_path / f"e{len(rows)}", **SETTINGS)
        assert [row["text"] for row in edited] == [row["text"] for row in rows]
        assert edited.summary["changed"] == 0
        assert edited.describe()
    absent = winnow.edit([{"text": "a b"}, {"text": None}], trained_folder, out=tmp_path / "a.jsonl").to_list()
    assert absent[1] == {"text": None, "edits": []}
    with pytest.raises(winnow.BadTable):
        winnow.edit([{"text": "a"}, {"text": [1]}], trained_folder)
    bad = winnow.edit([{"text": "a b"}, {"text": [1]}], trained_folder, bad_rows="quarantine:1", out=tmp_path / "q")
    assert (len(bad), bad.summary["quarantined"]) == (1, 1)
    books = read_receipt(tmp_path / "q" / "receipt.json").books
    assert (books.rows_in, books.keep, books.reject) == (2, 1, 1)


@pytest.mark.slow
def test_a_document_of_a_megabyte_is_edited(trained_folder: Path) -> None:
    text = (" ".join(texts(200, seed=3)) * 40)[: 1 << 20]
    edited = winnow.edit([{"text": text}], trained_folder, window=256, overlap=32, read_again=0, **SETTINGS)
    assert edited.summary["characters"]["before"] == 1 << 20
    assert edited.summary["tokens"] > 100_000
    assert restore_source(edited.to_list()[0]) == text


def hashes(folder: Path) -> dict[str, str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


RUN_AND_KILL = """
import os, signal, sys
from pathlib import Path
import winnow
from winnow.stages import output
from winnow.stages.edit import shard_map
shard_map.MAX_PIECE_ROWS, write_receipt, receipts_left = 4, output.write_shard_receipt, [int(sys.argv[4])]
def write_or_die(*arguments):
    if not receipts_left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    receipts_left[0] -= 1
    return write_receipt(*arguments)
output.write_shard_receipt = write_or_die
winnow.edit(sys.argv[1], sys.argv[2], out=Path(sys.argv[3]), threshold=0.3, top_k=8, protect="none")
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["e", "e.jsonl"])
def test_a_killed_command_continues_and_writes_the_same_bytes(
    name: str, table: Path, trained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_map, "MAX_PIECE_ROWS", 4)
    whole, broken = tmp_path / "whole" / name, tmp_path / "broken" / name
    for out in (whole, broken):
        out.parent.mkdir()
    winnow.edit(table, trained_folder, out=whole, **SETTINGS)
    words = [sys.executable, "-c", RUN_AND_KILL, str(table), str(trained_folder), str(broken), "5"]
    assert subprocess.run(words, capture_output=True).returncode == -signal.SIGKILL
    hidden = broken if name == "e" else broken.with_name(f".{name}.edits")
    assert len(list(hidden.glob(".part-*.receipt.json"))) == 5
    read: list[int] = []
    monkeypatch.setattr(shard_map.TextPiece, "edit", _counting(shard_map.TextPiece.edit, read))
    winnow.edit(table, trained_folder, out=broken, **SETTINGS)
    assert len(read) == 5
    assert hashes(broken.parent) == hashes(whole.parent)
    assert not list(tmp_path.rglob(".*"))


def _counting(kept: Any, read: list[int]) -> Any:
    def edited(piece: Any, editor: Any) -> Any:
        read.append(len(piece.inputs))
        return kept(piece, editor)

    return edited


def test_finished_work_is_not_repeated_and_has_the_same_summary(
    table: Path, trained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = winnow.edit(table, trained_folder, out=tmp_path / "e", **SETTINGS)
    monkeypatch.setattr(shard_map.EditMap, "make_editor", None)
    again = winnow.edit(table, trained_folder, out=tmp_path / "e", **SETTINGS)
    assert again.summary == {**once.summary, "already_done": True}
    with pytest.raises(winnow.UsageError, match="other work"):
        winnow.edit(table, trained_folder, out=tmp_path / "e", **{**SETTINGS, "seed": 1})


class Stopped(Exception):
    """An accident in the middle of the work."""


def test_unfinished_work_with_other_settings_is_not_reused(
    table: Path, trained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_map, "MAX_PIECE_ROWS", 4)
    out = tmp_path / "e"

    written: list[Any] = []
    kept = shard_map.TextPiece.edit

    def stop(*given: Any) -> Any:
        written.append(given)
        if len(written) > 3:
            raise Stopped
        return kept(*given)

    monkeypatch.setattr(shard_map.TextPiece, "edit", stop)
    with pytest.raises(Stopped):
        winnow.edit(table, trained_folder, out=out, **{**SETTINGS, "seed": 9})
    monkeypatch.setattr(shard_map.TextPiece, "edit", kept)
    monkeypatch.setattr(shard_map, "MAX_PIECE_ROWS", 30)
    winnow.edit(table, trained_folder, out=out, **SETTINGS)
    clean = tmp_path / "clean"
    winnow.edit(table, trained_folder, out=clean, **SETTINGS)
    assert hashes(out) == hashes(clean)
