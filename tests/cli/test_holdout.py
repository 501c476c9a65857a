"""Labels kept back: the same split whatever the order, every look counted, and later looks held to more."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import winnow as package
from winnow.errors import UsageError

ROWS = [
    {
        "candidate_id": f"c{i}",
        "prompt_id": f"p{i // 3}",
        "v.verdict": "pass" if i % 3 else "fail",
    }
    for i in range(300)
]
LABELS = [f"c{i},{int((i * 7) % 10 < (7 if i % 3 else 3))}" for i in range(300)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write(tmp_path, ROWS, LABELS)
    return tmp_path


def write(folder: Path, rows: list[dict[str, str]], labels: list[str]) -> None:
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "l.csv").write_text("\n".join(["candidate_id,correct", *labels]) + "\n")


def measured(winnow: Any, *arguments: str) -> dict[str, Any]:
    done = winnow("measure", "t.jsonl", "--labels", "l.csv", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    card: dict[str, Any] = json.loads(done.stdout)
    return card


def test_the_open_and_the_held_part_are_the_labels_and_share_no_prompt(winnow: Any, table: Path) -> None:
    whole, open_part = measured(winnow), measured(winnow, "--holdout", "0.5")
    held = measured(winnow, "--holdout", "0.5", "--look")
    assert (open_part["holdout"]["part"], held["holdout"]["part"]) == ("open", "held")
    assert 90 < open_part["labeled"] < 210
    for name in ("labeled", "prompts"):
        assert open_part[name] + held[name] == whole[name]
    for name, count in whole["labels"].items():
        assert open_part["labels"][name] + held["labels"][name] == count
    assert open_part["keep_rate"]["value"] == whole["keep_rate"]["value"]
    assert open_part["holdout"]["labels_unseen"] == held["labeled"]
    assert whole["holdout"] is None


def test_the_split_is_the_same_whatever_the_order_of_rows_and_the_seed(winnow: Any, table: Path) -> None:
    first = measured(winnow, "--holdout", "0.5")
    other = [*ROWS]
    labels = [*LABELS]
    random.Random(0).shuffle(other)
    random.Random(1).shuffle(labels)
    write(table, other, labels)
    assert measured(winnow, "--holdout", "0.5")["labels"] == first["labels"]
    assert measured(winnow, "--holdout", "0.5", "--seed", "9")["labels"] == first["labels"]


def test_every_look_is_counted_and_held_to_more_and_a_glance_at_the_open_part_is_none(winnow: Any, table: Path) -> None:
    looks = table / "l.csv.looks.jsonl"
    assert measured(winnow, "--holdout", "0.5")["holdout"]["looks"] == 0
    assert not looks.exists()
    cards = [measured(winnow, "--holdout", "0.5", "--look") for _ in range(3)]
    assert [card["holdout"]["looks"] for card in cards] == [1, 2, 3]
    assert [card["level"] for card in cards] == pytest.approx([0.95, 1 - 0.05 / 2, 1 - 0.05 / 3])
    widths = [card["precision"]["high"] - card["precision"]["low"] for card in cards]
    assert widths[0] < widths[1] < widths[2]
    assert [json.loads(line)["look"] for line in looks.read_text().splitlines()] == [1, 2, 3]
    assert measured(winnow, "--holdout", "0.5")["holdout"]["looks"] == 3
    assert measured(winnow, "--holdout", "0.5")["level"] == 0.95


def test_the_words_say_which_look_it_is_and_at_which_level(winnow: Any, table: Path) -> None:
    measured(winnow, "--holdout", "0.5", "--look")
    done = winnow("measure", "t.jsonl", "--labels", "l.csv", "--holdout", "0.5", "--look")
    assert "look 2 at the held part" in done.stdout and "intervals at 0.975" in done.stdout


def test_a_count_of_looks_that_was_changed_is_refused_with_its_line(winnow: Any, table: Path) -> None:
    for _ in range(2):
        measured(winnow, "--holdout", "0.5", "--look")
    looks = table / "l.csv.looks.jsonl"
    for content in (looks.read_text().splitlines()[1] + "\n", "no\n"):
        looks.write_text(content)
        done = winnow("measure", "t.jsonl", "--labels", "l.csv", "--holdout", "0.5", "--look")
        assert done.returncode == 2 and "l.csv.looks.jsonl:1" in done.stderr
        assert looks.read_text() == content


def test_rows_that_are_kept_back_are_not_among_the_errors_written(winnow: Any, table: Path) -> None:
    card = measured(winnow, "--holdout", "0.5", "--errors", "e.jsonl")
    wrong = (table / "e.jsonl").read_text().splitlines()
    assert len(wrong) == card["labels"]["kept_wrong"] + card["labels"]["dropped_right"]


def test_without_prompts_ids_part_the_labels_and_without_both_it_is_refused(winnow: Any, table: Path) -> None:
    write(table, [{k: v for k, v in row.items() if k != "prompt_id"} for row in ROWS], LABELS)
    first = measured(winnow, "--holdout", "0.5")
    write(table, [{k: v for k, v in row.items() if k != "prompt_id"} for row in reversed(ROWS)], LABELS)
    assert measured(winnow, "--holdout", "0.5")["labels"] == first["labels"]
    rows: list[dict[str, Any]] = [{"v.verdict": "pass", "correct": 1, "n": i} for i in range(4)]
    with pytest.raises(UsageError, match="neither prompts nor ids"):
        package.measure(rows, holdout=0.5)


def test_a_look_without_a_file_to_count_in_or_without_a_share_is_refused(winnow: Any, table: Path) -> None:
    done = winnow("measure", "t.jsonl", "--labels", "l.csv", "--look")
    assert done.returncode == 2 and "--holdout 0.5" in done.stderr
    assert winnow("measure", "t.jsonl", "--labels", "l.csv", "--holdout", "1").returncode == 2
    labels = [{"candidate_id": "c1", "correct": True}]
    with pytest.raises(UsageError, match="counted in a file"):
        package.measure(ROWS, labels=labels, holdout=0.5, look=True)
