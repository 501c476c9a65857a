"""Token editing from logits to edited tokens: winnow beside the authors' rule with a dictionary per token.

`python bench/editing.py`. The peer is the rule of the published code restated by us: of each token a dictionary of its
8 likeliest candidates and itself, then a loop over the dictionaries (selected above .99, weights softmax(logp / 1.5)).
Its log-probabilities and likeliest are worked out for many positions at once, as a server would. Both get the same
logits and the same uniform numbers, and `same` says that they return the same tokens. A seventh of the tokens are
certain, as in the paper's corpora. The forward pass of a model of that vocabulary is timed beside them, because on a CPU
it is nearly all of the work: the share it has of the whole stands in the row's name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from winnow.models.prior import Ask, Floats, Integers
from winnow.models.transformers import part_of
from winnow.models.windows import Window
from winnow.stages.edit.rules import KEPT, Rules, drawn, selected, with_own

GOAL = 3.0
TURNS = 5
SURE = 1 / 7
BETA = 1.5
RULES = Rules(threshold=0.99, top_k=8, like="code")


@dataclass(frozen=True)
class Shape:
    """A model's shape and how many tokens are measured."""

    name: str
    vocabulary: int
    layers: int
    width: int
    tokens: int


SHAPES = (Shape("tiny", 2_048, 2, 128, 4096), Shape("GPT-2's", 50_257, 12, 768, 512))


def made(shape: Shape, seed: int = 1) -> tuple[Any, Integers, Floats]:
    """Logits, the tokens that follow them, and a uniform number for each."""
    draws = np.random.default_rng(seed)
    logits = draws.normal(0, 2, (shape.tokens, shape.vocabulary)).astype(np.float32)
    ids = draws.integers(0, shape.vocabulary, shape.tokens)
    sure = np.flatnonzero(draws.random(shape.tokens) < SURE)
    logits[sure, ids[sure]] = 22.0
    return torch.from_numpy(logits), ids, draws.random(shape.tokens)


def ours(logits: Any, ids: Integers, uniforms: Floats, block: int) -> Integers:
    """As `winnow edit` works, without what is about characters."""
    edited = ids.copy()
    window = Window(0, 0, len(ids) + 1, 1)

    def wanted(document: int, first: int, own: Floats) -> npt.NDArray[np.bool_]:
        said[first - 1 : first - 1 + len(own)] = own
        return selected(own, RULES).resampled

    said, ask = np.zeros(len(ids)), Ask(wanted, RULES.top_k)
    for at in range(0, len(ids), block):
        here = torch.from_numpy(ids[at : at + block])
        part = part_of(torch, logits[at : at + block], here, window, at, ask)
        places = part.asked - 1
        candidates = with_own(part.candidates, ids[places], said[places])
        possible = np.isfinite(candidates.logp)
        columns = drawn(candidates, possible, RULES.temperature(), uniforms[places])
        found = candidates.ids[np.arange(len(places)), np.maximum(columns, 0)]
        edited[places] = np.where(columns == KEPT, ids[places], found)
    return edited


def theirs(logits: Any, ids: Integers, uniforms: Floats, block: int) -> Integers:
    """A dictionary per token, and a loop over them."""
    edited = []
    for at in range(0, len(ids), block):
        logp = torch.log_softmax(logits[at : at + block], -1)
        likeliest = logp.topk(8)
        tables = []
        for row, (values, found) in enumerate(zip(likeliest.values, likeliest.indices, strict=True)):
            token = int(ids[at + row])
            table = dict(zip(found.tolist(), values.tolist(), strict=True))
            table.setdefault(token, float(logp[row, token]))
            tables.append(table)
        for row, table in enumerate(tables):
            token = int(ids[at + row])
            if np.exp(table[token]) > 0.99:
                scores = np.array(list(table.values())) / BETA
                weights = np.exp(scores - scores.max())
                edges = np.cumsum(weights)
                token = list(table)[int(np.searchsorted(edges, uniforms[at + row] * edges[-1], side="right"))]
            edited.append(token)
    return np.array(edited)


def forward(shape: Shape) -> float:
    """CPU-seconds of the forward pass of a model of this shape, per token."""
    from transformers import GPT2Config, GPT2LMHeadModel

    length = 256
    config = GPT2Config(
        vocab_size=shape.vocabulary,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.width // 64,
        n_positions=length,
    )
    model = GPT2LMHeadModel(config).eval()
    ids = torch.randint(shape.vocabulary, (1, length))
    with torch.inference_mode():
        return min(_timed(lambda: model(input_ids=ids, use_cache=False))[1] for _ in range(2)) / length


def measure(shape: Shape) -> dict[str, Any]:
    """Both on the same logits, in turn, in this process."""
    logits, ids, uniforms = made(shape)
    block = max(1, (1 << 22) // shape.vocabulary)
    with torch.inference_mode():
        turns = [
            [_timed(lambda way=way: way(logits, ids, uniforms, block)) for way in (ours, theirs)] for _ in range(TURNS)
        ]
    best = [min(turn[side][1] for turn in turns) for side in range(2)]
    same = all(np.array_equal(turn[0][0], turn[1][0]) for turn in turns)
    pass_ = forward(shape) * shape.tokens
    share = pass_ / (pass_ + best[0])
    return {
        "name": f"token editing, {shape.name} vocabulary ({shape.vocabulary:,}; the forward pass is {share:.1%} of the whole)",
        "ours": round(shape.tokens / best[0]),
        "peer": round(shape.tokens / best[1]),
        "peer_name": "a dictionary per token",
        "ratio": round(best[1] / best[0], 2),
        "goal": GOAL,
        "same": same,
        "changed": int((turns[0][0][0] != ids).sum()),
        "forward_share": round(share, 4),
        "forward_tokens_per_second": round(shape.tokens / pass_),
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([measure(shape) for shape in SHAPES], indent=2))
