"""Compares our small transformer with GPT-2 of Hugging Face: training, sampling and beam search.

`python benchmarks/networks/small_transformer.py [--quick]`. Both have the same weights, batches and fused AdamW. They
run in turns with one thread, eagerly and without dropout; CPU seconds count. `same` means for training that the losses
agree, for beam search that the sequences are identical at widths 8 and 50, and for sampling that the first tokens of
both follow the exact softmax by a chi-square test.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.models.tiny.huggingface_peers import peer, random_model
from winnow.models.tiny import Beams, ModelConfig, Sampling, TinyModel
from winnow.models.tiny.vocabulary import BEGIN, END, EncodedRow, encode_row
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.trainer import ADAM_BETAS, batch_loss, make_optimizer

SHAPE = ModelConfig("decoder", "characters", 128, 4, 0, 3, 64)
PEER = "Hugging Face GPT-2"
BATCH, TEXT_TOKENS, LENGTH, CHECKED, MINIMUM_P_VALUE = 64, 48, 24, 20_000, 1e-4


@dataclass(frozen=True)
class Size:
    """The amount of work to measure."""

    turns: int = 5
    steps: int = 12
    prompts: int = 24
    completions: int = 50


QUICK = Size(1, 6, 2, 8)


def result_line(
    name: str, costs: list[list[float]], count: int, goal: float, same: bool, **extra: Any
) -> dict[str, Any]:
    """Return one line of the table from the medians of CPU seconds."""
    ours, theirs = (statistics.median(side) for side in zip(*costs, strict=True))
    rates = {"ours": round(count / ours), "peer": round(count / theirs), "peer_name": PEER}
    return {"name": name, **rates, "ratio": round(theirs / ours, 2), "goal": goal, "same": same, **extra}


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def measure_training(size: Size) -> dict[str, Any]:
    """Measure training steps on texts without a prompt, so that both compute the loss of every token."""
    model = random_model(SHAPE, std=0.02)
    theirs, settings = peer(model).train(), TrainConfig()
    our_steps = make_optimizer(model, settings)
    their_steps = torch.optim.AdamW(
        theirs.parameters(), lr=settings.lr, betas=ADAM_BETAS, weight_decay=settings.weight_decay, fused=True
    )
    rng = Random(1)
    rows = [_text(model, rng) for _ in range(BATCH)]
    losses: tuple[list[float], list[float]] = ([], [])

    def ours() -> None:
        for _ in range(size.steps):
            our_steps.zero_grad(set_to_none=True)
            loss = batch_loss(model, rows, None)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
            our_steps.step()
            losses[0].append(float(loss.detach()))

    inputs = torch.tensor([row.prefix + row.target[:-1] for row in rows])
    targets = torch.tensor([row.target for row in rows])

    def peers() -> None:
        for _ in range(size.steps):
            their_steps.zero_grad(set_to_none=True)
            logits = theirs(inputs, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            their_steps.step()
            losses[1].append(float(loss.detach()))

    costs = [[cpu_seconds(ours), cpu_seconds(peers)] for _ in range(size.turns)]
    same = math.isclose(losses[0][0], losses[1][0], rel_tol=1e-5) and losses[0][-1] < losses[0][0]
    tokens = size.steps * BATCH * TEXT_TOKENS
    return result_line(
        "small transformer: training, d=128", costs, tokens, 1.1, same, losses=[losses[0][0], losses[1][0]]
    )


def _text(model: TinyModel, rng: Random) -> EncodedRow:
    letters = "".join(rng.choices("abcdefghij", k=TEXT_TOKENS - 1))
    return encode_row(model.model_config, model.vocabulary, "", letters)


def measure_decoding(size: Size, beams: bool) -> dict[str, Any]:
    """Measure 50 completions of full length for each of some prompts."""
    model = random_model(SHAPE, std=0.15, max_new_tokens=LENGTH)
    theirs = peer(model)
    rng = Random(2)
    prompts = ["".join(rng.choices("abcdefghij", k=20)) for _ in range(size.prompts)]
    decoding_config: Beams | Sampling = (
        Beams(size.completions, size.completions) if beams else Sampling(size.completions)
    )
    costs = [
        [
            cpu_seconds(lambda: model.complete(prompts, decoding_config)),
            cpu_seconds(lambda: _peer_completions(model, theirs, prompts, size.completions, beams)),
        ]
        for _ in range(size.turns)
    ]
    same = _beams_agree(model, theirs, prompts, size.completions) if beams else _softmax_holds(model, theirs)
    name = "small transformer: beam 50" if beams else "small transformer: 50 samples"
    return result_line(name, costs, size.prompts * size.completions, 1.3, same)


def _peer_completions(model: TinyModel, theirs: Any, prompts: list[str], count: int, beams: bool) -> list[list[str]]:
    inputs = torch.tensor([[*model.vocabulary.encode(prompt), BEGIN] for prompt in prompts])
    options = {"num_beams": count, "do_sample": False} if beams else {"do_sample": True, "top_k": 0}
    sequences = theirs.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        num_return_sequences=count,
        max_new_tokens=model.max_new_tokens,
        **options,
    )
    texts = []
    for sequence in sequences[:, inputs.shape[1] :].tolist():
        texts.append(model.vocabulary.decode(sequence[: sequence.index(END)] if END in sequence else sequence))
    return [texts[first : first + count] for first in range(0, len(texts), count)]


def _beams_agree(model: TinyModel, theirs: Any, prompts: list[str], count: int) -> bool:
    return all(
        [[completion.text for completion in group] for group in model.complete(prompts, Beams(width, width))]
        == _peer_completions(model, theirs, prompts, width, True)
        for width in (8, count)
    )


def _softmax_holds(model: TinyModel, theirs: Any) -> bool:
    """Whether the first tokens of many samples of both follow the probabilities of the model."""
    from scipy import special

    prompt, texts = "abcab", ["", *"abcdefghij"]
    expected = [CHECKED * math.exp(model.logprobs([prompt], [text])[0][0]) for text in texts]
    max_new_tokens, model.max_new_tokens = model.max_new_tokens, 1
    ours = [completion.text for completion in model.complete([prompt], Sampling(CHECKED))[0]]
    torch.manual_seed(1)
    peers = _peer_completions(model, theirs, [prompt], CHECKED, False)[0]
    model.max_new_tokens = max_new_tokens
    for counts in (Counter(ours), Counter(peers)):
        squares = sum((counts[text] - mean) ** 2 / mean for text, mean in zip(texts, expected, strict=True))
        if special.chdtrc(len(texts) - 1, squares) < MINIMUM_P_VALUE:
            return False
    return True


def main(quick: bool) -> None:
    torch.set_num_threads(1)
    size = QUICK if quick else Size()
    print(json.dumps([measure_training(size), measure_decoding(size, beams=False), measure_decoding(size, beams=True)]))


if __name__ == "__main__":
    main("--quick" in sys.argv)
