"""Every edited token was selected in its original context, nothing else changes, and batches do not matter."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stages.edit.fixture_models import TOKENIZERS, saved, strange, texts
from winnow.models.huggingface import HuggingFacePrior, ReadOptions
from winnow.models.prior import CandidateRequest, Document, want_no_candidates
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.editor import EditedText, EditInput, Editor
from winnow.text.edits import apply_edits
from winnow.text.protected_spans import PROTECTED_KINDS, Protection

FREE: dict[str, Any] = {"protect": ()}
THRESHOLDS = {"random": 0.004, "trained": 0.6}


@pytest.fixture(params=["random", "trained"])
def case(request: pytest.FixtureRequest) -> tuple[HuggingFacePrior, float]:
    """A prior, and a threshold above which it has many tokens."""
    folder: Path = request.getfixturevalue(f"{request.param}_folder")
    return HuggingFacePrior(str(folder)), THRESHOLDS[request.param]


def make_inputs(count: int = 60, seed: int = 1) -> list[EditInput]:
    draws = random.Random(seed)
    parts = texts(count, seed)
    mixed = [f"{text} {strange(draws, 6)}" if n % 3 == 0 else text for n, text in enumerate(parts)]
    return [EditInput(text, f"row {n}", is_reread=n % 5 == 0) for n, text in enumerate(["", "a", *mixed])]


def token_probabilities(prior: HuggingFacePrior, text: str) -> dict[tuple[int, int], float]:
    """How likely each token of a text is, by its span: asked of the model itself, the whole text in result window."""
    import torch

    encoded = next(prior.tokenizer.encode([text]))
    if len(encoded.ids) < 2:
        return {}
    with torch.inference_mode():
        logits = prior.model(input_ids=torch.tensor(encoded.ids[None])).logits[0].double()
    logp = torch.log_softmax(logits, -1)
    spans = zip(encoded.starts.tolist(), encoded.ends.tolist(), strict=True)
    known = [float(logp[at - 1, token].exp()) for at, token in enumerate(encoded.ids.tolist()) if at]
    return dict(zip(list(spans)[1:], known, strict=True))


def test_only_tokens_above_the_threshold_are_edited(
    case: tuple[HuggingFacePrior, float],
) -> None:
    prior, threshold = case
    sources = make_inputs()
    results = Editor(prior, EditConfig(threshold=threshold, **FREE)).edit_texts(sources)
    edits = 0
    for source, result in zip(sources, results, strict=True):
        known = token_probabilities(prior, source.text)
        for edit in result.edits:
            assert known[edit.start, edit.end] >= threshold - 1e-6
            assert edit.p == pytest.approx(known[edit.start, edit.end], abs=1e-5)
        assert apply_edits(source.text, result.edits) == result.text
        edits += len(result.edits)
    assert edits > 30


def test_the_counts_are_what_a_recount_finds(case: tuple[HuggingFacePrior, float]) -> None:
    prior, threshold = case
    for source, result in zip(
        make_inputs(), Editor(prior, EditConfig(threshold=threshold)).edit_texts(make_inputs()), strict=True
    ):
        known, counts = token_probabilities(prior, source.text), result.rounds[0]
        encoded = next(prior.tokenizer.encode([source.text]))
        assert counts.tokens == len(encoded.ids)
        assert counts.known == len(encoded.ids) - 1 if len(encoded.ids) else counts.known == 0
        assert counts.tokens == counts.eligible + counts.unknown + counts.not_in_place + counts.protected
        assert counts.changed == len(result.edits) <= counts.selected <= counts.over
        if len(known) == len(encoded.ids) - 1:
            assert counts.over == sum(p >= threshold for p in known.values())
            assert counts.logp == pytest.approx(np.log(list(known.values())).sum(), rel=1e-4)
            tenths = np.minimum((np.array(list(known.values())) * 10).astype(int), 9)
            assert counts.deciles == np.bincount(tenths, minlength=10).tolist()


def test_a_threshold_above_one_changes_nothing(case: tuple[HuggingFacePrior, float]) -> None:
    sources = make_inputs()
    results = Editor(case[0], EditConfig(threshold=1.5, rounds=3, **FREE)).edit_texts(sources)
    assert [result.text for result in results] == [source.text for source in sources]
    assert all(result.edits == [] and result.rounds[0].selected == 0 for result in results)


def test_protected_spans_never_change(case: tuple[HuggingFacePrior, float]) -> None:
    prior, threshold = case
    protected_texts = [
        "Ada walks to `x = 1` at 10:30.",
        "see https://a.org/b the captain",
        "<|im_start|>user: the river bank",
    ]
    pairs = zip(protected_texts * 8, texts(24), strict=True)
    sources = [
        EditInput(f"the old farmer {protected_text} {text}", str(number))
        for number, (protected_text, text) in enumerate(pairs)
    ]
    settings = EditConfig(threshold=threshold, rejection=True, beta=3.0, protect_regex=("river \\w+",))
    results = Editor(prior, settings).edit_texts(sources)
    protection = Protection(tuple(PROTECTED_KINDS), ("river \\w+",))
    for source, result in zip(sources, results, strict=True):
        mask = protection.mask(source.text)
        assert all(not mask[edit.start : edit.end].any() for edit in result.edits)
        for at in np.flatnonzero(mask).tolist():
            grown = sum(len(edit.to) - (edit.end - edit.start) for edit in result.edits if edit.end <= at)
            assert result.text[at + grown] == source.text[at]
    assert sum(len(result.edits) for result in results) > 20
    assert all(result.rounds[0].protected > 0 for result in results)


def to_comparable(results: list[EditedText]) -> list[Any]:
    return [
        (result.text, result.edits, [vars(counts) for counts in result.rounds], result.reread) for result in results
    ]


def test_edits_do_not_depend_on_batch_and_order(random_folder: Path) -> None:
    settings = EditConfig(threshold=0.01, beta=2.0, read_again=1)
    sources = [EditInput(result.text, result.id, is_reread=True) for result in make_inputs(90)]
    whole = to_comparable(
        Editor(HuggingFacePrior(str(random_folder), ReadOptions(batch=64)), settings).edit_texts(sources)
    )
    assert sum(len(edits) for _, edits, _, _ in whole) > 100
    for batch in (1, 7):
        editor = Editor(HuggingFacePrior(str(random_folder), ReadOptions(batch=batch)), settings)
        shuffled = sources.copy()
        random.Random(batch).shuffle(shuffled)
        parts = [
            result
            for first in range(0, 92, batch)
            for result in to_comparable(editor.edit_texts(shuffled[first : first + batch]))
        ]
        assert dict(zip((result.id for result in shuffled), parts, strict=True)) == {
            source.id: result for source, result in zip(sources, whole, strict=True)
        }


def test_batched_rows_have_the_scores_of_single_rows_up_to_rounding(random_folder: Path) -> None:
    """What a GPU does: rows of result length in result pass. Here on a CPU that is told to."""
    alone, batched = HuggingFacePrior(str(random_folder)), HuggingFacePrior(str(random_folder), ReadOptions(batch=7))
    batched.batch_rows = 7
    documents = [Document(result.ids) for result in alone.tokenizer.encode([result.text for result in make_inputs(40)])]

    def read(prior: HuggingFacePrior) -> dict[tuple[int, int], list[float]]:
        return {
            (part.document, part.first): part.logprobs.tolist()
            for part in prior.score_documents(documents, CandidateRequest(want_no_candidates, 1))
        }

    result, other = read(alone), read(batched)
    assert result.keys() == other.keys()
    assert all(np.allclose(result[key], other[key], atol=1e-4) for key in result)
    assert max(len(batch) for batch in batched._window_batches(documents)) > 1


def test_draws_depend_on_seed_and_row_id(trained_folder: Path) -> None:
    prior, text = HuggingFacePrior(str(trained_folder)), " ".join(texts(6, seed=8))
    rules = EditConfig(threshold=0.2, beta=3.0)

    def edited(seed: int, name: str) -> str:
        return Editor(prior, rules.model_copy(update={"seed": seed})).edit_texts([EditInput(text, name)])[0].text

    assert edited(0, "a") == edited(0, "a")
    assert len({edited(0, "a"), edited(1, "a"), edited(0, "b")}) == 3


def test_windows_score_each_token_of_a_long_text_once(trained_folder: Path) -> None:
    short, long = ReadOptions(window=32, overlap=12), ReadOptions()
    text = " ".join(texts(6, seed=2))
    tokens = len(next(HuggingFacePrior(str(trained_folder)).tokenizer.encode([text])).ids)
    assert 32 < tokens < 256
    results = {}
    for how in (short, long):
        prior = HuggingFacePrior(str(trained_folder), how)
        results[how] = Editor(prior, EditConfig(threshold=0.6, **FREE)).edit_texts([EditInput(text, "0")])[0]
        assert results[how].rounds[0].known == tokens - 1
    assert apply_edits(text, results[short].edits) == results[short].text
    assert results[short].rounds[0].over == pytest.approx(results[long].rounds[0].over, rel=0.1)


def test_later_rounds_edit_the_edited_text_and_report_offsets_of_the_source(trained_folder: Path) -> None:
    prior, sources = HuggingFacePrior(str(trained_folder)), make_inputs(30)
    settings = EditConfig(threshold=0.3, beta=2.0, rounds=3, **FREE)
    results = Editor(prior, settings).edit_texts(sources)
    first = Editor(prior, EditConfig(threshold=0.3, beta=2.0, **FREE)).edit_texts(sources)
    for source, result, alone in zip(sources, results, first, strict=True):
        assert apply_edits(source.text, result.edits) == result.text
        assert len(result.rounds) == 3
        assert vars(result.rounds[0]) == vars(alone.rounds[0])
    assert [result.text for result in results] != [result.text for result in first]


def test_unlikely_tokens_can_be_deleted(random_folder: Path) -> None:
    prior, sources = HuggingFacePrior(str(random_folder)), make_inputs()
    rules = EditConfig(threshold=2.0, down=1e-4, down_by="delete")
    results = Editor(prior, rules.model_copy(update=FREE)).edit_texts(sources)
    assert all(edit.to == "" and edit.p <= 1e-4 for result in results for edit in result.edits)
    assert sum(len(result.edits) for result in results) > 50


@pytest.mark.parametrize("name", TOKENIZERS)
def test_with_each_tokenizer_everything_but_the_edits_stays(name: str, tmp_path: Path) -> None:
    prior, draws = HuggingFacePrior(str(saved(tmp_path, TOKENIZERS[name]()))), random.Random(6)
    sources = [EditInput(strange(draws), str(n), is_reread=True) for n in range(150)]
    results = Editor(prior, EditConfig(threshold=0.003, **FREE)).edit_texts(sources)
    for source, result in zip(sources, results, strict=True):
        assert apply_edits(source.text, result.edits) == result.text
        assert all(source.text[edit.start : edit.end] for edit in result.edits)
    assert sum(len(result.edits) for result in results) > 20
