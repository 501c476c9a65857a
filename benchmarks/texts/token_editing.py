"""Compares token editing of winnow, from logits to edited tokens, with the rule of the paper's code.

`python benchmarks/texts/token_editing.py`. The rule, restated by us, makes a dictionary per token of its 8 most likely
candidates and the token itself; tokens above .99 are resampled with weights softmax(logp / 1.5). One version works by
token, the other computes the log-probabilities of many positions at once, as a server would. All get the same logits
and uniform numbers; `same` means that they return the same tokens. A seventh of the tokens are near certain, about as
in the corpora of the paper. The forward pass of a model of that shape is timed as well, because on a CPU it is nearly
all of the work; the name of the row states its share.
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

from winnow.models.huggingface import LOGPROBS_AT_ONCE, VALUES_PER_PASS, Window, score_tokens
from winnow.models.prior import CandidateRequest, Floats, Integers
from winnow.stages.edit.config import EditConfig
from winnow.stages.edit.editor import NO_REPLACEMENT, add_current_token, draw_columns, select_tokens

GOAL = 3.0
TURNS = 5
NEAR_CERTAIN_SHARE = 1 / 7
RULES = EditConfig(threshold=0.99, top_k=8, like="code")


@dataclass(frozen=True)
class BenchmarkModelShape:
    """The shape of a model and the number of tokens to measure."""

    name: str
    vocabulary: int
    layers: int
    width: int
    tokens: int


SHAPES = (BenchmarkModelShape("tiny", 2_048, 2, 128, 4096), BenchmarkModelShape("GPT-2's", 50_257, 12, 768, 1024))


def make_inputs(shape: BenchmarkModelShape, seed: int = 1) -> tuple[Any, Integers, Floats]:
    """Return logits, the tokens that follow them, and a uniform number for each token."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (shape.tokens, shape.vocabulary)).astype(np.float32)
    ids = rng.integers(0, shape.vocabulary, shape.tokens)
    near_certain = np.flatnonzero(rng.random(shape.tokens) < NEAR_CERTAIN_SHARE)
    # Probabilities of .991 to .999.
    top = np.log(np.exp(logits[near_certain]).sum(1)) + rng.uniform(4.8, 6.9, len(near_certain))
    logits[near_certain, ids[near_certain]] = top
    # Half of the numbers are large, so that some tokens change.
    uniforms = np.where(rng.random(shape.tokens) < 0.5, rng.uniform(0.99, 1, shape.tokens), rng.random(shape.tokens))
    return torch.from_numpy(logits), ids, uniforms


def edit_with_winnow(logits: Any, ids: Integers, uniforms: Floats) -> Integers:
    """Edit as `winnow edit` does, without its handling of characters."""
    edited, block = ids.copy(), max(1, LOGPROBS_AT_ONCE // logits.shape[1])
    window = Window(0, 0, len(ids) + 1, 1)

    def select(document: int, first: int, own: Floats) -> npt.NDArray[np.bool_]:
        logprobs[first - 1 : first - 1 + len(own)] = own
        return select_tokens(own, RULES).resample

    logprobs, request = np.zeros(len(ids)), CandidateRequest(select, RULES.top_k)
    for at in range(0, len(ids), block):
        tokens = torch.from_numpy(ids[at : at + block])
        part = score_tokens(torch, logits[at : at + block], tokens, window, at, request)
        places = part.candidate_positions - 1
        candidates = add_current_token(part.candidates, ids[places], logprobs[places])
        possible = np.isfinite(candidates.logprobs)
        columns = draw_columns(candidates, possible, RULES.temperature, uniforms[places])
        replacements = candidates.ids[np.arange(len(places)), np.maximum(columns, 0)]
        edited[places] = np.where(columns == NO_REPLACEMENT, ids[places], replacements)
    return edited


def edit_by_token(logits: Any, ids: Integers, uniforms: Floats) -> Integers:
    """Edit token by token with a dictionary per token."""
    edited = []
    for at, token in enumerate(ids.tolist()):
        logp = torch.log_softmax(logits[at], -1)
        values, candidates = logp.topk(RULES.candidate_count)
        edited.append(_apply_rule(_candidate_table(values, candidates, token, logp), token, float(uniforms[at])))
    return np.array(edited)


def edit_by_block(logits: Any, ids: Integers, uniforms: Floats) -> Integers:
    """Edit with log-probabilities of many positions at once, then a dictionary per token."""
    edited, block = [], max(1, VALUES_PER_PASS // logits.shape[1])
    for at in range(0, len(ids), block):
        logp = torch.log_softmax(logits[at : at + block], -1)
        values, candidates = logp.topk(RULES.candidate_count)
        tokens = ids[at : at + block].tolist()
        positions = zip(values, candidates, tokens, logp, strict=True)
        tables = [_candidate_table(*position) for position in positions]
        rows = zip(tables, tokens, uniforms[at : at + block].tolist(), strict=True)
        edited += [_apply_rule(*row) for row in rows]
    return np.array(edited)


def _candidate_table(values: Any, candidates: Any, token: int, logp: Any) -> dict[int, float]:
    table = dict(zip(candidates.tolist(), values.tolist(), strict=True))
    table.setdefault(token, float(logp[token]))
    return table


def _apply_rule(table: dict[int, float], token: int, uniform: float) -> int:
    if np.exp(table[token]) <= RULES.threshold:
        return token
    scores = np.array(list(table.values())) / RULES.temperature
    edges = np.cumsum(np.exp(scores - scores.max()))
    return list(table)[int(np.searchsorted(edges, uniform * edges[-1], side="right"))]


def forward_seconds(shape: BenchmarkModelShape) -> float:
    """Return the CPU seconds per token of the forward pass of a model of this shape."""
    from transformers import GPT2Config, GPT2LMHeadModel

    length = 256
    sizes = {"vocab_size": shape.vocabulary, "n_embd": shape.width, "n_layer": shape.layers, "n_positions": length}
    config = GPT2Config(**sizes, n_head=shape.width // 64, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config).eval()
    ids = torch.randint(shape.vocabulary, (1, length))
    with torch.inference_mode():
        return min(_time_call(lambda: model(input_ids=ids, use_cache=False))[1] for _ in range(2)) / length


def measure(shape: BenchmarkModelShape) -> list[dict[str, Any]]:
    """Measure all methods on the same logits in turn."""
    inputs = make_inputs(shape)
    best, answers = dict.fromkeys(METHODS, float("inf")), {}
    with torch.inference_mode():
        for _ in range(TURNS):
            for name, method in METHODS.items():
                answers[name], seconds = _time_call(partial(method, *inputs))
                best[name] = min(best[name], seconds)
    forward = forward_seconds(shape) * shape.tokens
    return [_line(shape, peer, best, answers, forward) for peer in METHODS if peer != "winnow"]


def _line(
    shape: BenchmarkModelShape, peer: str, best: dict[str, float], answers: dict[str, Integers], forward: float
) -> dict[str, Any]:
    ours, theirs = best["winnow"], best[peer]
    share = forward / (forward + ours)
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
        "forward_tokens_per_second": round(shape.tokens / forward),
    }


METHODS = {"winnow": edit_with_winnow, "a dictionary per token": edit_by_token, "the same, by block": edit_by_block}


def _time_call(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([line for shape in SHAPES for line in measure(shape)], indent=2))
