"""Labels kept unseen: the split does not depend on order or seed, looks are counted, and later looks are stricter."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import winnow
from tests.stages.measure.labeled_tables import write_labels, write_rows

ROWS: list[dict[str, Any]] = [
    {"candidate_id": f"c{i}", "prompt_id": f"p{i // 3}", "v.verdict": "pass" if i % 3 else "fail"} for i in range(300)
]
WITHOUT_PROMPTS = [{name: value for name, value in row.items() if name != "prompt_id"} for row in ROWS]
LABELS = [(f"c{i}", (i * 7) % 10 < (7 if i % 3 else 3)) for i in range(300)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_rows(tmp_path / "t.jsonl", ROWS)
    write_labels(tmp_path / "l.csv", LABELS)
    return tmp_path


def card_of(folder: Path, **options: Any) -> dict[str, Any]:
    return winnow.measure(folder / "t.jsonl", labels=folder / "l.csv", **options).to_dict()


def test_the_open_and_the_held_part_are_all_labels_and_share_no_prompt(folder: Path) -> None:
    whole, open_part = card_of(folder), card_of(folder, holdout=0.5)
    held = card_of(folder, holdout=0.5, look=True)
    assert (open_part["holdout"]["part"], held["holdout"]["part"]) == ("open", "held")
    assert 90 < open_part["labeled"] < 210
    for name in ("labeled", "prompts"):
        assert open_part[name] + held[name] == whole[name]
    for name, count in whole["labels"].items():
        assert open_part["labels"][name] + held["labels"][name] == count
    assert open_part["keep_rate"]["value"] == whole["keep_rate"]["value"]
    assert open_part["holdout"]["labels_unseen"] == held["labeled"]
    assert whole["holdout"] is None


def test_the_split_does_not_depend_on_the_order_of_rows_or_the_seed(folder: Path) -> None:
    first = card_of(folder, holdout=0.5)["labels"]
    write_rows(folder / "t.jsonl", random.Random(0).sample(ROWS, len(ROWS)))
    write_labels(folder / "l.csv", random.Random(1).sample(LABELS, len(LABELS)))
    assert card_of(folder, holdout=0.5)["labels"] == first
    assert card_of(folder, holdout=0.5, seed=9)["labels"] == first


def test_every_look_is_counted_and_later_ones_have_wider_intervals(folder: Path) -> None:
    looks = folder / "l.csv.looks.jsonl"
    assert card_of(folder, holdout=0.5)["holdout"]["looks"] == 0
    assert not looks.exists()
    cards = [card_of(folder, holdout=0.5, look=True) for _ in range(3)]
    assert [card["holdout"]["looks"] for card in cards] == [1, 2, 3]
    assert [card["level"] for card in cards] == pytest.approx([0.95, 1 - 0.05 / 2, 1 - 0.05 / 3])
    widths = [card["precision"]["high"] - card["precision"]["low"] for card in cards]
    assert widths[0] < widths[1] < widths[2]
    assert [json.loads(line)["look"] for line in looks.read_text().splitlines()] == [1, 2, 3]
    open_part = card_of(folder, holdout=0.5)
    assert (open_part["holdout"]["looks"], open_part["level"]) == (3, 0.95)


def test_the_report_says_which_look_it_is_and_at_which_level(folder: Path) -> None:
    options: dict[str, Any] = {"labels": folder / "l.csv", "holdout": 0.5, "look": True}
    winnow.measure(folder / "t.jsonl", **options)
    assert "look 2 at the unseen part" in (text := winnow.measure(folder / "t.jsonl", **options).describe())
    assert "level 0.975 because of 2 looks" in text


def test_a_changed_count_of_looks_is_refused_with_its_line(folder: Path) -> None:
    for _ in range(2):
        card_of(folder, holdout=0.5, look=True)
    looks = folder / "l.csv.looks.jsonl"
    for content in (looks.read_text().splitlines()[1] + "\n", "no\n"):
        looks.write_text(content)
        with pytest.raises(winnow.BadTable, match=r"l\.csv\.looks\.jsonl:1: is not look 1"):
            card_of(folder, holdout=0.5, look=True)
        assert looks.read_text() == content


def test_unseen_rows_are_not_among_the_errors_written(folder: Path) -> None:
    card = card_of(folder, holdout=0.5, errors=folder / "e.jsonl")
    wrong = (folder / "e.jsonl").read_text().splitlines()
    assert len(wrong) == card["labels"]["kept_wrong"] + card["labels"]["dropped_right"]


def test_without_prompts_the_ids_decide_and_without_both_a_holdout_is_refused(folder: Path) -> None:
    write_rows(folder / "t.jsonl", WITHOUT_PROMPTS)
    first = card_of(folder, holdout=0.5)["labels"]
    write_rows(folder / "t.jsonl", reversed(WITHOUT_PROMPTS))
    assert card_of(folder, holdout=0.5)["labels"] == first
    rows = [{"v.verdict": "pass", "correct": 1, "n": i} for i in range(4)]
    with pytest.raises(winnow.UsageError, match="neither prompts nor ids"):
        winnow.measure(rows, holdout=0.5)


def test_a_look_needs_a_file_in_which_it_is_counted(folder: Path) -> None:
    labels = [{"candidate_id": "c1", "correct": True}]
    with pytest.raises(winnow.UsageError, match="counted in a file"):
        winnow.measure(ROWS, labels=labels, holdout=0.5, look=True)
    with pytest.raises(winnow.UsageError, match="holdout: 1.0 must be below 1"):
        card_of(folder, holdout=1.0)
