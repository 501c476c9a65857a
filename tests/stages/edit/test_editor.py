"""Every edited token was selected in its original context, nothing else changes, and nothing depends on company."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.edit.made import TOKENIZERS, saved, strange, texts
from winnow.models.prior import Ask, Document, nothing
from winnow.models.transformers import How, Transformer
from winnow.stages.edit.editor import Edited, Editor, Given, Settings
from winnow.stages.edit.rules import Rules
from winnow.text.edits import applied
from winnow.text.protected import KINDS, Protection

FREE: dict[str, Any] = {"protect": ()}
THRESHOLDS = {"random": 0.004, "trained": 0.6}


@pytest.fixture(params=["random", "trained"])
def case(request: pytest.FixtureRequest) -> tuple[Transformer, float]:
    """A prior, and a threshold above which it has many tokens."""
    folder: Path = request.getfixturevalue(f"{request.param}_folder")
    return Transformer(str(folder)), THRESHOLDS[request.param]


def given(count: int = 60, seed: int = 1) -> list[Given]:
    draws = random.Random(seed)
    some = texts(count, seed)
    mixed = [f"{text} {strange(draws, 6)}" if n % 3 == 0 else text for n, text in enumerate(some)]
    return [Given(text, f"row {n}", again=n % 5 == 0) for n, text in enumerate(["", "a", *mixed])]


def chances(prior: Transformer, text: str) -> dict[tuple[int, int], float]:
    """How likely each token of a text is, by its span: asked of the model itself, the whole text in one window."""
    import torch

    encoded = next(prior.vocabulary.encode([text]))
    if len(encoded.ids) < 2:
        return {}
    with torch.inference_mode():
        logits = prior.model(input_ids=torch.tensor(encoded.ids[None])).logits[0].double()
    logp = torch.log_softmax(logits, -1)
    spans = zip(encoded.starts.tolist(), encoded.ends.tolist(), strict=True)
    known = [float(logp[at - 1, token].exp()) for at, token in enumerate(encoded.ids.tolist()) if at]
    return dict(zip(list(spans)[1:], known, strict=True))


def test_every_edited_token_is_as_likely_as_the_threshold_says_and_nothing_else_changes(
    case: tuple[Transformer, float],
) -> None:
    prior, threshold = case
    sources = given()
    found = Editor(prior, Settings(Rules(threshold=threshold), **FREE)).edited(sources)
    edits = 0
    for source, one in zip(sources, found, strict=True):
        known = chances(prior, source.text)
        for edit in one.edits:
            assert known[edit.start, edit.end] >= threshold - 1e-6
            assert edit.p == pytest.approx(known[edit.start, edit.end], abs=1e-5)
        assert applied(source.text, one.edits) == one.text
        edits += len(one.edits)
    assert edits > 30


def test_the_counts_are_those_of_a_recount(case: tuple[Transformer, float]) -> None:
    prior, threshold = case
    for source, one in zip(given(), Editor(prior, Settings(Rules(threshold=threshold))).edited(given()), strict=True):
        known, figures = chances(prior, source.text), one.rounds[0]
        encoded = next(prior.vocabulary.encode([source.text]))
        assert figures.tokens == len(encoded.ids)
        assert figures.known == len(encoded.ids) - 1 if len(encoded.ids) else figures.known == 0
        assert figures.tokens == figures.eligible + figures.unknown + figures.not_in_place + figures.protected
        assert figures.changed == len(one.edits) <= figures.selected <= figures.over
        if len(known) == len(encoded.ids) - 1:
            assert figures.over == sum(p >= threshold for p in known.values())
            assert figures.logp == pytest.approx(np.log(list(known.values())).sum(), rel=1e-4)
            tenths = np.minimum((np.array(list(known.values())) * 10).astype(int), 9)
            assert figures.deciles == np.bincount(tenths, minlength=10).tolist()


def test_above_one_every_text_comes_back_as_it_is(case: tuple[Transformer, float]) -> None:
    sources = given()
    found = Editor(case[0], Settings(Rules(threshold=1.5), rounds=3, **FREE)).edited(sources)
    assert [one.text for one in found] == [source.text for source in sources]
    assert all(one.edits == [] and one.rounds[0].selected == 0 for one in found)


def test_protected_spans_never_change(case: tuple[Transformer, float]) -> None:
    prior, threshold = case
    holds = ["Ada walks to `x = 1` at 10:30.", "see https://a.org/b the captain", "<|im_start|>user: the river bank"]
    pairs = zip(holds * 8, texts(24), strict=True)
    sources = [Given(f"the old farmer {hold} {text}", str(number)) for number, (hold, text) in enumerate(pairs)]
    settings = Settings(Rules(threshold=threshold, sampler="rejection", beta=3.0), patterns=("river \\w+",))
    found = Editor(prior, settings).edited(sources)
    protection = Protection(tuple(KINDS), ("river \\w+",))
    for source, one in zip(sources, found, strict=True):
        mask = protection.mask(source.text)
        assert all(not mask[edit.start : edit.end].any() for edit in one.edits)
        for at in np.flatnonzero(mask).tolist():
            grown = sum(len(edit.to) - (edit.end - edit.start) for edit in one.edits if edit.end <= at)
            assert one.text[at + grown] == source.text[at]
    assert sum(len(one.edits) for one in found) > 20
    assert all(one.rounds[0].protected > 0 for one in found)


def plain(found: list[Edited]) -> list[Any]:
    return [(one.text, one.edits, [vars(figures) for figures in one.rounds], one.after) for one in found]


def test_a_text_is_edited_alike_whatever_is_read_with_it(random_folder: Path) -> None:
    settings = Settings(Rules(threshold=0.01, beta=2.0), read_again=1)
    sources = [Given(one.text, one.id, again=True) for one in given(90)]
    whole = plain(Editor(Transformer(str(random_folder), How(batch=64)), settings).edited(sources))
    assert sum(len(edits) for _, edits, _, _ in whole) > 100
    for batch in (1, 7):
        editor = Editor(Transformer(str(random_folder), How(batch=batch)), settings)
        shuffled = sources.copy()
        random.Random(batch).shuffle(shuffled)
        some = [one for first in range(0, 92, batch) for one in plain(editor.edited(shuffled[first : first + batch]))]
        assert dict(zip((one.id for one in shuffled), some, strict=True)) == {
            source.id: one for source, one in zip(sources, whole, strict=True)
        }


def test_rows_side_by_side_are_read_as_alone_up_to_rounding(random_folder: Path) -> None:
    """What a GPU does: rows of one length in one pass. Here on a CPU that is told to."""
    alone, beside = Transformer(str(random_folder)), Transformer(str(random_folder), How(batch=7))
    beside.side_by_side = 7
    documents = [Document(one.ids) for one in alone.vocabulary.encode([one.text for one in given(40)])]

    def read(prior: Transformer) -> dict[tuple[int, int], list[float]]:
        return {(part.document, part.first): part.own.tolist() for part in prior.read(documents, Ask(nothing, 1))}

    one, other = read(alone), read(beside)
    assert one.keys() == other.keys()
    assert all(np.allclose(one[key], other[key], atol=1e-4) for key in one)
    assert max(len(batch) for batch in beside._batches(documents)) > 1


def test_another_seed_or_id_draws_otherwise_and_the_same_draws_the_same(trained_folder: Path) -> None:
    prior, text = Transformer(str(trained_folder)), " ".join(texts(6, seed=8))
    rules = Rules(threshold=0.2, beta=3.0)

    def edited(seed: int, name: str) -> str:
        return Editor(prior, Settings(rules, seed=seed)).edited([Given(text, name)])[0].text

    assert edited(0, "a") == edited(0, "a")
    assert len({edited(0, "a"), edited(1, "a"), edited(0, "b")}) == 3


def test_a_long_document_is_read_in_windows_and_each_token_once(trained_folder: Path) -> None:
    short, long = How(window=32, overlap=12), How()
    text = " ".join(texts(6, seed=2))
    tokens = len(next(Transformer(str(trained_folder)).vocabulary.encode([text])).ids)
    assert 32 < tokens < 256
    found = {}
    for how in (short, long):
        prior = Transformer(str(trained_folder), how)
        found[how] = Editor(prior, Settings(Rules(threshold=0.6), **FREE)).edited([Given(text, "0")])[0]
        assert found[how].rounds[0].known == tokens - 1
    assert applied(text, found[short].edits) == found[short].text
    assert found[short].rounds[0].over == pytest.approx(found[long].rounds[0].over, rel=0.1)


def test_rounds_edit_the_edited_text_and_say_it_of_the_source(trained_folder: Path) -> None:
    prior, sources = Transformer(str(trained_folder)), given(30)
    settings = Settings(Rules(threshold=0.3, beta=2.0), rounds=3, **FREE)
    found = Editor(prior, settings).edited(sources)
    first = Editor(prior, Settings(Rules(threshold=0.3, beta=2.0), **FREE)).edited(sources)
    for source, one, alone in zip(sources, found, first, strict=True):
        assert applied(source.text, one.edits) == one.text
        assert len(one.rounds) == 3
        assert vars(one.rounds[0]) == vars(alone.rounds[0])
    assert [one.text for one in found] != [one.text for one in first]


def test_what_is_unlikely_can_be_deleted(random_folder: Path) -> None:
    prior, sources = Transformer(str(random_folder)), given()
    rules = Rules(threshold=2.0, down=1e-4, down_by="delete")
    found = Editor(prior, Settings(rules, **FREE)).edited(sources)
    assert all(edit.to == "" and edit.p <= 1e-4 for one in found for edit in one.edits)
    assert sum(len(one.edits) for one in found) > 50


@pytest.mark.parametrize("name", TOKENIZERS)
def test_with_each_kind_of_tokenizer_any_text_keeps_what_was_not_edited(name: str, tmp_path: Path) -> None:
    prior, draws = Transformer(str(saved(tmp_path, TOKENIZERS[name]()))), random.Random(6)
    sources = [Given(strange(draws), str(n), again=True) for n in range(150)]
    found = Editor(prior, Settings(Rules(threshold=0.003), **FREE)).edited(sources)
    for source, one in zip(sources, found, strict=True):
        assert applied(source.text, one.edits) == one.text
        assert all(source.text[edit.start : edit.end] for edit in one.edits)
    assert sum(len(one.edits) for one in found) > 20
