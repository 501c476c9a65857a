"""The command combine: recovered rates, refusals that write nothing, verdicts that measure and select read."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.simulated.verifier_votes import NAMES, PHI, PSI, drawn

ROWS = 3_000
WORDS = {1: "pass", 0: "fail", -1: "abstain"}
VOTES, RIGHT = drawn(ROWS, seed=3, abstain=0.1)
SCORES = ",".join(NAMES)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def candidates(count: int = ROWS) -> list[dict[str, Any]]:
    """Five independent verifiers under column names of their own, three candidates to a task."""
    return [
        {
            "nr": f"c{i}",
            "aufgabe": f"p{i // 3}",
            **{name: WORDS[int(vote)] for name, vote in zip(NAMES, VOTES[i], strict=True)},
            "stimmt": bool(RIGHT[i]),
        }
        for i in range(count)
    ]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_rows(tmp_path / "t.jsonl", candidates())
    return tmp_path


FOREIGN = ("--id", "nr", "--prompt", "aufgabe")


def reported(run_json: Any, *arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = run_json("combine", "t.jsonl", *FOREIGN, *arguments)
    return report


def test_error_rates_of_independent_verifiers_are_found_without_a_label(run_json: Any, table: Path) -> None:
    report = reported(run_json, "--scores", SCORES)
    assert (report["method"], report["labels"], report["card"]) == ("em", None, None)
    known = [(report["right"], 0.6)]
    for one, phi, psi in zip(report["verifiers"], PHI, PSI, strict=True):
        known += [(one["phi"], phi), (one["psi"], psi)]
        assert one["decided"] == pytest.approx(0.9, abs=0.02)
    inside = [figure["low"] <= truth <= figure["high"] for figure, truth in known]
    assert sum(inside) >= len(inside) - 1
    assert all(abs(figure["value"] - truth) < 0.08 for figure, truth in known)
    assert [one["errors"] is not None for one in report["pairs"]] == [True] * 10
    assert report["warnings"] == []


def test_without_labels_every_rate_is_called_an_estimate_and_none_measured(winnow: Any, table: Path) -> None:
    words = winnow("combine", "t.jsonl", *FOREIGN, "--scores", SCORES).stdout
    assert "estimated from the votes alone, not measured:" in words
    assert words.count("measured") == 1
    assert "verifiers err independently of one another" in words
    assert "an error that all verifiers share cannot be seen without labels" in words
    assert "none of 10 pairs agrees more than independent verifiers would" in words


def test_three_verifiers_are_combined_and_what_cannot_be_checked_is_said(winnow: Any, table: Path) -> None:
    done = winnow("combine", "t.jsonl", *FOREIGN, "--scores", "a,b,c")
    assert "whether they err independently cannot be checked" in done.stdout
    assert "dependence: not checked" in done.stdout


@pytest.mark.parametrize("out", ["c", "c.jsonl", "c.parquet"])
def test_copies_are_refused_by_name_with_what_to_do_and_nothing_is_write_rows(
    winnow: Any, table: Path, out: str
) -> None:
    write_rows(table / "t.jsonl", [{**row, "echo": row["b"]} for row in candidates()])
    done = winnow("combine", "t.jsonl", *FOREIGN, "--scores", f"{SCORES},echo", "--out", out, "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["problem"].startswith("b, echo are too dependent: they agree like copies of one verifier (kappa 1.00")
    assert error["next_step"].startswith("Keep one of those that agree so, or label 100 rows or more")
    assert [path.name for path in table.iterdir()] == ["t.jsonl"]


def test_too_few_independent_verifiers_are_refused_with_the_pair_and_how_dependent_it_is(
    winnow: Any, table: Path
) -> None:
    slips = [
        ("fail" if row["a"] == "pass" else "pass") if i % 8 == 0 else row["a"] for i, row in enumerate(candidates())
    ]
    rows = [
        {**row, "kin": one if row["a"] != "abstain" else None} for row, one in zip(candidates(), slips, strict=True)
    ]
    write_rows(table / "t.jsonl", rows)
    done = winnow("combine", "t.jsonl", *FOREIGN, "--scores", "a,kin,b,c", "--out", "c")
    assert (done.returncode, (table / "c").exists()) == (2, False)
    assert "4 verifiers are too dependent: 2 of them err independently, but three are needed" in done.stderr
    assert re.search(r"\((a and kin|b and c): correlation 0\.\d\d beyond what the model explains\)", done.stderr)
    assert (
        "Leave out those that you know to be related, add a verifier of another kind, or label 100 rows" in done.stderr
    )


def test_labels_make_more_of_unequal_verifiers_than_the_majority_does(run_json: Any, table: Path) -> None:
    """Two verifiers know something, three toss coins; 300 rows are labeled in a file of their own."""
    rows = [
        {**row, "d": i % 2 == 0, "e": (i // 2) % 2 == 0, "f": (i // 4) % 2 == 0} for i, row in enumerate(candidates())
    ]
    write_rows(table / "t.jsonl", rows)
    marks = "".join(f"{row['nr']},{int(row['stimmt'])}\n" for row in rows[:300])
    (table / "l.csv").write_text("candidate_id,correct\n" + marks, "utf-8")
    report = reported(run_json, "--scores", "a,b,d,e,f", "--labels", "l.csv", "--out", "c.jsonl")
    assert (report["method"], report["labels"]["rows"], report["card"]["labeled"]) == ("stack", 300, 300)
    assert [one["verifier"] for one in report["beside"]] == ["majority of 5", "a"]
    assert report["accuracy"]["combined"] > report["accuracy"]["majority of 5"] + 0.05
    assert report["card"]["precision"]["value"] > report["beside"][0]["precision"]["value"] + 0.05
    unseen = [json.loads(line) for line in (table / "c.jsonl").read_text("utf-8").splitlines()][300:]
    assert sum((row["combined.verdict"] == "pass") == row["stimmt"] for row in unseen) > 0.8 * len(unseen)
    assert "correct" not in unseen[0]


def test_a_store_of_combined_verdicts_is_measured_and_selected_by_them_alone(
    winnow: Any, run_json: Any, table: Path
) -> None:
    report = reported(run_json, "--scores", SCORES, "--out", "c")
    measured = winnow("measure", "c", "--label", "stimmt", "--json")
    card = json.loads(measured.stdout)
    assert (card["verifier"], card["kept"], card["dropped"]) == ("combined", report["pass"], report["fail"])
    assert card["phi"]["value"] > 0.85 > 0.2 > card["psi"]["value"]
    chosen = winnow("select", "c", "--passed", "--out", "s.jsonl", "--json")
    assert json.loads(chosen.stdout)["rows"] == report["pass"]
    best = winnow("select", "c", "--best-of", "all", "--no-passed", "--out", "b.jsonl", "--json")
    assert json.loads(best.stdout)["rows"] == ROWS // 3


def test_the_measured_card_is_that_of_measure_on_the_written_verdicts(winnow: Any, run_json: Any, table: Path) -> None:
    card = reported(run_json, "--scores", SCORES, "--label", "stimmt", "--out", "c")["card"]
    again = json.loads(winnow("measure", "c", "--label", "stimmt", "--json").stdout)
    for name in ("n", "kept", "dropped", "abstain", "labeled", "phi", "psi", "precision", "uplift", "decision"):
        assert card[name] == (pytest.approx(again[name]) if isinstance(again[name], dict) else again[name]), name


def test_the_same_command_gives_the_same_bytes_and_a_finished_store_is_found_done(
    winnow: Any, run_json: Any, table: Path
) -> None:
    first = reported(run_json, "--scores", SCORES, "--out", "one")
    assert reported(run_json, "--scores", SCORES, "--out", "one") == {**first, "already_done": True}
    reported(run_json, "--scores", SCORES, "--out", "two")
    for name in ("receipt.json", "part-00000.parquet"):
        assert (table / "one" / name).read_bytes() == (table / "two" / name).read_bytes()
    of = json.loads((table / "one" / "receipt.json").read_text())["stage"]["config"]["verifiers"][0]
    assert (of["name"], of["config"]["method"], of["config"]["seed"]) == ("combined", "em", 0)
    assert [one["column"] for one in of["config"]["of"]] == list(NAMES)
    other = winnow("combine", "t.jsonl", *FOREIGN, "--scores", "a,b,c", "--out", "one")
    assert (other.returncode, "a finished store of other work" in other.stderr) == (2, True)


def test_a_csv_of_written_votes_and_scores_is_read_as_what_it_says(winnow: Any, table: Path) -> None:
    with (table / "t.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["nr", "aufgabe", "yes or no", "one or zero", "number", "word"])
        for row in candidates():
            said = [row[name] for name in "abcd"]
            number = {"pass": "0.9", "fail": "0.2", "abstain": ""}[said[2]] + (
                "" if said[2] == "abstain" else row["nr"][1:]
            )
            binary = {"pass": "1", "fail": "0", "abstain": ""}[said[1]]
            yes = {"pass": "True", "fail": "False", "abstain": ""}[said[0]]
            lines.writerow([row["nr"], row["aufgabe"], yes, binary, number, said[3]])
    command = (
        "combine",
        "t.csv",
        *FOREIGN,
        "--scores",
        "yes or no,one or zero,number,word",
        "--out",
        "c.csv",
        "--json",
    )
    report = json.loads(winnow(*command).stdout)
    assert [one["kind"] for one in report["verifiers"]] == ["votes", "votes", "scores", "votes"]
    assert [one["silent"] for one in report["verifiers"]] == [int((VOTES[:, k] < 0).sum()) for k in range(4)]
    with (table / "c.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counted = [sum(row["combined.verdict"] == word for row in rows) for word in ("pass", "fail", "abstain")]
    assert counted == [report[word] for word in ("pass", "fail", "abstain")]


BAD = {
    "a column that is not there": (("--scores", "a,b,cc"), "'cc' is not a column of t.jsonl. Did you mean"),
    "one verifier": (("--scores", "a"), "names one verifier"),
    "a verifier twice": (("--scores", "a,b,a"), "'a' is named twice"),
    "two without labels": (("--scores", "a,b"), "without labels three are needed"),
    "texts for votes": (("--scores", "a,b,nr"), "t.jsonl:1: nr is 'c0'; it must be pass, fail, abstain, error, true"),
    "no column of verdicts": ((), "t.jsonl has 0 columns of verdicts"),
    "a name that is no name": (("--scores", "a,b,c", "--name", "x.y"), "'x.y' is not a name"),
    "its own name": (("--scores", "a,b,c", "--name", "a"), "'a' is one of the verifiers combined"),
    "a label that is not there": (("--scores", "a,b,c", "--label", "stimt"), "Did you mean 'stimmt'"),
    "several labels": (("--scores", "a,b,c", "--label", "a,b"), "names several labels"),
    "no rule": (("--scores", "a,b,c", "--label", "stimmt", "--right-if", "good"), "'good' is not a rule"),
    "a place taken": (("--scores", "a,b,c", "--out", "t.jsonl"), "is not an untouched result of winnow"),
    "a format not known": (("--scores", "a,b,c", "--out", "c.txt"), "ends in .txt"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_is_one_line_that_says_what_and_ends_with_2(winnow: Any, tmp_path: Path, case: str) -> None:
    write_rows(tmp_path / "t.jsonl", candidates(60))
    arguments, words = BAD[case]
    done = winnow("combine", "t.jsonl", *FOREIGN, *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert words in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]
