"""Stored log-probabilities, in the form vLLM gives them, edit as the model itself does."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stages.edit.fixture_models import byte_level, saved, texts
from winnow.errors import BadTable, UsageError
from winnow.models.huggingface import HuggingFacePrior
from winnow.models.prior import CandidateRequest, Document, Floats
from winnow.models.stored_logprobs import StoredLogprobs
from winnow.stages.edit.editor import EditConfig, EditInput, Editor
from winnow.stages.edit.rules import EditRules


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved(tmp_path / "model", byte_level())


def answered(prior: HuggingFacePrior, text: str, most: int) -> list[Any]:
    """What a server would answer: null, then token id -> logprob, rank, decoded_token; the token itself among them."""
    encoded = next(prior.tokenizer.encode([text]))

    def all_of_them(document: int, first: int, own: Floats) -> Any:
        return np.ones(len(own), np.bool_)

    entries: list[Any] = [None] * len(encoded.ids)
    for part in prior.score_documents([Document(encoded.ids)], CandidateRequest(all_of_them, len(prior.tokenizer))):
        for at, own, ids, logp in zip(
            part.candidate_positions, part.logprobs, part.candidates.ids, part.candidates.logprobs, strict=True
        ):
            ranked = list(enumerate(zip(ids.tolist(), logp.tolist(), strict=True), 1))
            token = int(encoded.ids[at])
            kept = [one for one in ranked if one[1][0] == token] + [one for one in ranked[:most] if one[1][0] != token]
            entries[at] = {
                str(one): {"logprob": float(own) if one == token else value, "rank": rank, "decoded_token": "?"}
                for rank, (one, value) in kept
            }
    return entries


@pytest.mark.parametrize("rules", [EditRules(threshold=0.004), EditRules(threshold=0.004, like="code")])
def test_stored_log_probabilities_give_the_edits_of_the_model(rules: EditRules, folder: Path) -> None:
    prior, sources = HuggingFacePrior(str(folder)), texts(25)
    kept = [json.loads(json.dumps(answered(prior, text, 8))) for text in sources]
    settings = EditConfig(rules, protect=())
    of_model = Editor(prior, settings).edit_texts([EditInput(text, str(n)) for n, text in enumerate(sources)])
    given = [EditInput(text, str(n), kept[n]) for n, text in enumerate(sources)]
    of_stored = Editor(StoredLogprobs(str(folder), "prompt_logprobs"), settings).edit_texts(given)
    assert [one.text for one in of_stored] == [one.text for one in of_model]
    assert [one.edits for one in of_stored] == [one.edits for one in of_model]
    assert sum(len(one.edits) for one in of_stored) > 20


def test_what_is_stored_of_other_tokens_or_says_nothing_is_refused_with_its_place(folder: Path) -> None:
    prior = StoredLogprobs(str(folder), "prompt_logprobs")
    ids = next(prior.tokenizer.encode(["the captain walks"])).ids
    whole: list[Any] = [None, *({str(one): {"logprob": -1.0}} for one in ids[1:].tolist())]
    ask = CandidateRequest(lambda document, first, own: np.ones(len(own), np.bool_) & ~np.isnan(own), 8)
    assert len(list(prior.score_documents([Document(ids, whole)], ask))) == 1
    assert len(list(prior.score_documents([Document(ids, json.dumps(whole))], ask))) == 1
    wrong: list[Any] = [whole[:-1], None, "text", [None, *whole[2:], {"7": -1.0}], [*whole[:-1], {"a": 1}]]
    wrong += [[*whole[:-1], {str(ids[-1]): value}] for value in (0.5, math.nan, {"rank": 1})]
    for one in wrong:
        with pytest.raises(BadTable) as refused:
            list(prior.score_documents([Document(ids, one, "t.jsonl:3")], ask))
        assert refused.value.where == "t.jsonl:3"


def test_what_only_the_model_can_say_is_refused(folder: Path) -> None:
    prior = StoredLogprobs(str(folder), "prompt_logprobs")
    with pytest.raises(UsageError, match="needs the model"):
        Editor(prior, EditConfig(EditRules(sampler="rejection"))).edit_texts([EditInput("", "0", [])])
    with pytest.raises(UsageError, match="--rounds"):
        Editor(prior, EditConfig(rounds=2))
    ids = next(prior.tokenizer.encode(["the captain"])).ids
    entries = [None, *({str(one): {"logprob": math.log(0.5)}} for one in ids[1:].tolist())]
    given = [EditInput("the captain", "0", entries)]
    found = Editor(prior, EditConfig(EditRules(threshold=0.4, sampler="top-p", top_p=0.5))).edit_texts(given)
    assert found[0].rounds[0].selected > 0
    with pytest.raises(UsageError, match=r"a mass of 0\.500"):
        Editor(prior, EditConfig(EditRules(threshold=0.4, sampler="top-p", top_p=0.9))).edit_texts(given)
