"""Selecting shard by shard gives the result of the whole table: rows, weights, control, counts and summary."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.select.oracle import OracleRules, choose_rows
from tests.stages.select.random_cases import EVALUATION, Case, as_candidates, cases
from tests.stages.select.shard_runs import Chosen, import_rows, select_shards, select_table
from tests.stages.select.tables import arrow, jsonl
from tests.stages.select.test_oracle import RULES, TIES
from winnow.stages.select import global_threshold

grouped = cases().filter(lambda case: bool(case.rows[0].keys() & {"prompt_id", "question"}))


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits so small that small tables need as many passes as large ones."""
    monkeypatch.setattr(global_threshold, "MAX_BUCKETS", 16)


@settings(max_examples=20)
@given(grouped, st.sampled_from([1, 2, 5]), st.booleans(), st.integers(0, 9))
def test_selecting_by_shards_chooses_the_rows_of_the_whole_table(
    case: Case, shards: int, typed: bool, order: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = arrow(case.rows) if typed else jsonl(case.rows, folder)
        by_shards, by_table = select_both(folder, rows, case.rules, shards, order)
        expected = choose_rows(case.candidates, case.oracle_rules)
    assert by_shards == by_table
    assert len(by_shards.rows) == len(expected.rows)
    assert sorted(row["candidate_id"] for row in by_shards.rows) == sorted(
        case.candidates[number]["id"] for number in expected.rows
    )


@pytest.mark.parametrize("more", [{}, {"lower_is_better": True, "seed": -5, "passed": True, "exclude": EVALUATION}])
@pytest.mark.parametrize("rules", RULES, ids=[" ".join(rules) for rules in RULES])
def test_ties_across_shards_are_decided_as_in_the_whole_table(
    rules: dict[str, Any], more: dict[str, Any], tmp_path: Path
) -> None:
    all_rules: dict[str, Any] = {"passed": False, **rules, **more}
    by_shards, by_table = select_both(tmp_path, arrow(TIES), all_rules, 4, 1)
    assert by_shards == by_table
    oracle_rules = {name: value for name, value in all_rules.items() if name != "exclude"}
    expected = choose_rows(as_candidates(TIES), OracleRules(**oracle_rules, excluding="exclude" in all_rules))
    assert len(by_shards.rows) == len(by_shards.control) == len(expected.rows)


def test_the_row_counts_of_every_shard_balance_and_add_up(tmp_path: Path) -> None:
    rules = {"best_of": 6, "keep": 5, "top_share": 0.5, "max_rows": 30}
    by_shards, _ = select_both(tmp_path, arrow(TIES), rules, 4, 1)
    selection, control = by_shards.row_counts
    assert selection["in"] == len(TIES) == selection["keep"] + selection["drop"]
    assert control["keep"] == len(by_shards.control)


def select_both(folder: Path, rows: object, rules: dict[str, Any], shards: int, order: int) -> tuple[Chosen, Chosen]:
    """Select by shards, and from the whole table."""
    if "exclude" in rules:
        path = folder / "exclude.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rules["exclude"]))
        rules = {**rules, "exclude": str(path)}
    source = import_rows(rows, folder, shards)
    return select_shards(source, rules, order), select_table(source, rules)
