"""Selecting from Parquet files in DuckDB gives the same rows as reading them through Arrow."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.errors import BadTable
from winnow.stages.select import global_threshold
from winnow.stages.select.config import SelectConfig
from winnow.stages.select.stage import select
from winnow.tables.open_table import open_rows
from winnow.tables.table import Table

COUNT = 3000
RULES = (
    SelectConfig(best_of="all"),
    SelectConfig(best_of=3, keep=2),
    SelectConfig(top_share=0.3, lower_is_better=True),
    SelectConfig(passed=True, top_share=0.125),
    SelectConfig(passed=True, threshold=0.2, max_rows=100),
)


def rows(prompt: str = "p{}") -> pa.Table:
    draws = random.Random(4)
    columns: dict[str, list[Any]] = {
        "candidate_id": [f"c{n}" for n in range(COUNT)],
        "prompt_id": [prompt.format(n * 7 % 500) for n in range(COUNT)],
        "text": [f"text {n}" for n in range(COUNT)],
        "score": [draws.choice([None, round(draws.gauss(0, 1), 1)]) for _ in range(COUNT)],
        "one.verdict": [draws.choice(["pass", "fail", "abstain", None]) for _ in range(COUNT)],
        "two.verdict": [draws.choice([True, True, False]) for _ in range(COUNT)],
    }
    return pa.table(columns)


def ids(source: Table, config: SelectConfig) -> list[str]:
    return [row["candidate_id"] for row in select(source, config.model_copy(update={"control": True}))]


@pytest.mark.parametrize("rules", RULES, ids=SelectConfig.describe)
@pytest.mark.parametrize("prompt", ["p{}", "a prompt so long that it is held by its hash and not by its letters {}"])
def test_the_same_rows_are_chosen_in_the_same_order(tmp_path: Path, rules: SelectConfig, prompt: str) -> None:
    table = rows(prompt)
    pq.write_table(table.slice(0, 1000), tmp_path / "1.parquet", row_group_size=70)
    pq.write_table(table.slice(1000), tmp_path / "2.parquet", row_group_size=900)
    assert ids(open_rows(str(tmp_path / "*.parquet")), rules) == ids(open_rows(table), rules)


def test_column_names_are_case_sensitive(tmp_path: Path) -> None:
    table = rows().append_column("SCORE", pa.array(np.arange(COUNT) * 1.0))
    pq.write_table(table, tmp_path / "t.parquet")
    assert ids(open_rows(tmp_path / "t.parquet"), SelectConfig(best_of="all")) == ids(
        open_rows(table), SelectConfig(best_of="all")
    )


def test_a_folder_named_like_a_hive_partition_adds_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "score=1"
    folder.mkdir()
    pq.write_table(rows(), folder / "t.parquet")
    assert ids(open_rows(folder / "t.parquet"), SelectConfig(best_of="all")) == ids(
        open_rows(rows()), SelectConfig(best_of="all")
    )


def test_a_row_without_a_prompt_is_refused_with_its_location(tmp_path: Path) -> None:
    table = rows()
    prompts = table.column("prompt_id").to_pylist()
    broken = table.set_column(1, "prompt_id", pa.array([*prompts[:5], None, *prompts[6:]]))
    pq.write_table(broken, tmp_path / "t.parquet")
    with pytest.raises(BadTable, match="row 6: prompt_id is null"):
        ids(open_rows(tmp_path / "t.parquet"), SelectConfig(best_of="all"))


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("scores", [[-1e308, 0.0, 1e308], [0.0, 5e-324, 1e-323], [-0.0, 0.0, 1.0], [1.0, 1.0 + 2**-52]])
def test_the_last_row_is_found_for_close_and_for_distant_scores(
    monkeypatch: pytest.MonkeyPatch, lower: bool, scores: list[float]
) -> None:
    monkeypatch.setattr(global_threshold, "MAX_BUCKETS", 3)
    table = pa.table({"candidate_id": [f"c{n}" for n in range(60)], "score": (scores * 60)[:60]})
    for share in (0.05, 0.4, 0.5, 0.95):
        chosen = select(open_rows(table), SelectConfig(top_share=share, lower_is_better=lower))
        expected = sorted(table.column("score").to_pylist(), reverse=not lower)[: int(share * 60 + 0.5)]
        assert sorted((row["score"] for row in chosen), reverse=not lower) == expected
