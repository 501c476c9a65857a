"""Beam search, step for step what Hugging Face's `generate` does with its defaults.

Of the 2 x width likeliest continuations of a prompt, those that end and stand among the first `width` are finished,
with a score of log-probability / length ** length_penalty (the end counts); the likeliest `width` others go on. A
prompt is done when its best running beam, at its present length, scores no better than the worst of `width` finished
ones. What reaches the longest length counts as finished there. (Their `early_stopping=False`, `length_penalty=1.0`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from winnow.models.tiny.decoding import Writing
from winnow.models.tiny.drawing import MOST_DONE, Written, cut
from winnow.models.tiny.vocabulary import END, FIRST_WRITTEN
from winnow.models.writing import Beams

NEVER = -1.0e9


@dataclass
class Kept:
    """Beams of every prompt: (prompts, beams) scores, (prompts, beams, places) tokens and log-probabilities."""

    scores: Tensor
    tokens: Tensor
    logprobs: Tensor
    there: Tensor
    """Whether there is a beam, or only room for one."""

    def taken(self, beams: Tensor) -> Kept:
        """These beams of each prompt, in this order."""
        wide = beams[..., None].expand(-1, -1, self.tokens.shape[-1])
        return Kept(
            self.scores.gather(1, beams),
            self.tokens.gather(1, wide),
            self.logprobs.gather(1, wide),
            self.there.gather(1, beams),
        )

    def rows(self, prompts: Tensor) -> Kept:
        """These prompts."""
        return Kept(self.scores[prompts], self.tokens[prompts], self.logprobs[prompts], self.there[prompts])

    def beside(self, other: Kept) -> Kept:
        """Both, one after the other."""
        return Kept(*(torch.cat(pair, 1) for pair in zip(vars(self).values(), vars(other).values(), strict=True)))


def search(writing: Writing, how: Beams, longest: int) -> list[list[Written]]:
    """The best n of each prompt of the group, best first; fewer where fewer were found."""
    prompts, width = writing.logits.shape[0], how.width
    device = writing.logits.device
    results: list[list[Written]] = [[] for _ in range(prompts)]
    alive = torch.arange(prompts, device=device)
    running, finished = _room(prompts, width, longest, device), _room(prompts, width, longest, device)
    running.scores[:, 0] = 0.0
    open_ = torch.ones(prompts, 1, dtype=torch.bool, device=device)
    writing.spread(width)
    for place in range(longest):
        best, parents = _continued(running, writing.logits.float(), width, place)
        ends = (best.tokens[:, :, place] == END) | (place + 1 == longest)
        finished = _finished(finished, best, ends, open_, (place + 1) ** how.length_penalty)
        going = (best.scores + ends * NEVER).topk(width).indices
        running, parents = best.taken(going), parents.gather(1, going)
        running.scores = (best.scores + ends * NEVER).gather(1, going)
        possible = running.scores[:, :1] / (place + 1) ** how.length_penalty
        worst = torch.where(finished.there, finished.scores.min(1, keepdim=True).values, NEVER)
        open_ = open_ & (possible > worst).any(1, keepdim=True)
        done = ~open_[:, 0] if place + 1 < longest else torch.ones_like(open_[:, 0])
        if bool(done.all()) or float(done.float().mean()) >= MOST_DONE:
            _hand_over(finished.rows(done.nonzero()[:, 0]), alive[done], how.n, results)
            if bool(done.all()):
                break
            kept = (~done).nonzero()[:, 0]
            writing.keep(kept, width)
            alive, open_, parents = alive[kept], open_[kept], parents[kept]
            running, finished = running.rows(kept), finished.rows(kept)
        writing.follow(parents)
        writing.write(running.tokens[:, :, place])
    return results


def _room(prompts: int, width: int, longest: int, device: torch.device) -> Kept:
    shape = (prompts, width, longest)
    return Kept(
        torch.full(shape[:2], NEVER, device=device),
        torch.full(shape, END, device=device),
        torch.zeros(shape, device=device),
        torch.zeros(shape[:2], dtype=torch.bool, device=device),
    )


def _continued(running: Kept, logits: Tensor, width: int, place: int) -> tuple[Kept, Tensor]:
    """The 2 x width likeliest continuations of each prompt, and which beam each continues."""
    logprobs = logits.log_softmax(-1).expand(-1, width, -1)
    size = logprobs.shape[-1]
    scores, found = (logprobs + running.scores[..., None]).flatten(1).topk(min(2 * width, width * size))
    parents, tokens = found // size, found % size
    best = running.taken(parents)
    best.scores = scores
    best.tokens[:, :, place] = tokens + FIRST_WRITTEN
    best.logprobs[:, :, place] = logprobs.flatten(1).gather(1, found)
    return best, parents


def _finished(finished: Kept, best: Kept, ends: Tensor, open_: Tensor, length: float) -> Kept:
    """The best of what was finished before and what ends now."""
    width = finished.scores.shape[1]
    first = torch.arange(best.scores.shape[1], device=ends.device) < width
    now = ends & first
    scores = best.scores / length + ~open_ * NEVER + ~now * NEVER
    merged = finished.beside(Kept(scores, best.tokens, best.logprobs, now))
    return merged.taken(merged.scores.topk(width).indices)


def _hand_over(finished: Kept, prompts: Tensor, n: int, results: list[list[Written]]) -> None:
    parts = (finished.scores.tolist(), finished.tokens.tolist(), finished.logprobs.tolist())
    for prompt, scores, tokens, logprobs in zip(prompts.tolist(), *parts, strict=True):
        found = [place for place, score in enumerate(scores) if score > NEVER / 2]
        results[prompt] = [cut(tokens[place], logprobs[place]) for place in found[:n]]
