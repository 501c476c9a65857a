"""The page on real verifiers follows its results, and each public file becomes the right table.

The files here are simulated; none of the public data is part of the tests.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPTS, PAGE, RESULTS = (
    PROJECT / "validation" / "real",
    PROJECT / "docs" / "explanation" / "real-verifiers.md",
    PROJECT / "results" / "real",
)
NAMES = "frank pandalm game24 wmt23".split()


def run_python(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


def write_page(results: Path, page: Path) -> str:
    """Return the page with its blocks written from the results."""
    process = run_python(str(SCRIPTS / "real_verifiers_page.py"), "--results", str(results), "--page", str(page))
    assert process.returncode == 0, process.stderr
    return page.read_text(encoding="utf-8")


def write_empty_page(page: Path) -> Path:
    """Write the page with empty blocks."""
    text = PAGE.read_text(encoding="utf-8")
    for name in NAMES:
        text, replacements = re.subn(
            rf"(<!-- {name}: begin -->).*?(<!-- {name}: end -->)", r"\1\n\2", text, flags=re.DOTALL
        )
        assert replacements == 1
    page.write_text(text, encoding="utf-8")
    return page


def test_a_changed_result_changes_the_sentence_about_it(tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(RESULTS, results)
    file = results / "game24.json"
    figures = json.loads(file.read_text(encoding="utf-8"))
    page = write_empty_page(tmp_path / "page.md")
    assert "is negative and yet the verifier helps: judge_95_10" in write_page(results, page)
    for card in figures["side_by_side"]["cards"]:
        card["decision"] = "undecided"
    file.write_text(json.dumps(figures), encoding="utf-8")
    assert "and yet the verifier helps" not in write_page(results, page)


def test_results_contain_no_path_and_name_their_versions() -> None:
    for name in NAMES:
        text = (RESULTS / f"{name}.json").read_text(encoding="utf-8")
        assert {"winnow", "numpy", "duckdb", "pyarrow"} <= set(json.loads(text)["versions"])
        assert not re.search(r'[" ]/\w', text)


def run_script(tmp_path: Path, name: str, file: str, lines: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Run a script on a simulated public file; it writes to the folders `tables` and `results`."""
    source = tmp_path / "source"
    source.mkdir()
    (source / file).write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    before = PAGE.read_bytes()
    folders = ("--out", str(tmp_path / "tables"), "--results", str(tmp_path / "results"))
    process = run_python(str(SCRIPTS / f"{name}.py"), str(source), *folders)
    assert (tmp_path / "results" / f"{name}.json").is_file(), process.stderr
    assert PAGE.read_bytes() == before
    return process


def read_table(tmp_path: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "tables" / name).read_text(encoding="utf-8").splitlines()]


def read_results(tmp_path: Path, name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((tmp_path / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return figures


def summary(model: str, factuality: float, score: float) -> dict[str, Any]:
    metrics = {"FactCC": score, "BertScore F1": score / 2, "BertScore P Art": 1 - score}
    return {"model": model, "summary": f"by {model}", "human": {"Factuality": factuality}, "metrics": metrics}


def test_frank_has_a_row_per_summary_and_thresholds_are_chosen_on_other_articles(tmp_path: Path) -> None:
    part = [summary("a", 1.0, 0.9), summary("b", 0.99, 0.8), summary("c", 0.0, 0.1), summary("d", 1.0, 0.5)]
    articles = [{"hash": f"h{i}", "dataset": "bbc" if i % 2 else "cnndm", "candidates": part} for i in range(12)]
    process = run_script(tmp_path, "frank", "frank_validation.jsonl.gz", articles)
    assert process.returncode == 1 and "differ from what is known" in process.stderr
    table, judged = read_table(tmp_path, "frank.jsonl"), read_table(tmp_path, "judged.jsonl")
    assert [(row["factual"], row["factcc.score"]) for row in table[:4]] == [
        (True, 0.9),
        (False, 0.8),
        (False, 0.1),
        (True, 0.5),
    ]
    halves = read_results(tmp_path, "frank")["halves"]
    assert 0 < len({row["article"] for row in judged}) == halves["judged_on"]["articles"] < 12
    assert halves["judged_on"]["articles"] + halves["chosen_on"]["articles"] == 12
    assert [row["factcc.verdict"] for row in judged[:4]] == ["pass", "pass", "fail", "pass"]
    assert read_results(tmp_path, "frank")["thresholds"]["bertscore_reference"] == 0.25


def judged_pair(number: int, people: tuple[int, int, int], gpt: str, panda: int) -> dict[str, Any]:
    votes = {f"annotator{i}": vote for i, vote in enumerate(people, 1)}
    texts = {"instruction": "Say it", "input": "", "response1": "one", "response2": "two"}
    return {"idx": number, **texts, **votes, "gpt35_result": gpt, "pandalm7b_result": panda}


def test_a_tie_of_a_judge_is_an_abstention_and_a_tie_of_people_gives_no_label(tmp_path: Path) -> None:
    pairs = [
        judged_pair(0, (1, 1, 2), "1", 2),
        judged_pair(1, (2, 2, 2), "Tie", 0),
        judged_pair(2, (0, 0, 1), "garbage", 1),
        judged_pair(3, (0, 1, 2), "2", 2),
    ]
    assert run_script(tmp_path, "pandalm", "testset_v1_joined.jsonl.gz", pairs).returncode == 0
    table = read_table(tmp_path, "pandalm.jsonl")
    assert [row["preferred"] for row in table] == [True, False, False, True, None, None, None, None]
    assert [row["gpt35.verdict"] for row in table] == "pass fail abstain abstain error error fail pass".split()
    assert [row["pandalm7b.verdict"] for row in table] == "fail pass abstain abstain pass fail fail pass".split()
    figures = read_results(tmp_path, "pandalm")
    assert figures["counts"]["people"] == {"tie": 1, "no majority": 1}
    card = figures["side_by_side"]["cards"][0]
    assert (card["n"], card["labeled"], card["abstain"], card["error"]) == (8, 2, 2, 2)


def test_the_game_of_24_is_checked_exactly_and_simulated_judges_keep_their_share(tmp_path: Path) -> None:
    right, wrong = "Answer: (10 - 4) * (5 - 1) = 24", "Answer: 10 + 5 + 4 + 4 + 1 = 24"
    log = {"idx": 7, "puzzle": "1 4 5 10", "samples": [right, wrong] * 40, "correct_rechecked": [1, 0] * 40}
    other = {"idx": 8, "puzzle": "1 1 1 1", "samples": [wrong, "none"] * 40, "correct_rechecked": [0, 0] * 40}
    assert run_script(tmp_path, "game24", "game24_n100_cot.jsonl.gz", [log, other]).returncode == 0
    table = read_table(tmp_path, "exact.jsonl")
    assert [row["right.verdict"] == "pass" for row in table] == [row["correct"] for row in table]
    figures = read_results(tmp_path, "game24")
    assert figures["w"] == pytest.approx((40 + 40) / (40 + 80), abs=0.001)
    raw, exact, judge, *_ = figures["students"]
    assert (raw["kept_right"], raw["commonest"], exact["kept_right"], exact["commonest"]) == (0.25, 0.25, 1.0, 0.5)
    kept = [row for row in table if row["judge_95_10.verdict"] == "pass"]
    assert judge["kept"] == len(kept) < len(table) / 2
    assert judge["kept_right"] == pytest.approx(sum(row["correct"] for row in kept) / len(kept), abs=0.001)


def test_only_systems_with_a_human_score_are_candidates_and_each_segment_has_one_best(tmp_path: Path) -> None:
    def segment(number: int, scores: dict[str, float | None]) -> dict[str, Any]:
        texts = {"A": "das Haus ist rot", "B": "ein Boot", "C": "das Haus ist rot", "refA": "das Haus ist rot"}
        systems = {name: {"text": texts[name], "human_score": score} for name, score in scores.items()}
        return {"id": number, "source": "the house is red", "reference": texts["refA"], "candidates": systems}

    scored: dict[str, float | None] = {"A": 95.0, "B": 99.0, "C": 40.0, "refA": 100.0}
    lines = [*(segment(i, scored) for i in range(20)), segment(20, dict.fromkeys(scored))]
    assert run_script(tmp_path, "wmt23", "en-de_candidates_human_scores.jsonl.gz", lines).returncode == 0
    table = read_table(tmp_path, "wmt23.jsonl")
    assert {row["system"] for row in table} == {"A", "B", "C"} and len(table) == 60
    for verdict, best in (("best_by_chrf.verdict", {"A", "C"}), ("best_by_people.verdict", {"B"})):
        passed = [row["system"] for row in table if row[verdict] == "pass"]
        assert (len(passed), set(passed)) == (20, best)
    figures = read_results(tmp_path, "wmt23")
    assert figures["counts"] == {"segments": 20, "left_out": 1, "translations": 60}
    last = figures["forecasts"][1]["curve"][-1]
    assert (last["n"], last["best_of_n"]["value"], last["oracle"]["value"]) == (3, 0.5, 1.0)
    assert figures["systems"]["best"] == "B"


def test_chrf_is_the_f_score_of_shared_characters_with_twice_the_weight_on_recall() -> None:
    expected = {("Haus am See", "Haus am See"): 100.0, ("abc", "xyz"): 0.0, ("", "abc"): 0.0, ("ab", "ac"): 25.0}
    # One letter: 2 of 4 and 2 of 2 are shared; two letters: 1 of 3 and 1 of 1.
    precision, recall = (2 / 4 + 1 / 3) / 2, 1.0
    expected["abab", "ab"] = 100 * 5 * precision * recall / (4 * precision + recall)
    program = f"from chrf import chrf; print([chrf(*texts) for texts in {list(expected)}])"
    process = run_python("-c", program, cwd=SCRIPTS)
    assert json.loads(process.stdout) == pytest.approx(list(expected.values()))
