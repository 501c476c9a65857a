"""`winnow edit` as a person meets it: what it writes and prints is what a recount finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Winnow
from tests.stages.edit.fixture_models import byte_level, saved, texts, trained_model
from winnow.cli.main import app
from winnow.models.huggingface import HuggingFacePrior
from winnow.models.prior import CandidateRequest, Document, want_no_candidates
from winnow.text.edits import TextEdit, apply_edits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """t.jsonl and a model folder."""
    tokenizer = byte_level()
    saved(tmp_path / "model", tokenizer, trained_model(tokenizer, steps=60))
    lines = [json.dumps({"text": text, "source": n}) + "\n" for n, text in enumerate(texts(60))]
    (tmp_path / "t.jsonl").write_text("".join(lines))
    return tmp_path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_source_and_edits_make_the_text_and_the_shares_agree_with_a_recount(folder: Path, winnow: Winnow) -> None:
    line = "edit t.jsonl --model model --threshold .3 --top-k 8 --protect none --out o.jsonl --json"
    done = winnow(*line.split())
    assert done.returncode == 0, done.stderr
    summary, rows, sources = json.loads(done.stdout), read(folder / "o.jsonl"), read(folder / "t.jsonl")
    prior, tokens, over = HuggingFacePrior(str(folder / "model")), 0, 0
    known: list[float] = []
    for row, source in zip(rows, sources, strict=True):
        edits = [TextEdit(one["start"], one["end"], one["to"], one["p"]) for one in row["edits"]]
        assert apply_edits(source["text"], edits) == row["text"]
        assert all(source["text"][one["start"] : one["end"]] == one["from"] for one in row["edits"])
        assert all(one["p"] >= 0.3 for one in row["edits"])
        assert row["source"] == source["source"]
        ids = next(prior.tokenizer.encode([source["text"]])).ids
        own = np.concatenate(
            [part.logprobs for part in prior.score_documents([Document(ids)], CandidateRequest(want_no_candidates, 1))]
        )
        tokens, over = tokens + len(ids), over + int((np.exp(own) >= 0.3).sum())
        known.extend(own)
    changed = sum(len(row["edits"]) for row in rows)
    assert (summary["tokens"], summary["over"], summary["selected"]) == (tokens, over, over)
    assert summary["selected_share"] == over / tokens
    assert summary["changed_share"] == changed / tokens > 0
    assert summary["eligible_share"] == 1 - len(rows) / tokens
    assert summary["perplexity"]["all_before"] == pytest.approx(np.exp(-np.mean(known)))
    assert sum(summary["deciles"]) == pytest.approx(1)
    assert summary["characters"]["after"] == sum(len(row["text"]) for row in rows)
    assert "of tokens, changed" in done.stderr


def test_above_one_every_text_is_as_it_was_and_the_estimate_writes_nothing(folder: Path, winnow: Winnow) -> None:
    done = winnow(*"edit t.jsonl --model model --threshold 1.01 --out o.jsonl".split())
    assert done.returncode == 0, done.stderr
    assert [row["text"] for row in read(folder / "o.jsonl")] == [row["text"] for row in read(folder / "t.jsonl")]
    before = {path.name for path in folder.iterdir()}
    done = winnow(*"edit t.jsonl --model model --threshold .5 --estimate --json".split())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["documents"] == found["rows"] == 60
    assert found["gpu_hours"] == pytest.approx(2 * found["parameters"] * found["tokens"] / 1e14 / 3600)
    assert found["shares"]["changed"] >= 0 and found["tokens_per_second"] > 0
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--model nowhere", "--model: 'nowhere' is not a folder"),
        ("--model model --threshold 0", "--threshold: 0.0 must be above 0"),
        ("--model model --top-k 4 --rejection", "--top-k and --rejection: are different ways to draw"),
        ("--model model --protect number", "--protect: 'number' is not a kind of text that can be protected"),
        ("--model model --logprobs no", "--logprobs: 'no' is not a column"),
        ("--model model --batch 0", "--batch: 0 must be at least 1"),
        ("--model model --down .999", "--down: 0.999 is not below the threshold"),
        ("--model model --out t.jsonl", "--out: 't.jsonl' exists and is not an untouched result"),
        ("--model model --read-again -1", "--read-again: -1 must be at least 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    words: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a b"}\n')
    saved(tmp_path / "model", byte_level(300))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        app(["edit", "t.jsonl", *words.split()])
    assert ended.value.code == 2
    assert f"winnow: {says}" in capsys.readouterr().err
