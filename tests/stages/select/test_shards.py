"""A selection made shard by shard is that of the whole table: rows, weights, rules, control, books and words."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.select.oracle import Asked, told
from tests.stages.select.random_cases import EVALUATION, Case, as_candidates, cases
from tests.stages.select.shard_runs import Chosen, by_shards, by_table, imported
from tests.stages.select.tables import arrow, jsonl
from tests.stages.select.test_oracle import RULES, TIES
from winnow.stages.select import global_threshold
from winnow.stages.select.rules import SelectionRules, parse_best_of

grouped = cases().filter(lambda case: bool(case.rows[0].keys() & {"prompt_id", "question"}))


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small tables are closed in on as large ones are."""
    monkeypatch.setattr(global_threshold, "MOST_BUCKETS", 16)
    monkeypatch.setattr(global_threshold, "FEW", 8)


@settings(max_examples=20)
@given(grouped, st.sampled_from([1, 2, 5]), st.booleans(), st.integers(0, 9))
def test_any_rules_choose_by_shards_what_they_choose_of_the_table(
    case: Case, shards: int, typed: bool, order: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given_ = arrow(case.rows) if typed else jsonl(case.rows, folder)
        one, other = both(folder, given_, case.rules, shards, order)
        expected = told(case.candidates, case.asked)
    assert one == other
    assert len(one.rows) == len(expected.rows)
    assert sorted(row["candidate_id"] for row in one.rows) == sorted(
        case.candidates[number]["id"] for number in expected.rows
    )


@pytest.mark.parametrize("more", [{}, {"lower_is_better": True, "seed": -5, "passed": True, "exclude": EVALUATION}])
@pytest.mark.parametrize("rules", RULES, ids=[" ".join(rules) for rules in RULES])
def test_ties_are_decided_across_shards_as_within_the_table(
    rules: dict[str, Any], more: dict[str, Any], tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"passed": False, **rules, **more}
    one, other = both(tmp_path, arrow(TIES), asked, 4, 1)
    assert one == other
    stated = {name: value for name, value in asked.items() if name != "exclude"}
    expected = told(as_candidates(TIES), Asked(**stated, excluding="exclude" in asked))
    assert len(one.rows) == len(one.control) == len(expected.rows)


def test_the_books_of_every_shard_balance_and_add_up(tmp_path: Path) -> None:
    one, _ = both(tmp_path, arrow(TIES), {"best_of": 6, "keep": 5, "top_share": 0.5, "max_rows": 30}, 4, 1)
    assert one.books[0]["in"] == len(TIES) == one.books[0]["keep"] + one.books[0]["drop"]
    assert one.books[1]["keep"] == len(one.control)


def both(folder: Path, given_: object, rules: dict[str, Any], shards: int, order: int) -> tuple[Chosen, Chosen]:
    """By shards, and by the table."""
    exclude = None
    if "exclude" in rules:
        exclude = str(folder / "exclude.jsonl")
        Path(exclude).write_text("".join(json.dumps(row) + "\n" for row in rules["exclude"]))
    named = {name: value for name, value in rules.items() if name != "exclude"}
    if "best_of" in rules:
        named["best_of"] = parse_best_of(str(rules["best_of"]))
    asked = SelectionRules(**named)
    source = imported(given_, folder, shards)
    return by_shards(source, asked, exclude, order), by_table(source, asked, exclude)
