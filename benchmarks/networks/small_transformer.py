"""Our small transformer beside Hugging Face's GPT-2 of the same weights: training, sampling, beam search.

`python bench/networks/students.py [--quick]` prints lines for the table. One thread, eager, no dropout; both start from
the same weights and take the same batches and the same fused AdamW; turns are taken in turn and CPU-seconds count.
`same` says: after training that the losses agree, of beams that the sequences are identical (at width 8 as at 50), of
samples that those of both follow the exact softmax (chi-square over the first token).
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

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from tests.models.tiny.huggingface_peers import peer, random_model
from winnow.models.tiny import Beams, ModelConfig, Sampling, TinyModel
from winnow.models.tiny.batches import EncodedRow, encode_row
from winnow.models.tiny.vocabulary import BEGIN, END
from winnow.stages.train.config import TrainConfig
from winnow.stages.train.trainer import ADAM_BETAS, batch_loss, make_optimizer

SHAPE = ModelConfig("decoder", "characters", 128, 4, 0, 3, 64)
PEER = "Hugging Face GPT-2"
BATCH, PLACES, LENGTH, CHECKED, LEAST = 64, 48, 24, 20_000, 1e-4


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    turns: int = 5
    steps: int = 12
    prompts: int = 24
    ways: int = 50


QUICK = Size(1, 6, 2, 8)


def result_line(
    name: str, costs: list[list[float]], count: int, goal: float, same: bool, **more: Any
) -> dict[str, Any]:
    """One line of the table: medians of CPU-seconds."""
    ours, theirs = (statistics.median(side) for side in zip(*costs, strict=True))
    rates = {"ours": round(count / ours), "peer": round(count / theirs), "peer_name": PEER}
    return {"name": name, **rates, "ratio": round(theirs / ours, 2), "goal": goal, "same": same, **more}


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU-seconds."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def measure_training(size: Size) -> dict[str, Any]:
    """The same steps on texts that are learned from the first token on, so that both compute all of everything."""
    model = random_model(SHAPE, spread=0.02)
    theirs, settings = peer(model).train(), TrainConfig()
    our_steps = make_optimizer(model, settings)
    their_steps = torch.optim.AdamW(
        theirs.parameters(), lr=settings.lr, betas=ADAM_BETAS, weight_decay=settings.weight_decay, fused=True
    )
    draws = Random(1)
    rows = [_text(model, draws) for _ in range(BATCH)]
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
    wanted = torch.tensor([row.target for row in rows])

    def peers() -> None:
        for _ in range(size.steps):
            their_steps.zero_grad(set_to_none=True)
            logits = theirs(inputs, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            their_steps.step()
            losses[1].append(float(loss.detach()))

    costs = [[cpu_seconds(ours), cpu_seconds(peers)] for _ in range(size.turns)]
    same = math.isclose(losses[0][0], losses[1][0], rel_tol=1e-5) and losses[0][-1] < losses[0][0]
    tokens = size.steps * BATCH * PLACES
    return result_line(
        "small transformer: training, d=128", costs, tokens, 1.1, same, losses=[losses[0][0], losses[1][0]]
    )


def _text(model: TinyModel, draws: Random) -> EncodedRow:
    letters = "".join(draws.choices("abcdefghij", k=PLACES - 1))
    return encode_row(model.model_config, model.vocabulary, "", letters)


def measure_decoding(size: Size, beams: bool) -> dict[str, Any]:
    """50 candidates for each of some prompts of the same length, as many tokens as are allowed."""
    model = random_model(SHAPE, spread=0.15, longest=LENGTH)
    theirs = peer(model)
    draws = Random(2)
    prompts = ["".join(draws.choices("abcdefghij", k=20)) for _ in range(size.prompts)]
    decoding_config: Beams | Sampling = Beams(size.ways, size.ways) if beams else Sampling(size.ways)
    costs = [
        [
            cpu_seconds(lambda: model.complete(prompts, decoding_config)),
            cpu_seconds(lambda: _peer_completions(model, theirs, prompts, size.ways, beams)),
        ]
        for _ in range(size.turns)
    ]
    same = _beams_agree(model, theirs, prompts, size.ways) if beams else _softmax_holds(model, theirs)
    name = "small transformer: beam 50" if beams else "small transformer: 50 samples"
    return result_line(name, costs, size.prompts * size.ways, 1.3, same)


def _peer_completions(model: TinyModel, theirs: Any, prompts: list[str], ways: int, beams: bool) -> list[list[str]]:
    inputs = torch.tensor([[*model.vocabulary.encode(prompt), BEGIN] for prompt in prompts])
    options = {"num_beams": ways, "do_sample": False} if beams else {"do_sample": True, "top_k": 0}
    found = theirs.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        num_return_sequences=ways,
        max_new_tokens=model.max_new_tokens,
        **options,
    )
    texts = []
    for sequence in found[:, inputs.shape[1] :].tolist():
        texts.append(model.vocabulary.decode(sequence[: sequence.index(END)] if END in sequence else sequence))
    return [texts[first : first + ways] for first in range(0, len(texts), ways)]


def _beams_agree(model: TinyModel, theirs: Any, prompts: list[str], ways: int) -> bool:
    return all(
        [[one.text for one in each] for each in model.complete(prompts, Beams(width, width))]
        == _peer_completions(model, theirs, prompts, width, True)
        for width in (8, ways)
    )


def _softmax_holds(model: TinyModel, theirs: Any) -> bool:
    """Whether the first tokens of many samples, ours and theirs, come as often as the model says."""
    from scipy import special

    prompt, texts = "abcab", ["", *"abcdefghij"]
    expected = [CHECKED * math.exp(model.logprobs([prompt], [text])[0][0]) for text in texts]
    longest, model.max_new_tokens = model.max_new_tokens, 1
    drawn = [one.text for one in model.complete([prompt], Sampling(CHECKED))[0]]
    torch.manual_seed(1)
    peers = _peer_completions(model, theirs, [prompt], CHECKED, False)[0]
    model.max_new_tokens = longest
    for counts in (Counter(drawn), Counter(peers)):
        squares = sum((counts[text] - mean) ** 2 / mean for text, mean in zip(texts, expected, strict=True))
        if special.chdtrc(len(texts) - 1, squares) < LEAST:
            return False
    return True


def main(quick: bool) -> None:
    torch.set_num_threads(1)
    size = QUICK if quick else Size()
    print(json.dumps([measure_training(size), measure_decoding(size, beams=False), measure_decoding(size, beams=True)]))


if __name__ == "__main__":
    main("--quick" in sys.argv)
