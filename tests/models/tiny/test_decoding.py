"""What is written is what the network says: greedy, sampled, by beams, and as Hugging Face writes it."""

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
def test_the_log_probabilities_of_what_was_written_are_those_of_the_text(shape: ModelConfig) -> None:
    model = random_model(shape)
    asked = prompts(30)
    for how in (Greedy(), Sampling(3, 0.8, 5), Beams(4, 2)):
        for prompt, written in zip(asked, model.complete(asked, how, 1), strict=True):
            for one in written:
                (whole,) = model.logprobs([prompt], [one.text])
                assert one.logprobs == pytest.approx(whole[: len(one.logprobs)], abs=1e-4)
                assert (one.finish == "stop") == (len(one.logprobs) == len(whole))
                assert one.logprob == pytest.approx(sum(one.logprobs) / len(one.logprobs))


@SHAPES
def test_a_prompt_is_completed_alike_alone_and_among_others(shape: ModelConfig) -> None:
    model, asked = random_model(shape), prompts(40, 3)
    for how in (Greedy(), Sampling(4), Beams(4, 4)):
        together = model.complete(asked, how, 7)
        for prompt, written in list(zip(asked, together, strict=True))[:8]:
            (alone,) = model.complete([prompt], how, 7)
            assert [one.text for one in alone] == [one.text for one in written]


@SHAPES
def test_greedy_writes_the_likeliest_token_each_time(shape: ModelConfig) -> None:
    model, asked = random_model(shape), prompts(20, 5)
    for prompt, (one,) in zip(asked, model.complete(asked), strict=True):
        for length in range(len(one.logprobs) - (one.finish == "stop")):
            begun = one.text[:length]
            others = [model.logprobs([prompt], [begun + letter])[0][length] for letter in LETTERS]
            assert one.logprobs[length] >= max(others) - 1e-4


@SHAPES
@pytest.mark.parametrize("penalty", [1.0, 0.0, 2.0])
def test_beams_are_those_of_hugging_face_on_equal_weights(shape: ModelConfig, penalty: float) -> None:
    differing = 0
    for seed in range(4):
        model = random_model(shape, seed)
        theirs = peer(model)
        asked = [prompt for prompt in prompts(40, seed) if len(prompt) == 5] or ["abcde"]
        ours = model.complete(asked, Beams(8, 8, penalty))
        for prompt, found in zip(asked, ours, strict=True):
            texts, scores = generated(model, theirs, prompt, penalty)
            assert [one.text for one in found] == texts
            mine = [sum(one.logprobs) / len(one.logprobs) ** penalty for one in found]
            assert mine == pytest.approx(scores, abs=1e-3)
            differing += texts[0] != model.complete([prompt])[0][0].text
    assert differing, "beams that always find the greedy text would show nothing"


def generated(model: TinyModel, theirs: Any, prompt: str, penalty: float) -> tuple[list[str], list[float]]:
    tokens = model.vocabulary.encode(prompt)
    given = [*tokens, BEGIN] if model.model_config.kind == "decoder" else tokens
    inputs = torch.tensor([given])
    found = theirs.generate(
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
    begun = len(given) if model.model_config.kind == "decoder" else 1
    texts = []
    for sequence in found.sequences.tolist():
        written = sequence[begun:]
        texts.append(model.vocabulary.decode(written[: written.index(END)] if END in written else written))
    return texts, found.sequences_scores.tolist()


def test_beams_as_wide_as_everything_find_the_likeliest_text() -> None:
    shape = ModelConfig("decoder", "characters", 8, 2, 0, 1, 16)
    model = random_model(shape, 2, longest=2)
    found = model.complete(["abc"], Beams(200, 1, 0.0))[0][0]
    texts = ["", *LETTERS, *(a + b for a in LETTERS for b in LETTERS)]
    totals = {}
    for text in texts:
        (logprobs,) = model.logprobs(["abc"], [text])
        totals[text] = sum(logprobs[:2])
    assert found.text == max(totals, key=lambda text: totals[text])


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.7, None), (1.5, 4)])
def test_samples_follow_the_exact_softmax(temperature: float, top_k: int | None) -> None:
    model = random_model(DECODER, 1, 0.15, longest=1)
    drawn = model.complete(["abc"], Sampling(20_000, temperature, top_k), 3)[0]
    counts = Counter(one.text for one in drawn)
    logits = {"": model.logprobs(["abc"], [""])[0][0]}
    logits |= {letter: model.logprobs(["abc"], [letter])[0][0] for letter in LETTERS}
    least = sorted(logits.values(), reverse=True)[(top_k or len(logits)) - 1]
    weights = {text: math.exp(one / temperature) for text, one in logits.items() if one >= least}
    expected = {text: 20_000 * weight / sum(weights.values()) for text, weight in weights.items()}
    assert set(counts) <= set(expected)
    squares = sum((counts[text] - mean) ** 2 / mean for text, mean in expected.items())
    assert special.chdtrc(len(expected) - 1, squares) > 1e-4
    assert len(expected) > 3


def test_draws_follow_the_seed_and_asking_for_more_gives_the_same_first() -> None:
    model, asked = random_model(DECODER), [*prompts(10), "abc", "abc"]
    few = model.complete(asked, Sampling(3), 1)
    many = model.complete(asked, Sampling(6), 1)
    assert [[one.text for one in each] for each in few] == [[one.text for one in each[:3]] for each in many]
    assert few != model.complete(asked, Sampling(3), 2)
    assert many[-1] != many[-2], "a prompt that comes twice is drawn anew"
    np.testing.assert_equal(model.complete(asked, Sampling(3), 1), few)


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    model = random_model(DECODER)
    with pytest.raises(UsageError, match="temperature: is 0"):
        Sampling(1, 0)
    with pytest.raises(UsageError, match="n: is 9, but 8 beams"):
        Beams(8, 9)
    with pytest.raises(UsageError, match="context.*has 101 positions, and the model has 32"):
        model.complete(["a" * 100])
    assert model.logprobs(["abc"], ["axz"])[0][1] == -math.inf
