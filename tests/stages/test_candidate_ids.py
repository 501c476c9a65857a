"""A candidate has the same id wherever it is read from."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import winnow

ROWS = [{"prompt": f"q{i // 4}", "text": f"t{i}", "reference": f"t{i}", "score": i % 4} for i in range(8)]


def test_generated_ids_are_the_same_in_every_store_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "t.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    winnow.select(table, threshold=2, out=tmp_path / "s")
    winnow.verify(tmp_path / "s", lambda_free_judge, out=tmp_path / "v")
    joined = winnow.table(table, verdicts=tmp_path / "v")
    said = {
        text: score
        for chunk, _ in joined.read_roles([], extra_columns=None)
        for text, score in zip(chunk.values("text"), chunk.values("lambda_free_judge.score"), strict=True)
    }
    assert said == {f"t{i}": float(i) if i % 4 >= 2 else None for i in range(8)}


def lambda_free_judge(completions: list[str], **columns: object) -> list[float]:
    return [float(text[1:]) for text in completions]


def test_a_bad_row_is_counted_once_in_typed_and_untyped_tables(tmp_path: Path) -> None:
    rows = [{**row, "candidate_id": f"c{i}"} for i, row in enumerate(ROWS)] + [{**ROWS[0], "candidate_id": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    books = []
    for name in ("t.parquet", "t.jsonl"):
        out = tmp_path / f"{name}.out.jsonl"
        winnow.select(tmp_path / name, best_of="all", bad_rows="quarantine:1", out=out)
        books.append(json.loads((tmp_path / f"{out.name}.receipt.json").read_text())["books"])
    assert books[0] == books[1]
    assert (books[0]["in"], books[0]["keep"], books[0]["reject"]) == (9, 2, 1)
