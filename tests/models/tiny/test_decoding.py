"""Completions follow the network: greedy, sampled, by beams, and as Hugging Face generates them."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from scipy import special

from tests.models.tiny.huggingface_peers import LETTERS, peer, random_model
from winnow.errors import UsageError
from winnow.models.tiny import Beams, Greedy, ModelConfig, Sampling, TinyModel
from winnow.models.tiny.vocabulary import BEGIN, END

DECODER = ModelConfig("decoder", "characters", 16, 2, 0, 2, 32)
BOTH = ModelConfig("encoder-decoder", "characters", 16, 2, 2, 2, 32)
SHAPES = pytest.mark.parametrize("shape", [DECODER, BOTH], ids=["decoder", "encoder-decoder"])


def prompts(n: int, seed: int = 0) -> list[str]:
    draws = Random(seed)
    return ["".join(draws.choices(LETTERS, k=draws.randint(1, 9))) for _ in range(n)]


@SHAPES
def test_the_log_probabilities_of_a_completion_are_those_of_its_text(shape: ModelConfig) -> None:
    model = random_model(shape)
    sources = prompts(30)
    for method in (Greedy(), Sampling(3, 0.8, 5), Beams(4, 2)):
        for prompt, written in zip(sources, model.complete(sources, method, 1), strict=True):
            for completion in written:
                (whole,) = model.logprobs([prompt], [completion.text])
                assert completion.logprobs == pytest.approx(whole[: len(completion.logprobs)], abs=1e-4)
                assert (completion.finish == "stop") == (len(completion.logprobs) == len(whole))
                assert completion.logprob == pytest.approx(sum(completion.logprobs) / len(completion.logprobs))


@SHAPES
def test_a_prompt_is_completed_alike_alone_and_among_others(shape: ModelConfig) -> None:
    model, sources = random_model(shape), prompts(40, 3)
    for method in (Greedy(), Sampling(4), Beams(4, 4)):
        together = model.complete(sources, method, 7)
        for prompt, written in list(zip(sources, together, strict=True))[:8]:
            (alone,) = model.complete([prompt], method, 7)
            assert [completion.text for completion in alone] == [completion.text for completion in written]


@SHAPES
def test_greedy_decoding_takes_the_most_likely_token_each_time(shape: ModelConfig) -> None:
    model, sources = random_model(shape), prompts(20, 5)
    for prompt, (completion,) in zip(sources, model.complete(sources), strict=True):
        for length in range(len(completion.logprobs) - (completion.finish == "stop")):
            prefix = completion.text[:length]
            others = [model.logprobs([prompt], [prefix + letter])[0][length] for letter in LETTERS]
            assert completion.logprobs[length] >= max(others) - 1e-4


@SHAPES
@pytest.mark.parametrize("penalty", [1.0, 0.0, 2.0])
def test_beams_are_those_of_hugging_face_on_equal_weights(shape: ModelConfig, penalty: float) -> None:
    differing = 0
    for seed in range(4):
        model = random_model(shape, seed)
        peer_model = peer(model)
        sources = [prompt for prompt in prompts(40, seed) if len(prompt) == 5] or ["abcde"]
        ours = model.complete(sources, Beams(8, 8, penalty))
        for prompt, completions in zip(sources, ours, strict=True):
            texts, scores = generated(model, peer_model, prompt, penalty)
            assert [completion.text for completion in completions] == texts
            scores_of_ours = [sum(found.logprobs) / len(found.logprobs) ** penalty for found in completions]
            assert scores_of_ours == pytest.approx(scores, abs=1e-3)
            differing += texts[0] != model.complete([prompt])[0][0].text
    assert differing, "beams that always find the greedy text would show nothing"


def generated(model: TinyModel, peer_model: Any, prompt: str, penalty: float) -> tuple[list[str], list[float]]:
    tokens = model.vocabulary.encode(prompt)
    tokens_in = [*tokens, BEGIN] if model.model_config.kind == "decoder" else tokens
    inputs = torch.tensor([tokens_in])
    completions = peer_model.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        num_beams=8,
        num_return_sequences=8,
        max_new_tokens=model.max_new_tokens,
        length_penalty=penalty,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
    )
    prefix = len(tokens_in) if model.model_config.kind == "decoder" else 1
    texts = []
    for sequence in completions.sequences.tolist():
        written = sequence[prefix:]
        texts.append(model.vocabulary.decode(written[: written.index(END)] if END in written else written))
    return texts, completions.sequences_scores.tolist()


def test_beams_as_wide_as_the_search_space_find_the_most_likely_text() -> None:
    shape = ModelConfig("decoder", "characters", 8, 2, 0, 1, 16)
    model = random_model(shape, 2, max_new_tokens=2)
    completions = model.complete(["abc"], Beams(200, 1, 0.0))[0][0]
    texts = ["", *LETTERS, *(a + b for a in LETTERS for b in LETTERS)]
    totals = {}
    for text in texts:
        (logprobs,) = model.logprobs(["abc"], [text])
        totals[text] = sum(logprobs[:2])
    assert completions.text == max(totals, key=lambda text: totals[text])


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.7, None), (1.5, 4)])
def test_samples_follow_the_exact_softmax(temperature: float, top_k: int | None) -> None:
    model = random_model(DECODER, 1, 0.15, max_new_tokens=1)
    drawn = model.complete(["abc"], Sampling(20_000, temperature, top_k), 3)[0]
    counts = Counter(completion.text for completion in drawn)
    logits = {"": model.logprobs(["abc"], [""])[0][0]}
    logits |= {letter: model.logprobs(["abc"], [letter])[0][0] for letter in LETTERS}
    least = sorted(logits.values(), reverse=True)[(top_k or len(logits)) - 1]
    weights = {text: math.exp(logit / temperature) for text, logit in logits.items() if logit >= least}
    expected = {text: 20_000 * weight / sum(weights.values()) for text, weight in weights.items()}
    assert set(counts) <= set(expected)
    squares = sum((counts[text] - mean) ** 2 / mean for text, mean in expected.items())
    assert special.chdtrc(len(expected) - 1, squares) > 1e-4
    assert len(expected) > 3


def test_samples_follow_the_seed_and_more_samples_start_with_the_same() -> None:
    model, sources = random_model(DECODER), [*prompts(10), "abc", "abc"]
    few = model.complete(sources, Sampling(3), 1)
    many = model.complete(sources, Sampling(6), 1)
    assert [[completion.text for completion in each] for each in few] == [
        [completion.text for completion in each[:3]] for each in many
    ]
    assert few != model.complete(sources, Sampling(3), 2)
    assert many[-1] != many[-2], "a prompt that comes twice is drawn anew"
    np.testing.assert_equal(model.complete(sources, Sampling(3), 1), few)


def test_impossible_requests_are_refused_by_name() -> None:
    model = random_model(DECODER)
    with pytest.raises(UsageError, match="temperature: is 0"):
        Sampling(1, 0)
    with pytest.raises(UsageError, match="n: is 9, but 8 beams"):
        Beams(8, 9)
    with pytest.raises(UsageError, match="context.*has 101 positions, and the model has 32"):
        model.complete(["a" * 100])
    assert model.logprobs(["abc"], ["axz"])[0][1] == -math.inf
