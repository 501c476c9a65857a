"""Each rule in examples that are small enough to check by hand."""

from __future__ import annotations

import math
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import winnow
from tests.stages.select.tables import FORMS, numbers

SCORES = [0.1, None, 0.9, 0.9, -2.0, 0.5]
SCORED: list[dict[str, Any]] = [
    {"n": n, "prompt_id": f"p{n % 2}", "text": f"t{n}", "score": score} for n, score in enumerate(SCORES)
]
THIRTEEN = "one two three four five six seven eight nine ten eleven twelve thirteen"


def verdicts(*words: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"n": n, "text": "t", "verdict": word, **more} for n, word in enumerate(words)]


@pytest.mark.parametrize(
    ("first", "second", "fate"),
    [
        *[("pass", "pass", "kept"), ("pass", "fail", "fail"), ("fail", "pass", "fail"), ("fail", "fail", "fail")],
        *[("fail", other, "fail") for other in ("abstain", "error", None)],
        *[("pass", other, "undecided") for other in ("abstain", "error", None)],
        *[("error", "abstain", "undecided"), (None, None, "undecided")],
    ],
)
@pytest.mark.parametrize("form", ["dictionaries", "parquet", "csv"])
def test_a_row_passes_if_every_verifier_passes_it_and_fails_if_any_fails_it(
    first: str | None, second: str | None, fate: str, form: str, tmp_path: Path
) -> None:
    passing = {"n": 0, "text": "t", "a.verdict": "pass", "b.verdict": "pass"}
    rows = [passing, {**passing, "n": 1, "a.verdict": first, "b.verdict": second}]
    chosen = winnow.select(FORMS[form](rows, tmp_path), passed=True)
    assert numbers(chosen) == ([0, 1] if fate == "kept" else [0])
    left_out = [step["rule"] for step in chosen.summary["steps"] if step["in"] != step["out"]]
    assert left_out == ([] if fate == "kept" else [fate])
    assert chosen.summary["undecided"] == (fate == "undecided")


def test_only_the_named_verifier_decides() -> None:
    rows = [{"n": 0, "text": "t", "a.verdict": "pass", "b.verdict": "fail"}]
    assert numbers(winnow.select(rows, passed=True, verdict="a")) == [0]
    assert numbers(winnow.select(rows, passed=True, verdict="b.verdict")) == []
    assert numbers(winnow.select(rows, passed=True, verdict="a,b")) == []
    with pytest.raises(winnow.UsageError, match=r"'c' is not a column of verdicts in rows.*a\.verdict, b\.verdict"):
        winnow.select(rows, passed=True, verdict="c")


def test_true_and_false_are_verdicts() -> None:
    assert numbers(winnow.select(verdicts(True, False, None))) == [0]
    frame = pa.table({"n": [0, 1, 2], "text": ["t"] * 3, "verdict": [True, False, None]})
    assert numbers(winnow.select(frame)) == [0]


def test_passed_is_on_by_default_if_there_are_verdicts() -> None:
    rows = verdicts("fail", "pass", "error", score=1.0)
    assert numbers(winnow.select(rows)) == [1]
    assert numbers(winnow.select(rows, threshold=0.5)) == [1]
    assert numbers(winnow.select(rows, threshold=0.5, passed=False)) == [0, 1, 2]


def test_a_selection_without_any_rule_is_refused() -> None:
    for rows, rules in ((SCORED, {}), (verdicts("pass"), {"passed": False}), (SCORED, {"exclude": SCORED})):
        with pytest.raises(winnow.UsageError, match="no rule is given"):
            winnow.select(rows, **rules)
    with pytest.raises(winnow.UsageError, match="rows has no verdicts"):
        winnow.select(SCORED, passed=True)


def test_a_score_equal_to_the_threshold_is_kept() -> None:
    assert numbers(winnow.select(SCORED, threshold=0.5)) == [2, 3, 5]
    assert numbers(winnow.select(SCORED, threshold=0.5, lower_is_better=True)) == [0, 4, 5]
    assert numbers(winnow.select(SCORED, threshold=math.nextafter(0.5, 1))) == [2, 3]


def test_rows_without_a_score_are_never_chosen_and_are_counted() -> None:
    for rules in ({"threshold": -1e300}, {"best_of": "all", "keep": 9}, {"top_share": 1.0}):
        chosen = winnow.select(SCORED, **rules)
        assert numbers(chosen) == [0, 2, 3, 4, 5]
        assert chosen.summary["without_score"] == 1


def test_best_of_all_keeps_the_best_of_each_prompt() -> None:
    chosen = numbers(winnow.select(SCORED, best_of="all"))
    assert chosen == [2, 3]
    assert numbers(winnow.select(SCORED, best_of="all", lower_is_better=True)) == [4, 5]
    assert numbers(winnow.select(SCORED, best_of="all", keep=2)) == [0, 2, 3, 5]


def test_best_of_n_draws_among_scored_candidates_only() -> None:
    """One scored candidate among nine without a score is always drawn."""
    rows = [{"n": n, "prompt_id": "p", "text": "t", "score": 1.0 if n == 4 else None} for n in range(10)]
    for seed in range(6):
        assert numbers(winnow.select(rows, best_of=1, seed=seed)) == [4]


def test_best_of_more_candidates_than_exist_is_best_of_all() -> None:
    rows = [{"n": n, "prompt_id": f"p{n % 5}", "text": "t", "score": n % 3} for n in range(40)]
    assert numbers(winnow.select(rows, best_of=99)) == numbers(winnow.select(rows, best_of="all"))


@pytest.mark.parametrize("share", [0, 0.01, 0.05, 1 / 3, 0.5, 0.999, 1])
@pytest.mark.parametrize("size", [1, 2, 9, 50])
def test_a_top_share_keeps_exactly_floor_of_share_times_rows_plus_one_half(share: float, size: int) -> None:
    rows: list[dict[str, Any]] = [{"n": n, "text": "t", "score": n % 4} for n in range(size)]
    chosen = winnow.select(rows, top_share=share)
    assert len(chosen) == math.floor(share * size + 0.5)
    best = sorted((row["score"] for row in rows), reverse=True)[: len(chosen)]
    assert sorted((row["score"] for row in chosen), reverse=True) == best


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("spread", ["ties", "normal", "powers", "two heaps"])
def test_a_top_share_is_exact_for_more_distinct_scores_than_buckets(spread: str, lower: bool) -> None:
    size, rng = 210_000, np.random.default_rng(4)
    scores = {
        "ties": rng.integers(0, 7, size) / 7,
        "normal": rng.normal(size=size),
        "powers": np.sign(rng.normal(size=size)) * 10.0 ** rng.uniform(-308, 308, size),
        "two heaps": np.where(rng.random(size) < 0.3, 1.0, 1.0 + 1e-15 * rng.integers(0, 5, size)),
    }[spread]
    table = pa.table({"id": np.arange(size), "text": ["t"] * size, "score": scores})
    chosen = winnow.select(table, top_share=0.37, lower_is_better=lower).to_arrow()
    ascending, wanted = np.sort(scores), math.floor(0.37 * size + 0.5)
    best = ascending[:wanted] if lower else ascending[-wanted:]
    assert np.array_equal(np.sort(chosen["score"].to_numpy()), best)


def test_distinct_keeps_the_first_of_each_text_of_each_prompt() -> None:
    texts = ["a", "b", "a", "a", "A", None, None, "a "]
    rows = [{"n": n, "prompt_id": "q" if n == 3 else "p", "text": text} for n, text in enumerate(texts)]
    assert numbers(winnow.select(rows, distinct=True)) == [0, 1, 3, 4, 5, 7]


def test_max_rows_keeps_smaller_tables_whole() -> None:
    assert len(winnow.select(SCORED, max_rows=4)) == 4
    assert numbers(winnow.select(SCORED, max_rows=6)) == numbers(winnow.select(SCORED, max_rows=1000)) == list(range(6))


def test_exclude_by_text_compares_words_only() -> None:
    prompts = ["What is 2+3?", "what   IS 2 3", "What is 2 33?", "is 2 3", None]
    rows = [{"n": n, "prompt": prompt, "prompt_id": str(n), "text": "t"} for n, prompt in enumerate(prompts)]
    chosen = winnow.select(rows, max_rows=99, exclude=[{"prompt": "WHAT is (2,3)!"}])
    assert numbers(chosen) == [2, 3, 4]


@pytest.mark.parametrize(
    ("prompt", "known", "kept"),
    [
        (f"Say {THIRTEEN}.", f"{THIRTEEN} fourteen", False),
        (THIRTEEN.upper(), f"And {THIRTEEN}", False),
        (THIRTEEN.removesuffix(" thirteen") + " x", THIRTEEN, True),
        ("two words", "only two words", True),
        ("Two words!", "two words", False),
        ("one two three", THIRTEEN, True),
    ],
)
def test_exclude_by_ngram13_matches_thirteen_words_in_a_row(prompt: str, known: str, kept: bool) -> None:
    rows = [{"n": 0, "prompt": prompt, "text": "t"}]
    assert len(winnow.select(rows, max_rows=9, exclude=[{"prompt": known}], exclude_by="ngram13")) == kept


def test_an_evaluation_set_without_words_is_refused() -> None:
    with pytest.raises(winnow.BadTable, match="holds no prompt with any word"):
        winnow.select([{"prompt": "p", "text": "t"}], max_rows=9, exclude=[{"prompt": " ?!"}])


def test_rules_apply_in_a_fixed_order() -> None:
    rules: dict[str, Any] = {"threshold": 0.2, "best_of": 2, "top_share": 0.5, "max_rows": 3}
    rows = [{"n": n, "prompt_id": f"p{n % 9}", "text": f"{n}", "score": n * 7 % 10 / 10} for n in range(60)]
    orders = [{name: rules[name] for name in order} for order in islice(permutations(rules), 0, None, 3)]
    assert len({tuple(numbers(winnow.select(rows, **order))) for order in orders}) == 1
    assert winnow.select(rows, **rules).summary["rule"] == "score >= 0.2, best 1 of 2, top 0.5, at most 3"


def test_the_seed_decides_ties() -> None:
    rows = [{"n": n, "prompt_id": f"p{n % 30}", "text": f"{n}", "score": 1.0} for n in range(120)]
    for rules in ({"best_of": "all"}, {"best_of": 2, "keep": 2}, {"top_share": 0.5}, {"max_rows": 60}):
        first, again, other = (numbers(winnow.select(rows, seed=seed, **rules)) for seed in (1, 1, 2))
        assert first == again
        assert first != other
        assert len(first) == len(other)


def test_the_seed_changes_nothing_without_ties_or_draws() -> None:
    rows = [{"n": n, "prompt_id": f"p{n % 3}", "text": f"{n}", "score": n} for n in range(12)]
    chosen = {tuple(numbers(winnow.select(rows, best_of="all", keep=2, seed=seed))) for seed in range(5)}
    assert chosen == {(6, 7, 8, 9, 10, 11)}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"threshold": math.nan}, "threshold: nan: input should be a finite number"),
        ({"threshold": math.inf}, "threshold: inf: input should be a finite number"),
        ({"best_of": 0}, "best_of: 0 must be a whole number from 1"),
        ({"best_of": "some"}, "best_of: 'some' must be a whole number from 1, or 'all'"),
        ({"best_of": 2, "keep": 3}, "keep: 3 cannot be kept of the 2 drawn. Keep at most as many as best_of draws"),
        ({"best_of": 2, "keep": 0}, "keep: 0 must be at least 1"),
        ({"keep": 2, "threshold": 0}, "keep: needs best_of"),
        ({"top_share": 1.01}, "top_share: 1.01 must be at most 1"),
        ({"top_share": -0.1}, "top_share: -0.1 must be at least 0"),
        ({"max_rows": 0}, "max_rows: 0 must be at least 1"),
        (
            {"max_rows": 5, "exclude": [{"prompt": "p"}], "exclude_by": "ngram12"},
            "exclude_by: 'ngram12' is not one of 'text', 'ngram13'",
        ),
        ({"max_rows": 5, "mix_real": [{"text": "t"}]}, "mix_real: mix_real and real_share go together"),
        ({"max_rows": 5, "real_share": 0.5}, "mix_real: mix_real and real_share go together"),
        (
            {"best_of": 2, "prompt": "promt_id"},
            "prompt: 'promt_id' is not a column of rows. Did you mean 'prompt_id'",
        ),
    ],
)
def test_an_invalid_rule_is_refused_with_its_value_and_the_next_step(rules: dict[str, Any], says: str) -> None:
    with pytest.raises(winnow.UsageError) as refused:
        winnow.select(SCORED, **rules)
    assert says in str(refused.value)


def test_a_missing_column_is_named_before_a_row_is_read() -> None:
    bare = [{"n": 0, "x": "t"}]
    for rules, role in (({"best_of": 2}, "score"), ({"threshold": 1}, "score"), ({"distinct": True}, "text")):
        with pytest.raises(winnow.UsageError, match=f"Name it: {role} COLUMN"):
            winnow.select(bare, **rules)
    with pytest.raises(winnow.UsageError, match="Name it: prompt COLUMN"):
        winnow.select([{"n": 0, "text": "t", "score": 1.0}], best_of=2)
    several = [{"n": 0, "text": "t", "a.score": 1.0, "b.score": 2.0}]
    with pytest.raises(winnow.UsageError, match=r"several: a\.score, b\.score"):
        winnow.select(several, threshold=1)
    assert numbers(winnow.select(several, threshold=2, score="b.score")) == [0]
