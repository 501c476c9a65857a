"""Beam search with the results of Hugging Face's `generate` (early_stopping=False).

Of the 2 x width most likely continuations of a prompt, those that end and are among the first `width` are finished,
with the score log-probability / length ** length_penalty (the end token counts); the best `width` others continue. A
prompt is done when its best running beam, at its present length, scores no better than the worst of `width` finished
ones. Beams that reach the maximum length are finished there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from winnow.models.completion import Beams
from winnow.models.tiny.decoding import DecodingSession
from winnow.models.tiny.sampling import COMPACTION_SHARE, GeneratedTokens, trim_at_end
from winnow.models.tiny.vocabulary import END, FIRST_OUTPUT

IMPOSSIBLE_SCORE = -1.0e9


@dataclass
class BeamSet:
    """The beams of every prompt; `is_beam` is false for empty slots.

    Scores are (prompts, beams); tokens and log-probabilities are (prompts, beams, positions).
    """

    scores: Tensor
    tokens: Tensor
    logprobs: Tensor
    is_beam: Tensor

    def select_beams(self, beams: Tensor) -> BeamSet:
        """Return these beams of each prompt, in this order."""
        token_index = beams[..., None].expand(-1, -1, self.tokens.shape[-1])
        return BeamSet(
            self.scores.gather(1, beams),
            self.tokens.gather(1, token_index),
            self.logprobs.gather(1, token_index),
            self.is_beam.gather(1, beams),
        )

    def select_prompts(self, prompts: Tensor) -> BeamSet:
        return BeamSet(self.scores[prompts], self.tokens[prompts], self.logprobs[prompts], self.is_beam[prompts])

    def concatenate(self, other: BeamSet) -> BeamSet:
        return BeamSet(*(torch.cat(pair, 1) for pair in zip(vars(self).values(), vars(other).values(), strict=True)))


def beam_search(session: DecodingSession, method: Beams, max_new_tokens: int) -> list[list[GeneratedTokens]]:
    """Return the best n texts of each prompt, best first; fewer where the search finished fewer."""
    prompts, width = session.logits.shape[0], method.width
    device = session.logits.device
    results: list[list[GeneratedTokens]] = [[] for _ in range(prompts)]
    active = torch.arange(prompts, device=device)
    running, finished = (_empty_beams(prompts, width, max_new_tokens, device) for _ in range(2))
    running.scores[:, 0] = 0.0
    is_open = torch.ones(prompts, 1, dtype=torch.bool, device=device)
    session.expand_prompts(width)
    for position in range(max_new_tokens):
        best, parents = _extend_beams(running, session.logits.float(), width, position)
        ends = (best.tokens[:, :, position] == END) | (position + 1 == max_new_tokens)
        finished = _update_finished(finished, best, ends, is_open, (position + 1) ** method.length_penalty)
        surviving = (best.scores + ends * IMPOSSIBLE_SCORE).topk(width).indices
        running, parents = best.select_beams(surviving), parents.gather(1, surviving)
        running.scores = (best.scores + ends * IMPOSSIBLE_SCORE).gather(1, surviving)
        possible = running.scores[:, :1] / (position + 1) ** method.length_penalty
        worst = torch.where(finished.is_beam, finished.scores.min(1, keepdim=True).values, IMPOSSIBLE_SCORE)
        is_open = is_open & (possible > worst).any(1, keepdim=True)
        is_done = ~is_open[:, 0] if position + 1 < max_new_tokens else torch.ones_like(is_open[:, 0])
        if bool(is_done.all()) or float(is_done.float().mean()) >= COMPACTION_SHARE:
            _store_results(finished.select_prompts(is_done.nonzero()[:, 0]), active[is_done], method.n, results)
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
    best = running.select_beams(parents)
    best.scores = scores
    best.tokens[:, :, position] = tokens + FIRST_OUTPUT
    best.logprobs[:, :, position] = logprobs.flatten(1).gather(1, flat_index)
    return best, parents


def _update_finished(finished: BeamSet, best: BeamSet, ends: Tensor, is_open: Tensor, length: float) -> BeamSet:
    """Keep the best of the beams finished before and those that end now."""
    width = finished.scores.shape[1]
    is_leading = torch.arange(best.scores.shape[1], device=ends.device) < width
    ends_now = ends & is_leading
    scores = best.scores / length + ~is_open * IMPOSSIBLE_SCORE + ~ends_now * IMPOSSIBLE_SCORE
    merged = finished.concatenate(BeamSet(scores, best.tokens, best.logprobs, ends_now))
    return merged.select_beams(merged.scores.topk(width).indices)


def _store_results(finished: BeamSet, prompts: Tensor, n: int, results: list[list[GeneratedTokens]]) -> None:
    parts = (finished.scores.tolist(), finished.tokens.tolist(), finished.logprobs.tolist())
    for prompt, scores, tokens, logprobs in zip(prompts.tolist(), *parts, strict=True):
        valid = [beam for beam, score in enumerate(scores) if score > IMPOSSIBLE_SCORE / 2]
        results[prompt] = [trim_at_end(tokens[beam], logprobs[beam]) for beam in valid[:n]]
