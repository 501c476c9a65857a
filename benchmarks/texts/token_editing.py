"""Token editing from logits to edited tokens: winnow beside the authors' rule with a dictionary per token.

`python bench/texts/token_editing.py`. The peers are the rule of the published code restated by us: of each token a
dictionary of its 8 likeliest candidates and itself; selected above .99, weights softmax(logp / 1.5). One works token by
token, the other has log-probabilities and likeliest of many positions made at once, as a server would. All get the same
logits and the same uniform numbers, and `same` says that they return the same tokens. A seventh of the tokens are
certain, about as in the paper's corpora. The forward pass of a model of that shape is timed beside them, because on a
CPU it is nearly all of the work: the share it has of the whole stands in the row's name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from winnow.models.huggingface import LOGPROBS_AT_ONCE
from winnow.models.logit_scores import VALUES_PER_PASS, score_tokens
from winnow.models.prior import CandidateRequest, Floats, Integers
from winnow.models.windows import Window
from winnow.stages.edit.rules import NO_REPLACEMENT, EditRules, add_current_token, draw_columns, select_tokens

GOAL = 3.0
TURNS = 5
SURE = 1 / 7
RULES = EditRules(threshold=0.99, top_k=8, like="code")


@dataclass(frozen=True)
class BenchmarkModelShape:
    """A model's shape and how many tokens are measured."""

    name: str
    vocabulary: int
    layers: int
    width: int
    tokens: int


SHAPES = (BenchmarkModelShape("tiny", 2_048, 2, 128, 4096), BenchmarkModelShape("GPT-2's", 50_257, 12, 768, 1024))


def make_inputs(shape: BenchmarkModelShape, seed: int = 1) -> tuple[Any, Integers, Floats]:
    """Logits, the tokens that follow them, and a uniform number for each."""
    draws = np.random.default_rng(seed)
    logits = draws.normal(0, 2, (shape.tokens, shape.vocabulary)).astype(np.float32)
    ids = draws.integers(0, shape.vocabulary, shape.tokens)
    sure = np.flatnonzero(draws.random(shape.tokens) < SURE)
    # Chances of .991 to .999.
    logits[sure, ids[sure]] = np.log(np.exp(logits[sure]).sum(1)) + draws.uniform(4.8, 6.9, len(sure))
    # Half of the numbers are large, so that something else is drawn here and there.
    uniforms = np.where(
        draws.random(shape.tokens) < 0.5, draws.uniform(0.99, 1, shape.tokens), draws.random(shape.tokens)
    )
    return torch.from_numpy(logits), ids, uniforms


def edit_with_winnow(logits: Any, ids: Integers, uniforms: Floats) -> Integers:
    """As `winnow edit` works, without what is about characters."""
    edited, block = ids.copy(), max(1, LOGPROBS_AT_ONCE // logits.shape[1])
    window = Window(0, 0, len(ids) + 1, 1)

    def wanted(document: int, first: int, own: Floats) -> npt.NDArray[np.bool_]:
        said[first - 1 : first - 1 + len(own)] = own
        return select_tokens(own, RULES).resample

    said, ask = np.zeros(len(ids)), CandidateRequest(wanted, RULES.top_k)
    for at in range(0, len(ids), block):
        here = torch.from_numpy(ids[at : at + block])
        part = score_tokens(torch, logits[at : at + block], here, window, at, ask)
        places = part.candidate_positions - 1
        candidates = add_current_token(part.candidates, ids[places], said[places])
        possible = np.isfinite(candidates.logprobs)
        columns = draw_columns(candidates, possible, RULES.effective_beta(), uniforms[places])
        found = candidates.ids[np.arange(len(places)), np.maximum(columns, 0)]
        edited[places] = np.where(columns == NO_REPLACEMENT, ids[places], found)
    return edited


def edit_by_token(logits: Any, ids: Integers, uniforms: Floats) -> Integers:
    """Token by token: log-probabilities, a dictionary, the rule."""
    edited = []
    for at, token in enumerate(ids.tolist()):
        logp = torch.log_softmax(logits[at], -1)
        values, found = logp.topk(RULES.top_k)
        edited.append(_apply_rule(_candidate_table(values, found, token, logp), token, float(uniforms[at])))
    return np.array(edited)


def edit_by_block(logits: Any, ids: Integers, uniforms: Floats) -> Integers:
    """Log-probabilities and likeliest of many positions at once, then dictionaries and the rule."""
    edited, block = [], max(1, VALUES_PER_PASS // logits.shape[1])
    for at in range(0, len(ids), block):
        logp = torch.log_softmax(logits[at : at + block], -1)
        values, found = logp.topk(RULES.top_k)
        tokens = ids[at : at + block].tolist()
        of = zip(values, found, tokens, logp, strict=True)
        tables = [_candidate_table(value, where, token, row) for value, where, token, row in of]
        rows = zip(tables, tokens, uniforms[at : at + block].tolist(), strict=True)
        edited += [_apply_rule(*row) for row in rows]
    return np.array(edited)


def _candidate_table(values: Any, found: Any, token: int, logp: Any) -> dict[int, float]:
    table = dict(zip(found.tolist(), values.tolist(), strict=True))
    table.setdefault(token, float(logp[token]))
    return table


def _apply_rule(table: dict[int, float], token: int, uniform: float) -> int:
    if np.exp(table[token]) <= RULES.threshold:
        return token
    scores = np.array(list(table.values())) / RULES.effective_beta()
    edges = np.cumsum(np.exp(scores - scores.max()))
    return list(table)[int(np.searchsorted(edges, uniform * edges[-1], side="right"))]


def forward_seconds(shape: BenchmarkModelShape) -> float:
    """CPU-seconds of the forward pass of a model of this shape, per token."""
    from transformers import GPT2Config, GPT2LMHeadModel

    length = 256
    sizes = {"vocab_size": shape.vocabulary, "n_embd": shape.width, "n_layer": shape.layers, "n_positions": length}
    config = GPT2Config(**sizes, n_head=shape.width // 64, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config).eval()
    ids = torch.randint(shape.vocabulary, (1, length))
    with torch.inference_mode():
        return min(_time_call(lambda: model(input_ids=ids, use_cache=False))[1] for _ in range(2)) / length


def measure(shape: BenchmarkModelShape) -> list[dict[str, Any]]:
    """All on the same logits, in turn, in this process."""
    inputs = make_inputs(shape)
    best, answers = dict.fromkeys(WAYS, float("inf")), {}
    with torch.inference_mode():
        for _ in range(TURNS):
            for name, way in WAYS.items():
                answers[name], seconds = _time_call(partial(way, *inputs))
                best[name] = min(best[name], seconds)
    passing = forward_seconds(shape) * shape.tokens
    return [_line(shape, peer, best, answers, passing) for peer in WAYS if peer != "winnow"]


def _line(
    shape: BenchmarkModelShape, peer: str, best: dict[str, float], answers: dict[str, Integers], passing: float
) -> dict[str, Any]:
    ours, theirs = best["winnow"], best[peer]
    share = passing / (passing + ours)
    name = f"token editing, {shape.name} vocabulary ({shape.vocabulary:,}; forward pass {share:.0%} of the whole)"
    return {
        "name": name,
        "ours": round(shape.tokens / ours),
        "peer": round(shape.tokens / theirs),
        "peer_name": peer,
        "ratio": round(theirs / ours, 2),
        "goal": GOAL if peer == "a dictionary per token" else None,
        "same": bool(np.array_equal(answers["winnow"], answers[peer])),
        "changed": int((answers["winnow"] != make_inputs(shape)[1]).sum()),
        "forward_share": round(share, 4),
        "forward_tokens_per_second": round(shape.tokens / passing),
    }


WAYS = {"winnow": edit_with_winnow, "a dictionary per token": edit_by_token, "the same, by block": edit_by_block}


def _time_call(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([line for shape in SHAPES for line in measure(shape)], indent=2))
