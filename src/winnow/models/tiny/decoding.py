"""Decoding of many prompts at once, each with one or several continuations: greedy, sampled, and by beams.

Keys and values of a prompt, or of the encoder, are stored once and shared by its continuations. Prompts of a group have
the same length, so nothing is padded. Each continuation has random numbers of its own, one per token, so the samples do
not depend on the batch or the order of prompts, and the first samples stay the same when more are requested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from winnow.models.completion import Beams, DecodingMethod, Sampling
from winnow.models.tiny.network import Network, TransformerBlock
from winnow.models.tiny.vocabulary import END, FIRST_OUTPUT, EncodedRow
from winnow.statistics.row_random import row_generator

COMPACTION_SHARE = 0.25
"""Finished prompts are dropped from a group once they are this share of it."""
IMPOSSIBLE_SCORE = -1.0e9
KeyValues = tuple[Tensor, Tensor]
TokenChooser = Callable[[Tensor, Tensor, int], Tensor]
"""Chooses token indices from logits, the numbers of their prompts, and the position."""
GeneratedTokens = tuple[list[int], list[float]]
"""Tokens and their log-probabilities; what follows the end token does not count."""


class DecodingSession:
    """A group of prompts being completed; `logits` of the next token are (prompts, continuations, tokens)."""

    def __init__(self, network: Network, rows: Sequence[EncodedRow], max_new_tokens: int) -> None:
        self.device = network.device
        self._network = network
        self._blocks = [cast(TransformerBlock, block) for block in network.decoder]
        prefix = torch.tensor([row.prefix for row in rows], device=self.device)
        self._own_length = 0
        has_encoder = bool(rows[0].encoder_input)
        capacity = max_new_tokens + has_encoder
        self._own_cache = [_empty_cache(block, len(rows), capacity) for block in self._blocks]
        if has_encoder:
            memory, _ = network.encode(rows)
            self._shared_cache = [_prepare_keys(*block.across.memory(memory)) for block in self._blocks]
            self._position = 0
            self.logits = self._decode_step(prefix)
        else:
            self._position = prefix.shape[1]
            self.logits = self._prefill(prefix)

    def _prefill(self, prefix: Tensor) -> Tensor:
        """Run the prompts in one pass and cache their keys and values."""
        network = self._network
        x = network.tokens(prefix) + network.places.weight[: prefix.shape[1]]
        self._shared_cache = []
        for block in self._blocks:
            self._shared_cache.append(_prepare_keys(*block.attention.memory(block.first(x))))
            is_last = block is self._blocks[-1]
            x = block.forward_tail(x, prefix.shape[1] - 1) if is_last else block(x, True)
        return network.logits(network.norm(x))

    def expand_prompts(self, n: int) -> None:
        """Start n continuations of each prompt."""
        self._own_cache = [(k.repeat_interleave(n, 0), v.repeat_interleave(n, 0)) for k, v in self._own_cache]

    def append_tokens(self, tokens: Tensor) -> None:
        """Append one token to each continuation: (prompts, continuations)."""
        self.logits = self._decode_step(tokens)

    def reorder_beams(self, beams: Tensor) -> None:
        """Replace continuation i of a prompt by a copy of its continuation beams[i]."""
        prompts, n = beams.shape
        flat = (beams + n * torch.arange(prompts, device=beams.device)[:, None]).flatten()
        for pair in self._own_cache:
            for cache in pair:
                cache[:, :, : self._own_length] = cache[flat, :, : self._own_length]

    def keep_prompts(self, prompts: Tensor, n: int) -> None:
        """Drop all prompts but these."""
        rows = (prompts[:, None] * n + torch.arange(n, device=prompts.device)).flatten()
        self._shared_cache = [(k[prompts], v[prompts]) for k, v in self._shared_cache]
        self._own_cache = [(k[rows], v[rows]) for k, v in self._own_cache]

    def _decode_step(self, tokens: Tensor) -> Tensor:
        network, (prompts, n) = self._network, tokens.shape
        x = network.tokens(tokens.flatten()) + network.places.weight[self._position]
        self._position += 1
        self._own_length += 1
        for block, shared, own in zip(self._blocks, self._shared_cache, self._own_cache, strict=True):
            attention = block.attention
            queries, keys, values = attention.into(block.first(x)).view(prompts * n, 3, attention.heads, -1).unbind(1)
            for cache, new in zip(own, (keys, values), strict=True):
                cache[:, :, self._own_length - 1] = new
            own_so_far = (own[0][:, :, : self._own_length], own[1][:, :, : self._own_length])
            if block.has_across:
                x = x + attention.out(_attend_own(queries, own_so_far))
                queries_across = block.across.queries(block.second(x)[:, None])
                x = x + block.across.out(_attend_shared(queries_across[:, :, 0], shared, n))
            else:
                x = x + attention.out(_attend_both(queries, shared, own_so_far, n))
            x = x + block.feed_forward(x)
        return network.logits(network.norm(x)).view(prompts, n, -1)


def _empty_cache(block: TransformerBlock, rows: int, capacity: int) -> KeyValues:
    shape = (rows, block.attention.heads, capacity, block.attention.size)
    return block.up.weight.new_empty(shape), block.up.weight.new_empty(shape)


def _prepare_keys(keys: Tensor, values: Tensor) -> KeyValues:
    """Transpose the keys for the product with the queries."""
    return keys.transpose(2, 3).contiguous(), values.contiguous()


def _group_queries(queries: Tensor, n: int) -> Tensor:
    """(prompts * n, heads, size) as (prompts, heads, n, size), so that continuations are rows of one product."""
    rows, heads, size = queries.shape
    scale: float = size**-0.5
    return queries.view(rows // n, n, heads, size).transpose(1, 2) * scale


def _merge_heads(mixed: Tensor) -> Tensor:
    """(prompts, heads, n, size) as (prompts * n, width)."""
    prompts, _, n, _ = mixed.shape
    return mixed.transpose(1, 2).reshape(prompts * n, -1)


def _attend_shared(queries: Tensor, shared: KeyValues, n: int) -> Tensor:
    keys, values = shared
    mixed: Tensor = (_group_queries(queries, n) @ keys).softmax(-1) @ values
    return _merge_heads(mixed)


def _attend_own(queries: Tensor, own: KeyValues) -> Tensor:
    keys, values = own
    weights = (keys @ (queries * queries.shape[-1] ** -0.5)[..., None]).softmax(2)
    mixed: Tensor = weights.transpose(2, 3) @ values
    return mixed.flatten(1)


def _attend_both(queries: Tensor, shared: KeyValues, own: KeyValues, n: int) -> Tensor:
    """Attend to the positions of the prompt and of the continuation in one softmax."""
    grouped = _group_queries(queries, n)
    prompt_scores = grouped @ shared[0]
    prompts, heads, _, prompt_length = prompt_scores.shape
    own_scores = own[0] @ (queries * queries.shape[-1] ** -0.5)[..., None]
    own_grouped = own_scores.view(prompts, n, heads, -1).transpose(1, 2)
    weights = torch.cat((prompt_scores, own_grouped), -1).softmax(-1)
    mixed = _merge_heads(weights[..., :prompt_length] @ shared[1])
    rest = weights[..., prompt_length:].transpose(1, 2).reshape(prompts * n, heads, 1, -1)
    return mixed + (rest @ own[1]).flatten(1)


def decode_group(
    network: Network,
    rows: Sequence[EncodedRow],
    keys: list[str],
    method: DecodingMethod,
    seed: int,
    max_new_tokens: int,
) -> list[list[GeneratedTokens]]:
    """Continue prompts of equal length; the random numbers of a prompt depend on the seed and its key."""
    session = DecodingSession(network, rows, max_new_tokens)
    if isinstance(method, Beams):
        return beam_search(session, method, max_new_tokens)
    if isinstance(method, Sampling):
        choose = _make_sampler(method, seed, keys, max_new_tokens, session.device)
        return generate_tokens(session, choose, method.n, max_new_tokens)
    return generate_tokens(session, lambda logits, prompts, position: logits.argmax(-1), 1, max_new_tokens)


def _make_sampler(
    method: Sampling, seed: int, keys: list[str], max_new_tokens: int, device: torch.device
) -> TokenChooser:
    """Draw a random number for each prompt, continuation and position, and choose tokens by them."""
    shape = (method.n, max_new_tokens)
    uniforms = np.stack([row_generator(seed, "completion", key).random(shape) for key in keys])
    chances = torch.from_numpy(uniforms).to(device)

    def choose(logits: Tensor, prompts: Tensor, position: int) -> Tensor:
        scaled = logits.double() / method.temperature
        if method.top_k is not None and method.top_k < scaled.shape[-1]:
            least = scaled.topk(method.top_k, -1).values[..., -1:]
            scaled = scaled.masked_fill(scaled < least, -torch.inf)
        cumulative = scaled.softmax(-1).cumsum(-1)
        targets = chances[prompts, :, position][..., None] * cumulative[..., -1:]
        return (cumulative <= targets).sum(-1).clamp(max=cumulative.shape[-1] - 1)

    return choose


def generate_tokens(
    session: DecodingSession, choose: TokenChooser, n: int, max_new_tokens: int
) -> list[list[GeneratedTokens]]:
    """Generate n continuations of each prompt of a group."""
    device, prompts = session.device, session.logits.shape[0]
    active = torch.arange(prompts, device=device)
    tokens = torch.full((prompts, n, max_new_tokens), END, device=device)
    logprobs = torch.zeros(prompts, n, max_new_tokens, device=device)
    ended = torch.zeros(prompts, n, dtype=torch.bool, device=device)
    session.expand_prompts(n)
    for position in range(max_new_tokens):
        logits = session.logits.float().expand(-1, n, -1)
        chosen = choose(logits, active, position)
        tokens[active, :, position] = chosen + FIRST_OUTPUT
        logprobs[active, :, position] = logits.log_softmax(-1).gather(-1, chosen[..., None])[..., 0]
        ended = ended | (chosen + FIRST_OUTPUT == END)
        is_active = ~ended.all(1)
        if position + 1 == max_new_tokens or not bool(is_active.any()):
            break
        if float(is_active.float().mean()) <= 1 - COMPACTION_SHARE:
            remaining = is_active.nonzero()[:, 0]
            session.keep_prompts(remaining, n)
            active, ended, chosen = active[remaining], ended[remaining], chosen[remaining]
        session.append_tokens(chosen + FIRST_OUTPUT)
    return [list(zip(*results, strict=True)) for results in zip(tokens.tolist(), logprobs.tolist(), strict=True)]


class BeamSet(NamedTuple):
    """The beams of every prompt; `is_beam` is false for empty slots.

    Scores are (prompts, beams); tokens and log-probabilities are (prompts, beams, positions).
    """

    scores: Tensor
    tokens: Tensor
    logprobs: Tensor
    is_beam: Tensor

    def select_beams(self, beams: Tensor) -> BeamSet:
        """Return these beams of each prompt, in this order."""
        prompts = torch.arange(len(beams), device=beams.device)[:, None]
        return BeamSet(*(part[prompts, beams] for part in self))

    def select_prompts(self, prompts: Tensor) -> BeamSet:
        return BeamSet(*(part[prompts] for part in self))


def beam_search(session: DecodingSession, method: Beams, max_new_tokens: int) -> list[list[GeneratedTokens]]:
    """Return the best n texts of each prompt, best first, as Hugging Face's `generate` with early_stopping=False.

    Of the 2 x width most likely continuations of a prompt, those that end and are among the first `width` are finished,
    with the score log-probability / length ** length_penalty (the end token counts); the best `width` others continue.
    A prompt is done when its best running beam, at its present length, scores no better than the worst of `width`
    finished ones. Beams that reach the maximum length are finished there. A search that finished fewer returns fewer.
    """
    prompts, width, device = session.logits.shape[0], method.width, session.device
    results: list[list[GeneratedTokens]] = [[] for _ in range(prompts)]
    active = torch.arange(prompts, device=device)
    running, finished = (_empty_beams(prompts, width, max_new_tokens, device) for _ in range(2))
    running.scores[:, 0] = 0.0
    is_open = torch.ones(prompts, 1, dtype=torch.bool, device=device)
    session.expand_prompts(width)
    for position in range(max_new_tokens):
        best, parents = _extend_beams(running, session.logits.float(), width, position)
        length_factor, is_last = (position + 1) ** method.length_penalty, position + 1 == max_new_tokens
        ends = (best.tokens[:, :, position] == END) | is_last
        finished = _update_finished(finished, best, ends, is_open, length_factor)
        best = best._replace(scores=best.scores + ends * IMPOSSIBLE_SCORE)
        surviving = best.scores.topk(width).indices
        running, parents = best.select_beams(surviving), parents.gather(1, surviving)
        possible = running.scores[:, :1] / length_factor
        worst = torch.where(finished.is_beam, finished.scores.min(1, keepdim=True).values, IMPOSSIBLE_SCORE)
        is_open = is_open & (possible > worst).any(1, keepdim=True)
        is_done = ~is_open[:, 0] | is_last
        if float(is_done.float().mean()) >= COMPACTION_SHARE:
            _store_results(finished.select_prompts(is_done), active[is_done], method.n, results)
            if bool(is_done.all()):
                break
            remaining = (~is_done).nonzero()[:, 0]
            session.keep_prompts(remaining, width)
            active, is_open, parents = active[remaining], is_open[remaining], parents[remaining]
            running, finished = running.select_prompts(remaining), finished.select_prompts(remaining)
        session.reorder_beams(parents)
        session.append_tokens(running.tokens[:, :, position])
    return results


def _empty_beams(prompts: int, width: int, max_new_tokens: int, device: torch.device) -> BeamSet:
    shape = (prompts, width, max_new_tokens)
    return BeamSet(
        torch.full(shape[:2], IMPOSSIBLE_SCORE, device=device),
        torch.full(shape, END, device=device),
        torch.zeros(shape, device=device),
        torch.zeros(shape[:2], dtype=torch.bool, device=device),
    )


def _extend_beams(running: BeamSet, logits: Tensor, width: int, position: int) -> tuple[BeamSet, Tensor]:
    """Return the 2 x width most likely continuations of each prompt, and the beam that each continues."""
    logprobs = logits.log_softmax(-1).expand(-1, width, -1)
    size = logprobs.shape[-1]
    scores, flat_index = (logprobs + running.scores[..., None]).flatten(1).topk(min(2 * width, width * size))
    parents, tokens = flat_index // size, flat_index % size
    best = running.select_beams(parents)._replace(scores=scores)
    best.tokens[:, :, position] = tokens + FIRST_OUTPUT
    best.logprobs[:, :, position] = logprobs.flatten(1).gather(1, flat_index)
    return best, parents


def _update_finished(finished: BeamSet, best: BeamSet, ends: Tensor, is_open: Tensor, length_factor: float) -> BeamSet:
    """Keep the best of the beams finished before and those that end now."""
    width = finished.scores.shape[1]
    ends_now = ends & (torch.arange(best.scores.shape[1], device=ends.device) < width)
    scores = best.scores / length_factor + ~is_open * IMPOSSIBLE_SCORE + ~ends_now * IMPOSSIBLE_SCORE
    new = best._replace(scores=scores, is_beam=ends_now)
    merged = BeamSet(*(torch.cat(pair, 1) for pair in zip(finished, new, strict=True)))
    return merged.select_beams(merged.scores.topk(width).indices)


def _store_results(finished: BeamSet, prompts: Tensor, n: int, results: list[list[GeneratedTokens]]) -> None:
    parts = (finished.scores.tolist(), finished.tokens.tolist(), finished.logprobs.tolist())
    for prompt, scores, tokens, logprobs in zip(prompts.tolist(), *parts, strict=True):
        valid = [beam for beam, score in enumerate(scores) if score > IMPOSSIBLE_SCORE / 2]
        results[prompt] = [(tokens[beam], logprobs[beam]) for beam in valid[:n]]
