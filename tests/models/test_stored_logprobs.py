"""Stored log-probabilities in the format of vLLM give the same edits as the model itself."""

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
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.editor import EditInput, Editor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved(tmp_path / "model", byte_level())


def server_answer(prior: HuggingFacePrior, text: str, most: int) -> list[Any]:
    """The answer of a server: null, then token id -> logprob, rank, decoded_token, with the token itself included."""
    encoding = next(prior.tokenizer.encode([text]))

    def select_all(document: int, first: int, own: Floats) -> Any:
        return np.ones(len(own), np.bool_)

    entries: list[Any] = [None] * len(encoding.ids)
    for part in prior.score_documents([Document(encoding.ids)], CandidateRequest(select_all, len(prior.tokenizer))):
        for at, own, ids, logp in zip(
            part.candidate_positions, part.logprobs, part.candidates.ids, part.candidates.logprobs, strict=True
        ):
            ranked = list(enumerate(zip(ids.tolist(), logp.tolist(), strict=True), 1))
            token = int(encoding.ids[at])
            listed = [item for item in ranked if item[1][0] == token]
            listed += [item for item in ranked[:most] if item[1][0] != token]
            entries[at] = {
                str(other): {"logprob": float(own) if other == token else value, "rank": rank, "decoded_token": "?"}
                for rank, (other, value) in listed
            }
    return entries


@pytest.mark.parametrize("rules", [EditConfig(threshold=0.004), EditConfig(threshold=0.004, like="code")])
def test_stored_log_probabilities_give_the_edits_of_the_model(rules: EditConfig, folder: Path) -> None:
    prior, sources = HuggingFacePrior(str(folder)), texts(25)
    stored = [json.loads(json.dumps(server_answer(prior, text, 8))) for text in sources]
    settings = rules.model_copy(update={"protect": ()})
    of_model = Editor(prior, settings).edit_texts([EditInput(text, str(n)) for n, text in enumerate(sources)])
    inputs = [EditInput(text, str(n), stored[n]) for n, text in enumerate(sources)]
    of_stored = Editor(StoredLogprobs(str(folder), "prompt_logprobs"), settings).edit_texts(inputs)
    assert [edited.text for edited in of_stored] == [edited.text for edited in of_model]
    assert [edited.edits for edited in of_stored] == [edited.edits for edited in of_model]
    assert sum(len(edited.edits) for edited in of_stored) > 20


def test_entries_of_other_tokens_or_without_log_probabilities_are_refused_with_their_place(folder: Path) -> None:
    prior = StoredLogprobs(str(folder), "prompt_logprobs")
    ids = next(prior.tokenizer.encode(["the captain walks"])).ids
    whole: list[Any] = [None, *({str(token): {"logprob": -1.0}} for token in ids[1:].tolist())]
    request = CandidateRequest(lambda document, first, own: np.ones(len(own), np.bool_) & ~np.isnan(own), 8)
    assert len(list(prior.score_documents([Document(ids, whole)], request))) == 1
    assert len(list(prior.score_documents([Document(ids, json.dumps(whole))], request))) == 1
    wrong: list[Any] = [whole[:-1], None, "text", [None, *whole[2:], {"7": -1.0}], [*whole[:-1], {"a": 1}]]
    wrong += [[*whole[:-1], {str(ids[-1]): value}] for value in (0.5, math.nan, {"rank": 1})]
    for entries in wrong:
        with pytest.raises(BadTable) as error:
            list(prior.score_documents([Document(ids, entries, "t.jsonl:3")], request))
        assert error.value.where == "t.jsonl:3"


def test_options_that_need_the_model_are_refused(folder: Path) -> None:
    prior = StoredLogprobs(str(folder), "prompt_logprobs")
    with pytest.raises(UsageError, match="needs the model"):
        Editor(prior, EditConfig(rejection=True)).edit_texts([EditInput("", "0", [])])
    with pytest.raises(UsageError, match="--rounds"):
        Editor(prior, EditConfig(rounds=2))
    ids = next(prior.tokenizer.encode(["the captain"])).ids
    entries = [None, *({str(token): {"logprob": math.log(0.5)}} for token in ids[1:].tolist())]
    inputs = [EditInput("the captain", "0", entries)]
    edited = Editor(prior, EditConfig(threshold=0.4, top_p=0.5)).edit_texts(inputs)
    assert edited[0].rounds[0].selected > 0
    with pytest.raises(UsageError, match=r"a total probability of 0\.500"):
        Editor(prior, EditConfig(threshold=0.4, top_p=0.9)).edit_texts(inputs)
