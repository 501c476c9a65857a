"""Every edited token was selected in its original context, nothing else changes, and nothing depends on company."""

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


def given(count: int = 60, seed: int = 1) -> list[EditInput]:
    draws = random.Random(seed)
    some = texts(count, seed)
    mixed = [f"{text} {strange(draws, 6)}" if n % 3 == 0 else text for n, text in enumerate(some)]
    return [EditInput(text, f"row {n}", is_reread=n % 5 == 0) for n, text in enumerate(["", "a", *mixed])]


def chances(prior: HuggingFacePrior, text: str) -> dict[tuple[int, int], float]:
    """How likely each token of a text is, by its span: asked of the model itself, the whole text in one window."""
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


def test_every_edited_token_is_as_likely_as_the_threshold_says_and_nothing_else_changes(
    case: tuple[HuggingFacePrior, float],
) -> None:
    prior, threshold = case
    sources = given()
    found = Editor(prior, EditConfig(threshold=threshold, **FREE)).edit_texts(sources)
    edits = 0
    for source, one in zip(sources, found, strict=True):
        known = chances(prior, source.text)
        for edit in one.edits:
            assert known[edit.start, edit.end] >= threshold - 1e-6
            assert edit.p == pytest.approx(known[edit.start, edit.end], abs=1e-5)
        assert apply_edits(source.text, one.edits) == one.text
        edits += len(one.edits)
    assert edits > 30


def test_the_counts_are_those_of_a_recount(case: tuple[HuggingFacePrior, float]) -> None:
    prior, threshold = case
    for source, one in zip(given(), Editor(prior, EditConfig(threshold=threshold)).edit_texts(given()), strict=True):
        known, figures = chances(prior, source.text), one.rounds[0]
        encoded = next(prior.tokenizer.encode([source.text]))
        assert figures.tokens == len(encoded.ids)
        assert figures.known == len(encoded.ids) - 1 if len(encoded.ids) else figures.known == 0
        assert figures.tokens == figures.eligible + figures.unknown + figures.not_in_place + figures.protected
        assert figures.changed == len(one.edits) <= figures.selected <= figures.over
        if len(known) == len(encoded.ids) - 1:
            assert figures.over == sum(p >= threshold for p in known.values())
            assert figures.logp == pytest.approx(np.log(list(known.values())).sum(), rel=1e-4)
            tenths = np.minimum((np.array(list(known.values())) * 10).astype(int), 9)
            assert figures.deciles == np.bincount(tenths, minlength=10).tolist()


def test_above_one_every_text_comes_back_as_it_is(case: tuple[HuggingFacePrior, float]) -> None:
    sources = given()
    found = Editor(case[0], EditConfig(threshold=1.5, rounds=3, **FREE)).edit_texts(sources)
    assert [one.text for one in found] == [source.text for source in sources]
    assert all(one.edits == [] and one.rounds[0].selected == 0 for one in found)


def test_protected_spans_never_change(case: tuple[HuggingFacePrior, float]) -> None:
    prior, threshold = case
    holds = ["Ada walks to `x = 1` at 10:30.", "see https://a.org/b the captain", "<|im_start|>user: the river bank"]
    pairs = zip(holds * 8, texts(24), strict=True)
    sources = [EditInput(f"the old farmer {hold} {text}", str(number)) for number, (hold, text) in enumerate(pairs)]
    settings = EditConfig(threshold=threshold, rejection=True, beta=3.0, protect_regex=("river \\w+",))
    found = Editor(prior, settings).edit_texts(sources)
    protection = Protection(tuple(PROTECTED_KINDS), ("river \\w+",))
    for source, one in zip(sources, found, strict=True):
        mask = protection.mask(source.text)
        assert all(not mask[edit.start : edit.end].any() for edit in one.edits)
        for at in np.flatnonzero(mask).tolist():
            grown = sum(len(edit.to) - (edit.end - edit.start) for edit in one.edits if edit.end <= at)
            assert one.text[at + grown] == source.text[at]
    assert sum(len(one.edits) for one in found) > 20
    assert all(one.rounds[0].protected > 0 for one in found)


def plain(found: list[EditedText]) -> list[Any]:
    return [(one.text, one.edits, [vars(figures) for figures in one.rounds], one.reread) for one in found]


def test_a_text_is_edited_alike_whatever_is_read_with_it(random_folder: Path) -> None:
    settings = EditConfig(threshold=0.01, beta=2.0, read_again=1)
    sources = [EditInput(one.text, one.id, is_reread=True) for one in given(90)]
    whole = plain(Editor(HuggingFacePrior(str(random_folder), ReadOptions(batch=64)), settings).edit_texts(sources))
    assert sum(len(edits) for _, edits, _, _ in whole) > 100
    for batch in (1, 7):
        editor = Editor(HuggingFacePrior(str(random_folder), ReadOptions(batch=batch)), settings)
        shuffled = sources.copy()
        random.Random(batch).shuffle(shuffled)
        some = [
            one for first in range(0, 92, batch) for one in plain(editor.edit_texts(shuffled[first : first + batch]))
        ]
        assert dict(zip((one.id for one in shuffled), some, strict=True)) == {
            source.id: one for source, one in zip(sources, whole, strict=True)
        }


def test_rows_side_by_side_are_read_as_alone_up_to_rounding(random_folder: Path) -> None:
    """What a GPU does: rows of one length in one pass. Here on a CPU that is told to."""
    alone, beside = HuggingFacePrior(str(random_folder)), HuggingFacePrior(str(random_folder), ReadOptions(batch=7))
    beside.batch_rows = 7
    documents = [Document(one.ids) for one in alone.tokenizer.encode([one.text for one in given(40)])]

    def read(prior: HuggingFacePrior) -> dict[tuple[int, int], list[float]]:
        return {
            (part.document, part.first): part.logprobs.tolist()
            for part in prior.score_documents(documents, CandidateRequest(want_no_candidates, 1))
        }

    one, other = read(alone), read(beside)
    assert one.keys() == other.keys()
    assert all(np.allclose(one[key], other[key], atol=1e-4) for key in one)
    assert max(len(batch) for batch in beside._window_batches(documents)) > 1


def test_another_seed_or_id_draws_otherwise_and_the_same_draws_the_same(trained_folder: Path) -> None:
    prior, text = HuggingFacePrior(str(trained_folder)), " ".join(texts(6, seed=8))
    rules = EditConfig(threshold=0.2, beta=3.0)

    def edited(seed: int, name: str) -> str:
        return Editor(prior, rules.model_copy(update={"seed": seed})).edit_texts([EditInput(text, name)])[0].text

    assert edited(0, "a") == edited(0, "a")
    assert len({edited(0, "a"), edited(1, "a"), edited(0, "b")}) == 3


def test_a_long_document_is_read_in_windows_and_each_token_once(trained_folder: Path) -> None:
    short, long = ReadOptions(window=32, overlap=12), ReadOptions()
    text = " ".join(texts(6, seed=2))
    tokens = len(next(HuggingFacePrior(str(trained_folder)).tokenizer.encode([text])).ids)
    assert 32 < tokens < 256
    found = {}
    for how in (short, long):
        prior = HuggingFacePrior(str(trained_folder), how)
        found[how] = Editor(prior, EditConfig(threshold=0.6, **FREE)).edit_texts([EditInput(text, "0")])[0]
        assert found[how].rounds[0].known == tokens - 1
    assert apply_edits(text, found[short].edits) == found[short].text
    assert found[short].rounds[0].over == pytest.approx(found[long].rounds[0].over, rel=0.1)


def test_rounds_edit_the_edited_text_and_say_it_of_the_source(trained_folder: Path) -> None:
    prior, sources = HuggingFacePrior(str(trained_folder)), given(30)
    settings = EditConfig(threshold=0.3, beta=2.0, rounds=3, **FREE)
    found = Editor(prior, settings).edit_texts(sources)
    first = Editor(prior, EditConfig(threshold=0.3, beta=2.0, **FREE)).edit_texts(sources)
    for source, one, alone in zip(sources, found, first, strict=True):
        assert apply_edits(source.text, one.edits) == one.text
        assert len(one.rounds) == 3
        assert vars(one.rounds[0]) == vars(alone.rounds[0])
    assert [one.text for one in found] != [one.text for one in first]


def test_what_is_unlikely_can_be_deleted(random_folder: Path) -> None:
    prior, sources = HuggingFacePrior(str(random_folder)), given()
    rules = EditConfig(threshold=2.0, down=1e-4, down_by="delete")
    found = Editor(prior, rules.model_copy(update=FREE)).edit_texts(sources)
    assert all(edit.to == "" and edit.p <= 1e-4 for one in found for edit in one.edits)
    assert sum(len(one.edits) for one in found) > 50


@pytest.mark.parametrize("name", TOKENIZERS)
def test_with_each_kind_of_tokenizer_any_text_keeps_what_was_not_edited(name: str, tmp_path: Path) -> None:
    prior, draws = HuggingFacePrior(str(saved(tmp_path, TOKENIZERS[name]()))), random.Random(6)
    sources = [EditInput(strange(draws), str(n), is_reread=True) for n in range(150)]
    found = Editor(prior, EditConfig(threshold=0.003, **FREE)).edit_texts(sources)
    for source, one in zip(sources, found, strict=True):
        assert apply_edits(source.text, one.edits) == one.text
        assert all(source.text[edit.start : edit.end] for edit in one.edits)
    assert sum(len(one.edits) for one in found) > 20
